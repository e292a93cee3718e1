"""Facial motion without networks: the rig, tracking, gaze, keyframes, articulation, ARKit files."""
