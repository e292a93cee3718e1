"""Judges of faces: expression and identity networks, and what they say of rendered clips."""
