"""From a scene to everybody's speech and motion."""
