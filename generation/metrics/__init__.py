"""Measures of speech, motion and binding, as pure functions of arrays."""
