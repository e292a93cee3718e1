"""Name tags of the speakers, drawn into the frames of a preview."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont


def name_tag(name: str, colour: str) -> np.ndarray:
    """A plate with a name, (h, w, 3) uint8."""
    font = ImageFont.load_default(13)
    left, top, right, bottom = map(int, font.getbbox(name))
    plate = Image.new("RGB", (right - left + 12, bottom - top + 8), colour)
    red, green, blue = ImageColor.getrgb(colour)[:3]
    dark = 0.3 * red + 0.59 * green + 0.11 * blue < 150
    ImageDraw.Draw(plate).text((6 - left, 4 - top), name, fill="white" if dark else "black", font=font)
    return np.asarray(plate)


def draw_name_tags(frame: np.ndarray, tags: Sequence[np.ndarray]) -> np.ndarray:
    """The frame with the plates of those who speak in its lower left corner."""
    if not tags:
        return frame
    frame = frame.copy()
    left = 6
    for tag in tags:
        height, width = min(tag.shape[0], frame.shape[0] - 6), min(tag.shape[1], frame.shape[1] - left)
        if width > 0 and height > 0:
            top = frame.shape[0] - 6 - height
            frame[top : top + height, left : left + width] = tag[:height, :width]
        left += tag.shape[1] + 6
    return frame
