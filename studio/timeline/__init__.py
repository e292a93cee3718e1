"""Timeline of a scene: lines on the clock, segments, word times."""
