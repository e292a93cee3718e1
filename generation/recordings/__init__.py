"""Recordings as lines: the speech in them, what else is in them, and what is worth a look."""
