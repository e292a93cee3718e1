"""Visible AI watermark: a small plate in a corner of every frame that says the picture is generated, or altered."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

TEXTS = ("AI-generated", "AI")
ALTERED_TEXTS = ("AI-altered video", "AI-altered", "AI")
"""The same in a video that was given."""
_LEAST_LETTER = 10  # pixels of font size below which letters are no longer read
_SHARE = 0.028  # of the shorter side
_PLATE = 0.72  # opacity of the dark plate: white letters keep a contrast of at least 4.5 : 1 over white


@cache
def _plate(height: int, width: int, texts: tuple[str, ...]) -> np.ndarray:
    """Letters and plate for a picture of this size: (h, w, 2) float32, letters and coverage in [0, 1]."""
    size = max(_LEAST_LETTER, round(_SHARE * min(height, width)))
    font = ImageFont.load_default(size)
    pad = max(2, size // 4)
    for text in texts:
        left, top, right, bottom = map(int, font.getbbox(text))
        box = (right - left + 2 * pad, bottom - top + 2 * pad)
        if box[0] <= width // 2:
            break
    letters = Image.new("L", box)
    ImageDraw.Draw(letters).text((pad - left, pad - top), text, fill=255, font=font)
    shape = Image.new("L", box)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, box[0] - 1, box[1] - 1), radius=pad, fill=255)
    return np.stack([np.asarray(letters), np.asarray(shape)], -1).astype(np.float32)[:height, :width] / 255


def watermark_box(height: int, width: int, texts: tuple[str, ...] = TEXTS) -> tuple[slice, slice]:
    """Rows and columns of the label in a picture of this size: the upper right corner, clear of subtitles."""
    h, w = _plate(height, width, texts).shape[:2]
    margin = max(0, min(round(0.012 * min(height, width)), height - h, width - w))
    return slice(margin, margin + h), slice(width - margin - w, width - margin)


def draw_watermark(frame: np.ndarray, texts: tuple[str, ...] = TEXTS) -> np.ndarray:
    """A copy of the frame, (H, W, 3) uint8 RGB or (H, W, 4) RGBA, with the label in its upper right corner.

    White letters on a dark plate, 2.8 % of the shorter side and at least 10 pixels; the first of ``texts`` that takes
    no more than half of the width. Pixels outside :func:`watermark_box` stay as they are.
    """
    height, width = frame.shape[:2]
    rows, columns = watermark_box(height, width, texts)
    letters, shape = np.moveaxis(_plate(height, width, texts)[..., None], 2, 0)
    marked = frame.copy()
    if frame.shape[2] == 4:
        marked[rows, columns] = _over(marked[rows, columns] / 255, letters, shape)
        return marked
    behind = marked[rows, columns] * (1 - _PLATE * shape) + 16 * _PLATE * shape
    marked[rows, columns] = np.round(behind * (1 - letters) + 255 * letters)
    return marked


def _over(under: np.ndarray, letters: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Plate and letters over colours (h, w, 4) in [0, 1] with their opacity; uint8 (h, w, 4)."""
    opacity = under[..., 3:]
    colour = under[..., :3] * opacity
    for level, cover in ((16 / 255, _PLATE * shape), (1.0, letters)):
        colour = colour * (1 - cover) + level * cover
        opacity = opacity * (1 - cover) + cover
    return np.round(255 * np.dstack([colour / np.maximum(opacity, 1e-6), opacity])).astype(np.uint8)
