"""Singing: notes, syllables laid on them, and sound brought to a given melody and timing."""
