"""Validation of scenes before any heavy work."""
