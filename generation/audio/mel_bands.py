"""Mel bands and the log-mel spectrogram in numpy, for whoever runs without torch."""

from __future__ import annotations

from functools import cache

import numpy as np

from generation.core.clock import HOP, LOG_FLOOR, N_FFT, N_MELS, SAMPLE_RATE

PAD = (N_FFT - HOP) // 2
"""Samples by which the first frame begins before the sound, and the last one ends after it."""
_AT_ONCE = 1000


def mel_scale(n: int) -> np.ndarray:
    """(n,) float64 Hz, equally spaced from 0 to 12 kHz on Slaney's mel scale: linear up to 1 kHz, then logarithmic."""
    per_log = 27 / np.log(6.4)
    mels = np.linspace(0.0, 15 + np.log(SAMPLE_RATE / 2 / 1000) * per_log, n)
    return np.where(mels < 15, 200 * mels / 3, 1000 * np.exp((mels - 15) / per_log))


@cache
def mel_filter_bank() -> np.ndarray:
    """Slaney-normalised mel filter bank from 0 Hz to 12 kHz, (513, 100) float32; that of librosa and transformers."""
    edges = mel_scale(N_MELS + 2)
    bins = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / np.diff(edges[:-1])
    falling = (edges[2:] - bins) / np.diff(edges[1:])
    bank = np.minimum(rising, falling).clip(0) * (2 / (edges[2:] - edges[:-2]))
    return bank.astype(np.float32)


@cache
def hann_window() -> np.ndarray:
    """(1024,) float32, periodic: that of :func:`torch.hann_window`."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


def sound_frames(waveform: np.ndarray) -> np.ndarray:
    """(S / 240, 1024) float32 view, read-only: what each frame of a sound (S,) at 24 kHz is made of, before its window.

    Samples beyond the last whole frame of 240 are left out; S is at least 240.
    """
    whole = waveform[: len(waveform) // HOP * HOP].astype(np.float32)
    return np.lib.stride_tricks.sliding_window_view(np.pad(whole, (PAD, PAD)), N_FFT)[::HOP]


def log_mel(waveform: np.ndarray) -> np.ndarray:
    """Log-mel (S / 240, 100) float32 of sound (S,) at 24 kHz: that of :func:`generation.audio.mel.mel_spectrogram`.

    Samples beyond the last whole frame of 240 are left out.
    """
    n_mels = len(waveform) // HOP
    out = np.empty((n_mels, N_MELS), np.float32)
    if not n_mels:
        return out
    frames = sound_frames(waveform)
    for first in range(0, n_mels, _AT_ONCE):
        spectrum = np.fft.rfft(frames[first : first + _AT_ONCE] * hann_window())
        out[first : first + _AT_ONCE] = np.abs(spectrum) @ mel_filter_bank()
    return np.log(np.maximum(out, LOG_FLOOR))
