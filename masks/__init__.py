"""Who is where in the picture: landmarks, character masks, motion regions, routing weights (numpy only, no torch)."""
