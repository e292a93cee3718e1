"""Scripts in the formats that people bring: screenplays, dialogue as plain text, subtitles and tables."""
