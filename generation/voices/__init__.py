"""Voice presets and voice cloning."""
