"""Export of a render: video, sound, subtitles, curves, timeline, provenance."""
