"""What a line's voice, face and head are to do besides its words, as explicit data."""
