"""Dubbing: new mouths for the people of a video; everything else stays as it is decoded."""
