"""Videos that people bring: what their header says, and their frames at the clock's rate."""
