"""Faces through a video: cuts, people followed from frame to frame and known again after a cut (no torch)."""
