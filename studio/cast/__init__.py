"""Cast in the picture: face assignment, character masks, motion regions, routing weights."""
