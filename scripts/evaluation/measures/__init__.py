"""One module a group of measures."""
