"""Production of the video from a performance: rendering, frame cache, previews."""
