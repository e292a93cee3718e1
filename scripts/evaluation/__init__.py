"""The parts of `make eval`."""
