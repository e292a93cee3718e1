"""Everything that is wrong with a scene, found before any heavy work."""
