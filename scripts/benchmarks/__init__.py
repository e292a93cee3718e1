"""Benchmarks of the command line, the editor and the renderer."""
