"""Motion in few bytes: each channel in steps that move no point of the face by more than a share of a pixel.

Steps are whole numbers; what is kept is how each frame differs from the one before, channel by channel and, of each
number, the low byte of all frames before the high one, which general compression then packs well.
"""

from __future__ import annotations

import numpy as np

from generation.core.motion import BLENDSHAPES, N_CHANNELS, ROTATION, TRANSLATION, WEIGHTS
from generation.motion.rig import FaceRig

TOLERANCE = 0.01
"""Pixels by which one step of a channel moves the point of the face that it moves most: half of it is lost at most."""
LARGEST = 0.002
"""Step of a weight at most."""
_HEAD_RADIUS = 1.3
"""Inter-ocular distances from the middle of the head to its outline."""
_MOST = 2**31 - 1


def motion_steps(inter_ocular: float, rig: FaceRig | None = None) -> np.ndarray:
    """Steps (57,) float32 of the channels of a face whose eyes are so many pixels apart."""
    rig = rig or FaceRig.load()
    farthest = np.zeros(N_CHANNELS)
    farthest[WEIGHTS] = np.linalg.norm(rig.basis[..., :2], axis=2).max(1)
    farthest[ROTATION], farthest[TRANSLATION] = _HEAD_RADIUS, 1.0
    assert len(rig.basis) == len(BLENDSHAPES)
    steps = TOLERANCE / (inter_ocular * np.maximum(farthest, 1e-3))
    steps[WEIGHTS] = np.minimum(steps[WEIGHTS], LARGEST)  # lids and eyes are painted, too, not only moved
    return steps.astype(np.float32)


def quantised(motion: np.ndarray, steps: np.ndarray) -> bytes:
    """Motion (T, C) in steps (C,), to be compressed.

    Raises:
        ValueError: a value of more steps than 31 bits count.
    """
    whole = np.round(motion.astype(np.float64) / steps)
    if np.abs(whole).max(initial=0) > _MOST:
        raise ValueError("A motion channel is too large to be kept in steps.")
    change = np.diff(whole.astype(np.int64), axis=0, prepend=0)
    folded = np.where(change < 0, -2 * change - 1, 2 * change).astype("<u4")  # small either way
    return np.ascontiguousarray(folded.T).view(np.uint8).reshape(*folded.T.shape, 4).transpose(2, 0, 1).tobytes()


def restored(data: bytes, steps: np.ndarray) -> np.ndarray:
    """Motion (T, C) float32 of what :func:`quantised` gave.

    Raises:
        ValueError: of another length than whole frames have.
    """
    n_channels = len(steps)
    if len(data) % (4 * n_channels):
        raise ValueError("The motion has another length than its frames.")
    planes = np.frombuffer(data, np.uint8).reshape(4, n_channels, -1)
    folded = np.ascontiguousarray(planes.transpose(1, 2, 0)).view("<u4")[..., 0].astype(np.int64)
    change = np.where(folded % 2, -(folded + 1) // 2, folded // 2)
    return (np.cumsum(change, axis=1).T * steps.astype(np.float64)).astype(np.float32)
