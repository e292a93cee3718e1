"""The mouth: lip line in the picture, both lips as layers, and the mouth interior."""
