"""The mouth: the lip line in the picture, both lips as layers, and what shows between them."""
