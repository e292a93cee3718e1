"""A video in place of the picture: new mouths and voices for its people, over its own frames and sound."""
