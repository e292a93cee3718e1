"""Voice activity: every decision between speech and silence, by one rule with named thresholds.

A frame is speech when its level is within a range of the loud frames of the same recording. :func:`voice_level` is the
graded form that also measures the recording's own noise; it decides where mouths close.
"""

from __future__ import annotations

import numpy as np

from generation.core.clock import LOG_FLOOR, MELS_PER_FRAME, SAMPLES_PER_FRAME

SPEECH_RANGE_DB, LOUD_QUANTILE = 32.0, 0.95
"""What lies further below the loud frames, this quantile of the levels, is silence."""
CLIP_RANGE_DB, CLIP_LOUD_QUANTILE = 25.0, 0.9
"""The same for reference clips, of which only what is surely speech is counted."""
TIMBRE_RANGE_DB = 80 / np.log(10)
"""The same for mean spectra: faint sounds count, 34.7 dB."""
_LOUDNESS_RANGE_DB = 30.0
_DB = 20 / np.log(10)
"""Decibels of one unit of the natural log of an amplitude."""


def is_speech(level: np.ndarray, range_db: float = SPEECH_RANGE_DB, loud_quantile: float = LOUD_QUANTILE) -> np.ndarray:
    """(N,) bool: frames of a recording within ``range_db`` of its loud ones; ``level`` is (N,) in dB."""
    return level > np.quantile(level, loud_quantile) - range_db


def log_rms(waveform: np.ndarray, length: int) -> np.ndarray:
    """Natural log of the RMS of each ``length`` samples, (N,), of sound (N length,)."""
    return 0.5 * np.log(np.square(waveform.astype(np.float64)).reshape(-1, length).mean(1) + 1e-10)


def frame_loudness(waveform: np.ndarray) -> np.ndarray:
    """Natural log of the RMS of each video frame of sound (960 T,) at 24 kHz, (T,)."""
    return log_rms(waveform, SAMPLES_PER_FRAME)


def speech_frames(waveform: np.ndarray, length: int = SAMPLES_PER_FRAME) -> np.ndarray:
    """(N,) bool: frames of ``length`` samples, by default video frames, that are speech, of sound (N length,)."""
    return is_speech(_DB * log_rms(waveform, length))


def quiet_frames(waveform: np.ndarray, n_mels: int) -> np.ndarray:
    """(n_mels,) bool: frames of 10 ms of a sound at 24 kHz that are silence, their levels smoothed over 15 ms."""
    from scipy.ndimage import gaussian_filter1d  # late: a fifth of a second, and checks of a script do without

    hop = len(waveform) // n_mels
    rms = np.sqrt(np.square(waveform[: hop * n_mels].reshape(n_mels, hop)).mean(1) + 1e-12)
    return ~is_speech(20 * np.log10(gaussian_filter1d(rms, 1.5)))


def loudness_track(waveform: np.ndarray) -> np.ndarray:
    """Level of each 40 ms of sound (960 T,), 0 at 30 dB below the loud frames to 1, (T,) float32."""
    from scipy.ndimage import gaussian_filter1d

    power = np.square(waveform.astype(np.float64)).reshape(-1, SAMPLES_PER_FRAME).mean(1)
    level = 10 * np.log10(gaussian_filter1d(power, 0.6) + 1e-10)
    return np.clip(1 + (level - np.quantile(level, LOUD_QUANTILE)) / _LOUDNESS_RANGE_DB, 0, 1).astype(np.float32)


# Of voice_level; its levels are natural logs of power, 1 is 4.3 dB.
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
