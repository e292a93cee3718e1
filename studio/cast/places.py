"""Where something lies in the picture: its box in pixels of the picture's file, and that in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels of the picture as its file has it, as regions count."""


def file_box(edges: Sequence[float], size: tuple[int, int], full: tuple[int, int]) -> Box:
    """A box (left, top, right, bottom) of the loaded picture, cut at its edges, in pixels of the file.

    Args:
        edges: in pixels of the loaded picture.
        size: that one's height and width.
        full: width and height of the picture as its file has it.
    """
    scale = np.array([full[0] / size[1], full[1] / size[0]])
    corners = np.clip(np.reshape(edges, (2, 2)) * scale, 0, full)
    low, high = np.floor(corners[0]).astype(int), np.ceil(corners[1]).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def place_in_words(box: Box, full: tuple[int, int]) -> str:
    """``at the top left (x 10 to 60, y 20 to 80)`` of a picture of ``full`` width and height."""
    left, top, right, bottom = box
    across = ("left", "", "right")[min(2, int(3 * (left + right) / 2 / full[0]))]
    down = ("top", "", "bottom")[min(2, int(3 * (top + bottom) / 2 / full[1]))]
    side = " ".join(filter(None, (down, across)))
    return f"{f'at the {side}' if side else 'in the middle'} (x {left} to {right}, y {top} to {bottom})"
