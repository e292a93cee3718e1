"""Rules that turn written signs into words, by what they are about."""
