"""Faces and people in the picture: landmarks, character masks, motion regions, routing weights (no torch)."""
