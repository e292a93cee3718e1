"""Rules that turn written signs into words, grouped by subject."""
