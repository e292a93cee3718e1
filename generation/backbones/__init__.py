"""Large video models (LTX-2, Wan) that render a scene: the same voices, masks and guider in diffusers' own blocks."""
