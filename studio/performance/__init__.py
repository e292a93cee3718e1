"""Performance of a scene: speech and motion of everybody."""
