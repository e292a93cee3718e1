"""Measures on real videos."""
