"""Pictures as tensors: sampling between pixels, dense warps, and filling in what is behind a head."""
