"""When everything happens: lines on the clock, segments, word times."""
