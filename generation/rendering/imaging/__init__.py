"""Pictures as tensors: sampling between pixels, dense warps, background inpainting."""
