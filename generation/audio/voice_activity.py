"""Where there is speech in a recording: every decision between voice and silence."""

from __future__ import annotations

import numpy as np

from generation.audio.mel import LOG_FLOOR
from generation.core.clock import MELS_PER_FRAME

# Levels are natural logs of power; 1 is 4.3 dB.
_RANGE = 8.0
"""Below the loud frames: what is softer than this is silence even on a track without noise (35 dB)."""

_ABOVE_NOISE, _LEAST_RANGE = 1.2, 2.4
"""A voice stands out of the noise by 5 dB; no noise makes what is within 10 dB of the loud frames silent."""

_STEADY = 2.3
"""A floor whose removal takes more than this from the loud frames is no noise but a held tone."""

_RAMP = 4.0


def voice_level(mel: np.ndarray) -> np.ndarray:
    """How much voice there is in each video frame, 0..1, (T,) float32, from one track's log-mel (4 T, 100).

    Relative to the track's own loud frames and to its own noise, band by band: noise and hum are the spectrum of the
    quietest tenth of what is not digital silence.
    """
    sounds = mel.max(1) > np.log(LOG_FLOOR) + 0.05
    if not sounds.any():
        return np.zeros(len(mel) // MELS_PER_FRAME, np.float32)
    power = np.exp(2 * mel.astype(np.float64))
    total = power.mean(1)
    quiet = sounds & (total <= np.quantile(total[sounds], 0.1))
    floor = power[quiet].mean(0)
    plain, cleaned = (_frame_level(p) for p in (power, (power - floor).clip(0)))
    frames = sounds.reshape(-1, MELS_PER_FRAME).any(1)
    loud, level = np.quantile(cleaned[frames], 0.95), cleaned
    if np.quantile(plain[frames], 0.95) - loud > _STEADY:
        loud, level = np.quantile(plain[frames], 0.95), plain
    noise = np.quantile(level[frames], 0.05) + _ABOVE_NOISE
    silent = np.clip(noise, loud - _RANGE, loud - _LEAST_RANGE)
    return np.clip((level - silent) / _RAMP, 0, 1).astype(np.float32)


def _frame_level(power: np.ndarray) -> np.ndarray:
    """Log of the loudest 10 ms of each video frame, (T,), from mel power (4 T, 100)."""
    return np.log(power.mean(1) + 1e-9).reshape(-1, MELS_PER_FRAME).max(1)
