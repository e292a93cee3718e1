"""From a performance to a video: rendering, frame cache, previews."""
