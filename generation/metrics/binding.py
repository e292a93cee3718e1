"""Whose voice moved which face: correlation, lag between two curves, and change of pixels inside and outside a mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r; 0 when either stands still or there are fewer than three values."""
    if len(a) < 3 or np.ptp(a) < 1e-9 or np.ptp(b) < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def partial_correlation(a: np.ndarray, b: np.ndarray, others: Sequence[np.ndarray]) -> float:
    """Pearson's r of two curves (T,), other curves (T,) regressed out of both; 0 where one of them stands still."""
    basis = np.stack([np.ones(len(a)), *others], 1)
    left = [x - basis @ np.linalg.lstsq(basis, x, rcond=None)[0] for x in (np.asarray(a, float), np.asarray(b, float))]
    return correlation(*left)


def best_lag(first: np.ndarray, second: np.ndarray, most: int) -> int:
    """Frames by which the second curve (T,) runs behind the first, at most ``most``: peak of their correlation."""
    inner = first[most:-most]
    scores = [correlation(inner, second[most + lag : len(second) - most + lag]) for lag in range(-most, most + 1)]
    return int(np.argmax(scores)) - most


def change_energy(frames: np.ndarray, still: np.ndarray, where: np.ndarray) -> float:
    """Root mean square change in grey levels of frames (T, H, W, 3) against the still (H, W, 3) in a bool (H, W)."""
    change = frames[:, where].astype(np.float64) - still[where]
    return float(np.sqrt(np.square(change).mean()))


def largest_change(frames: Iterable[np.ndarray], still: np.ndarray, where: np.ndarray) -> int:
    """Largest change in grey levels of any of the frames (H, W, 3) uint8 against the still in a bool (H, W)."""
    if not where.any():
        return 0
    fixed = still[where].astype(np.int16)
    return max((int(np.abs(frame[where] - fixed).max()) for frame in frames), default=0)
