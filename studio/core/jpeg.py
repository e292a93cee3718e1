"""JPEG encoding of pictures for the pages."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

_QUALITY = 88


def jpeg_bytes(picture: Image.Image | np.ndarray) -> bytes:
    """A picture, (H, W, 3) uint8 RGB where it is an array, as a JPEG file."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=_QUALITY)
    return packed.getvalue()
