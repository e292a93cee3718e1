"""Scene documents, the command line and the editor."""
