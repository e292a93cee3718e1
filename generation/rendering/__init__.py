"""Motion to pixels."""
