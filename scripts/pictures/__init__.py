"""Pictures as people bring them, made anew: two photographs and drawn casts in sixty situations."""
