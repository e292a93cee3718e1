"""Pseudo-labels of motion for the speech corpus, the motion teacher that makes them, and the fit of the rig."""
