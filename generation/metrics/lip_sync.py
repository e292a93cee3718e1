"""Lip-sync metrics as pure functions of arrays: closure, timing of extrema (MTM), loudness correlation (SLCC).

Lip gaps are inner-lip openings over the distance between the eyes, relative to the face at rest, one a video frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import argrelextrema

from generation.audio.voice_activity import frame_loudness, speech_frames
from generation.core.arrays import runs
from generation.core.clock import HOP, MELS_PER_FRAME
from generation.metrics.binding import correlation

CLOSED_SHARE = 0.15
"""Lips count as closed below this share of the person's open range."""
CONTACT_SYMBOLS = "pbm"
_PAUSE_MELS, _MARGIN_MELS = 30, 16


def contact_frames(phonemes: str, durations: Sequence[int], first: int) -> np.ndarray:
    """Video frame at the middle of each p, b and m.

    Args:
        phonemes: N symbols.
        durations: mel frames of each.
        first: video frame in which the line begins.

    Returns:
        (contacts,) int.
    """
    ends = np.cumsum(durations)
    middles = ends - np.asarray(durations) / 2
    which = [i for i, symbol in enumerate(phonemes) if symbol in CONTACT_SYMBOLS]
    return first + (middles[which] // MELS_PER_FRAME).astype(int)


def open_range(gaps: Sequence[np.ndarray], waveforms: Sequence[np.ndarray]) -> float:
    """How far a person's lips open in speech: 95th percentile of the gaps (T,) in the speech frames of their sound."""
    spoken = [gap[speech_frames(sound)] for gap, sound in zip(gaps, waveforms, strict=True)]
    return float(np.quantile(np.concatenate(spoken), 0.95))


def least_near(gap: np.ndarray) -> np.ndarray:
    """Least gap within one frame before and after each frame, (T,)."""
    padded = np.pad(gap, 1, mode="edge")
    return np.minimum(np.minimum(padded[:-2], padded[2:]), gap)


def closed(gap: np.ndarray, opening: float) -> np.ndarray:
    """(T,) bool: lips closed, that is open by less than 15 % of ``opening``, the person's open range."""
    return gap < CLOSED_SHARE * opening


def mouth_loudness(gap: np.ndarray, waveform: np.ndarray) -> float:
    """Pearson correlation of lip gap (T,) and log RMS over the speech frames of one segment of sound (960 T,).

    0 when the lips do not move or nothing is said.
    """
    spoken = speech_frames(waveform)
    return correlation(gap[spoken], frame_loudness(waveform)[spoken])


def pause_frames(waveform: np.ndarray) -> np.ndarray:
    """(T,) bool: frames wholly inside silences of 300 ms or more, 160 ms away from the sound on either side."""
    quiet = ~speech_frames(waveform, HOP)
    n_mels, inside = len(quiet), np.zeros(len(quiet), bool)
    for start, stop in runs(quiet):
        if stop - start >= _PAUSE_MELS:
            inside[start + _MARGIN_MELS * (start > 0) : stop - _MARGIN_MELS * (stop < n_mels)] = True
    return inside.reshape(-1, MELS_PER_FRAME).all(1)


def mouth_timing(real: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Distances in frames of matched extrema of two lip gaps (T,) of the same speech: MTM of one clip before its mean.

    Gaps are smoothed (Gaussian, 2 frames), first differences are laid on each other by dynamic time warping, and those
    pairs of the path are kept in which both gaps have an extremum of the same kind and the made one lies between the
    neighbours of the real one ("Perceptually Accurate 3D Talking Head Generation", CVPR 2025, arXiv 2503.20308).

    Returns:
        (pairs,) int, empty when nothing matches.
    """
    real, made = gaussian_filter1d(real, 2.0), gaussian_filter1d(made, 2.0)
    kinds = [{int(i): kind for kind, compare in ((1, np.greater), (-1, np.less))
              for i in argrelextrema(curve, compare)[0]} for curve in (real, made)]  # fmt: skip
    turns = sorted(kinds[0])
    neighbours = dict(zip(turns, zip([-1, *turns[:-1]], [*turns[1:], len(real)], strict=True), strict=True))
    found = []
    for i, j in warping_path(np.diff(real), np.diff(made)):
        if i in neighbours and kinds[0][i] == kinds[1].get(j) and neighbours[i][0] < j < neighbours[i][1]:
            found.append(abs(i - j))
    return np.array(found, int)


def warping_path(a: np.ndarray, b: np.ndarray) -> list[tuple[int, int]]:
    """Cheapest monotonous path through |a_i - b_j| from the first pair to the last (dynamic time warping)."""
    cost = np.abs(a[:, None] - b[None])
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0.0
    for i in range(len(a)):
        for j in range(len(b)):
            total[i + 1, j + 1] = cost[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    i, j = len(a), len(b)
    path = []
    while i and j:
        path.append((i - 1, j - 1))
        i, j = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda at: total[at])
    return path[::-1]


def lip_intensity(points: np.ndarray) -> float:
    """How lively lips move: RMS over time of the mean speed of lip points (T, V, 3), unit of the points a frame."""
    speed = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(1)
    return float(np.sqrt(np.square(speed).mean()))


def speech_lip_correlation(waveforms: Sequence[np.ndarray], intensities: Sequence[float]) -> float:
    """SLCC: do louder clips of one person have livelier lips? Pearson over clips of RMS and :func:`lip_intensity`.

    Standardising within the person, as the paper does, changes nothing for one person. Source: as mouth_timing.
    """
    loudness = np.array([np.sqrt(np.square(sound.astype(np.float64)).mean()) for sound in waveforms])
    return correlation(loudness, np.asarray(intensities))
