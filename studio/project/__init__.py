"""A project on disk: scene, media, versions, takes."""
