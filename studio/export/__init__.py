"""What a render writes: video, sound, subtitles, curves, timeline, provenance."""
