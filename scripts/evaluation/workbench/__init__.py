"""What the workbench and the exact words are measured by."""
