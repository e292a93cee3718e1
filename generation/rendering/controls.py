"""Mesh controls of the mouth from motion channels: lips that meet instead of crossing."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from generation.core.arrays import smoothstep
from generation.core.motion import BLENDSHAPES, MOUTH, WEIGHTS
from generation.rendering.deformation import CLOSE, CONTACT, N_CONTROLS, ROUND

_HOLD = 25
"""Frames before and after mouth motion over which a picture's open mouth stays closed."""
_RAMP = 10
"""Frames in which it closes and opens again."""
CLOSING_REACH = _HOLD + 2 * _RAMP
"""Frames on either side on which the closing of a picture's open mouth depends."""
_FULLY_ROUND = 0.7
"""Sum of the rounding channels at which nothing of the picture's smile is left."""
_FULLY_DOWN = 1.2
"""Sum of the corners' weights at which they are drawn down so far that they leave nothing of the picture's smile."""
_ROUNDED = [BLENDSHAPES.index(name) for name in ("mouthPucker", "mouthFunnel")]
_DRAWN_DOWN = [BLENDSHAPES.index(name) for name in ("mouthFrownLeft", "mouthFrownRight")]
_MOUTH = [BLENDSHAPES.index(name) for name in MOUTH]


def closing_share(values: np.ndarray) -> np.ndarray:
    """(T,) share 0..1 by which the picture's own open mouth is closed, for motion (T, 57).

    Weight 0 means closed lips to whoever speaks, but the picture as it is to whoever does not: around mouth motion the
    picture's opening is taken back, elsewhere it stays.
    """
    active = (np.abs(values[:, _MOUTH]).max(1) > 0.02).astype(np.float64)
    held = maximum_filter1d(active, 2 * (_HOLD + _RAMP) + 1, mode="constant")
    share = uniform_filter1d(held, 2 * _RAMP + 1, mode="nearest")
    return smoothstep(share)


def mouth_controls(
    values: np.ndarray, gap: np.ndarray, gap_basis: np.ndarray, closed: bool, press: float
) -> np.ndarray:
    """Controls (T, N_CONTROLS) float32 for motion (T, 57).

    Args:
        values: motion.
        gap: (columns,) the picture's opening between the inner lips, pixels.
        gap_basis: (N_CONTROLS, columns) its change per unit of each control.
        closed: the picture's mouth is closed.
        press: pixels by which touching lips overlap, so that nothing shines through between them.
    """
    controls = np.zeros((len(values), N_CONTROLS), np.float32)
    controls[:, : len(BLENDSHAPES)] = values[:, WEIGHTS]
    unsmiling = values[:, _ROUNDED].sum(1) / _FULLY_ROUND + values[:, _DRAWN_DOWN].sum(1) / _FULLY_DOWN
    controls[:, ROUND] = np.minimum(unsmiling, 1.0)
    if not closed:
        controls[:, CLOSE] = closing_share(values)
    open_by = gap + (controls[:, :, None] * gap_basis).sum(1)  # a matrix product would round by the track's length
    moving = np.minimum(np.abs(controls[:, _MOUTH + [CLOSE]]).max(1, keepdims=True) / 0.1, 1.0)
    touch = np.clip(1.0 - np.maximum(open_by, 0.0) / (4.0 * press), 0.0, 1.0)
    controls[:, CONTACT] = np.maximum(-open_by, 0.0) - press * moving * touch
    return controls
