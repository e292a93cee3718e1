"""Portraits on a wall or a poster: whether a face stands in a frame of its own that closes below the chin."""

from __future__ import annotations

import cv2
import numpy as np

from masks.landmarks import FaceLandmarks
from masks.topology import CHIN, FOREHEAD_TOP

NEAREST, FURTHEST = 0.55, 2.6
"""Where a frame's sides may lie, face heights from the middle of the face."""
LEAST_STEP = 12.0
"""Least step of a colour, 0..255, across a frame's line."""
STRAIGHT = 0.8
"""Share of a line's length at which the step must be seen."""
_SIZE = 160


def in_frame(picture: np.ndarray, face: FaceLandmarks) -> bool:
    """Whether straight lines close around a face on all four sides, the lower one too, where a person has a body.

    The picture's own border is no such line: a portrait that fills the picture is not framed.

    Args:
        picture: uint8 (H, W, 3) RGB.
        face: the face's landmarks.
    """
    chin, top = (face.points[i, :2].astype(np.float64) for i in (CHIN, FOREHEAD_TOP))
    middle, height = (chin + top) / 2, float(np.linalg.norm(chin - top))
    if height < 8:
        return False
    side = (FURTHEST + 0.2) * height
    scale = _SIZE / (2 * side)
    matrix = np.array([[scale, 0, _SIZE / 2 - scale * middle[0]], [0, scale, _SIZE / 2 - scale * middle[1]]])
    view = cv2.warpAffine(picture, matrix, (_SIZE, _SIZE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    view = cv2.GaussianBlur(view.astype(np.float32), (0, 0), 0.8)
    unit = height * scale
    across = [_lines(view, unit, sign) for sign in (-1, 1)]
    down = [_lines(view.swapaxes(0, 1), unit, sign) for sign in (-1, 1)]
    return any(
        _closed(view, left, right, upper, lower)
        for left in across[0]
        for right in across[1]
        for upper in down[0]
        for lower in down[1]
    )


def _lines(view: np.ndarray, unit: float, sign: int) -> list[int]:
    """Columns of the view, left (-1) or right (1) of the middle, with a straight step over the height of a face."""
    centre = view.shape[1] // 2
    rows = slice(int(centre - 0.5 * unit), int(centre + 0.5 * unit))
    step = _step(view)[rows]
    reach = [x for x in range(4, view.shape[1] - 4) if NEAREST * unit < sign * (x - centre) < FURTHEST * unit]
    return [x for x in reach if _straight(step, x)]


def _step(view: np.ndarray) -> np.ndarray:
    """(H, W) greatest change of a channel of the view (H, W, 3) from the pixel left to the pixel right."""
    padded = np.pad(view, ((0, 0), (1, 1), (0, 0)), mode="edge")
    return np.abs(padded[:, 2:] - padded[:, :-2]).max(-1)


def _straight(step: np.ndarray, column: int) -> bool:
    """Whether the step (H, W) keeps to one column and is the greatest one near it."""
    if len(step) < 8:
        return False
    near = step[:, column - 3 : column + 4]
    peak = np.abs(near.argmax(1) - 3) <= 1
    return bool(((near[:, 3] > LEAST_STEP) & peak).mean() >= STRAIGHT)


def _closed(view: np.ndarray, left: int, right: int, upper: int, lower: int) -> bool:
    """Whether all four sides of a rectangle show their step over their whole length, corner to corner."""
    if right - left > 2.5 * (lower - upper) or lower - upper > 2.5 * (right - left):
        return False
    upright, level = _step(view), _step(view.swapaxes(0, 1))
    rows, columns = slice(upper + 2, lower - 1), slice(left + 2, right - 1)
    return all(_straight(upright[rows], x) for x in (left, right)) and all(
        _straight(level[columns], y) for y in (upper, lower)
    )
