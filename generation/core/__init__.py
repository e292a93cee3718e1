"""Values and small helpers that every room shares: the clock, motion tracks, pipeline inputs and outputs, shipped
files."""
