"""The tone of a voice: the mean spectra of its voiced and its voiceless sounds, and how another voice is lent them."""

from __future__ import annotations

import numpy as np

from generation.audio.mel import as_loud
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


def spectra(mel: np.ndarray) -> np.ndarray:
    """Mean log-mel of the voiceless and of the voiced sounds in speech (M, 100): (2, 100) float32; NaN for too few."""
    power = np.exp(2 * mel.astype(np.float64)).mean(1)
    spoken = is_speech(10 * np.log10(power), TIMBRE_RANGE_DB) & (power > (2 * LOG_FLOOR) ** 2)
    audible = np.maximum(mel, mel.max(1, keepdims=True) - _FAINTEST)
    voiced = track_pitch(mel).voiced
    means = []
    for kind in (1 - voiced, voiced):
        weight = kind * spoken
        enough = (weight > _SURE).sum() >= _LEAST_FRAMES
        means.append((audible * weight[:, None]).sum(0) / weight.sum() if enough else np.full(mel.shape[1], np.nan))
    return np.stack(means).astype(np.float32)


def tone_between(own: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What speech (M, 100) lacks of the tone of other speech (N, 100), for :func:`toned`: (2, 100) float32.

    Zero for sounds of a kind that one of them hardly has. Loudness does not matter.
    """
    lacking = np.nan_to_num(spectra(wanted) - spectra(own))
    # Below, voiced spectra carry harmonics of their own pitch, which would bend that of the speech they are lent to.
    lacking[1] += _resolved() * (envelope(lacking[1]) - lacking[1])
    lacking -= lacking.mean(1, keepdims=True)
    return lacking.clip(-_MOST, _MOST)


def _resolved() -> np.ndarray:
    """1 in bands in which harmonics can be told apart, falling to 0 above, (100,) float32."""
    return ((RESOLVED - np.arange(N_MELS, dtype=np.float32)) / _FALL).clip(0, 1)


def toned(mel: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Speech (M, 100) with a tone (2, 100) added, each frame as loud as before; between both kinds by its voicing."""
    voiced = track_pitch(mel).voiced[:, None]
    return as_loud(mel + (1 - voiced) * tone[0] + voiced * tone[1], mel)
