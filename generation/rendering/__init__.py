"""2.5-D renderer: facial motion of several people in one picture becomes video frames (see ``scene.SceneRenderer``)."""
