"""Long recordings cut into lines."""
