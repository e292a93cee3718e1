"""Timbre correction: difference of the long-term average spectra of two voices, voiced and voiceless apart."""

from __future__ import annotations

import numpy as np

from generation.audio.mel import match_loudness
from generation.audio.pitch import RESOLVED, envelope, track_pitch
from generation.audio.voice_activity import TIMBRE_RANGE_DB, is_speech
from generation.core.clock import LOG_FLOOR, N_MELS

_FAINTEST = 7.0
"""Natural log of amplitude from the loudest band of a frame (61 dB): what is fainter is not heard."""
_SURE, _LEAST_FRAMES = 0.7, 20
"""Fewer frames of 10 ms that are surely of a kind say nothing about it."""
_FALL = 10.0
_MOST = 1.5
"""Largest change of a band (13 dB): more is a clip's noise, or a hole that its recording left."""


def mean_spectra(mel: np.ndarray) -> np.ndarray:
    """Mean log-mel of the voiceless and of the voiced sounds in speech (M, 100): (2, 100) float32; NaN for too few."""
    power = np.exp(2 * mel.astype(np.float64)).mean(1)
    spoken = is_speech(10 * np.log10(power), TIMBRE_RANGE_DB) & (power > (2 * LOG_FLOOR) ** 2)
    audible = np.maximum(mel, mel.max(1, keepdims=True) - _FAINTEST)
    voiced = track_pitch(mel).voiced_share
    means = []
    for kind in (1 - voiced, voiced):
        weight = kind * spoken
        enough = (weight > _SURE).sum() >= _LEAST_FRAMES
        means.append((audible * weight[:, None]).sum(0) / weight.sum() if enough else np.full(mel.shape[1], np.nan))
    return np.stack(means).astype(np.float32)


def timbre_correction(mel: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Difference of two voices' mean spectra, (2, 100) float32, voiceless and voiced, for :func:`apply_timbre`.

    Args:
        mel: (M, 100) log-mel of the voice that is to be corrected.
        target: (N, 100) of the voice that it should sound like; its loudness does not matter.

    Returns:
        Natural logs of amplitude, at most 1.5 either way; zero for a kind of sound that one of them hardly has.
    """
    lacking = np.nan_to_num(mean_spectra(target) - mean_spectra(mel))
    # Below, voiced spectra carry harmonics of their own pitch, which would bend that of the speech they are lent to.
    lacking[1] += _resolved() * (envelope(lacking[1]) - lacking[1])
    lacking -= lacking.mean(1, keepdims=True)
    return lacking.clip(-_MOST, _MOST)


def _resolved() -> np.ndarray:
    """1 in bands in which harmonics can be told apart, falling to 0 above, (100,) float32."""
    return ((RESOLVED - np.arange(N_MELS, dtype=np.float32)) / _FALL).clip(0, 1)


def apply_timbre(mel: np.ndarray, correction: np.ndarray) -> np.ndarray:
    """Log-mel (M, 100) with a correction (2, 100) added by each frame's voicing; every frame as loud as before."""
    voiced = track_pitch(mel).voiced_share[:, None]
    return match_loudness(mel + (1 - voiced) * correction[0] + voiced * correction[1], mel)
