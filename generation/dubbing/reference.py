"""The frames of a person from which the mouth is drawn: lips closed, and parted to show what lies behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.motion.rig import eye_centres
from generation.motion.tracking import eye_opening, lip_gap
from masks.tracking.smoothing import smooth_peaks

_MARGIN = 0.75
"""Room around the face in its cut-out, inter-ocular distances."""
_PARTED_GAP = 0.07
"""Opening of the lips over the distance between the eyes from which on what lies behind them is seen."""
_MOST_GAP = 0.2
"""Wider openings show nothing more of the teeth."""


@dataclass(frozen=True)
class PersonView:
    """One frame of a person, cut out around the face.

    Attributes:
        picture: uint8 (h, w, 3) RGB.
        points: (478, 3) float64 landmarks in pixels of the cut-out.
    """

    picture: np.ndarray
    points: np.ndarray

    @classmethod
    def cut(cls, frame: np.ndarray, points: np.ndarray) -> PersonView:
        """From a whole frame and the landmarks in it."""
        unit = float(inter_ocular(points))
        low = np.floor(points[:468, :2].min(0) - _MARGIN * unit).astype(int)
        high = np.ceil(points[:468, :2].max(0) + _MARGIN * unit).astype(int)
        x0, y0 = np.clip(low, 0, None)
        x1, y1 = np.minimum(high, frame.shape[1::-1])
        return cls(frame[y0:y1, x0:x1].copy(), points.astype(np.float64) - [x0, y0, 0])


def inter_ocular(points: np.ndarray) -> np.ndarray:
    """Distance between the eyes in the picture's plane; (..., 478, 3) -> (...)."""
    right, left = eye_centres(points)
    distance: np.ndarray = np.linalg.norm((left - right)[..., :2], axis=-1)
    return distance


def choose_closed(points: np.ndarray) -> int:
    """Which of a person's frames, landmarks (N, 478, 3), the mouth is drawn from.

    Lips closed, eyes open, head as it mostly is, and hardly any motion, which would blur the frame.
    """
    unit = inter_ocular(points)
    gap, eyes = lip_gap(points), eye_opening(points) / unit
    turned = (points[:, 454, 2] - points[:, 234, 2]) / unit
    cost = 10 * np.maximum(gap - 0.01, 0) + 2 * np.maximum(np.median(eyes) - eyes, 0)
    cost += 0.5 * np.abs(turned - np.median(turned)) + 2.0 * _speed(points, unit)
    cost += 0.3 * np.maximum(np.median(unit) / unit - 1, 0)
    return int(cost.argmin())


def choose_parted(points: np.ndarray) -> int | None:
    """The frame that shows most of what is behind the lips, corners as far apart as usual: rounded lips hide teeth.

    None where the mouth hardly opens.
    """
    unit, gap = inter_ocular(points), lip_gap(points)
    width = np.linalg.norm((points[:, 291] - points[:, 61])[:, :2], axis=1) / unit
    value = np.minimum(gap, _MOST_GAP) - 0.3 * _speed(points, unit) - 0.5 * np.maximum(np.median(width) - width, 0)
    best = int(np.where(gap >= _PARTED_GAP, value, -np.inf).argmax())
    return best if gap[best] >= _PARTED_GAP else None


def _speed(points: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """(N,) inter-ocular distances that the mouth moves from frame to frame."""
    mouth = smooth_peaks(points[:, [13, 14, 61, 291], :2])
    if len(mouth) < 2:
        return np.zeros(len(mouth))
    speed: np.ndarray = np.abs(np.gradient(mouth, axis=0)).max((1, 2)) / unit
    return speed
