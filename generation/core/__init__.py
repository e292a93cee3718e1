"""Values and small helpers that every room shares: clock, motion tracks, the pipeline's data, shipped files."""
