"""Network definitions and their inference; no training code."""
