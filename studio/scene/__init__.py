"""The scene document: schema, files, script format, retakes, styles."""
