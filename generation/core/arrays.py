"""Small helpers on arrays: runs of True, cubic smoothstep, seeds derived from names."""

from __future__ import annotations

import zlib

import numpy as np


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """(start, stop) of each run of True in (T,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def smoothstep(x: np.ndarray) -> np.ndarray:
    """Cubic ramp from 0 at x <= 0 to 1 at x >= 1, of any shape and float type."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def seed_of(*key: object) -> int:
    """Seed of a random generator, 32 bits, from numbers and names: the same ones give the same seed everywhere."""
    return zlib.crc32(repr(key).encode())
