"""Measures on people who talk with each other."""
