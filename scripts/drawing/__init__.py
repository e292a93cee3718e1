"""The drawn cast of the samples."""
