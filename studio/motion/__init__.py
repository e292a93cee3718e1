"""Motion without a film: faces as meshes that move (glTF), take files, and people out of videos."""
