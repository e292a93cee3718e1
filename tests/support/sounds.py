"""Sounds whose properties are known."""

from __future__ import annotations

import numpy as np

from generation.audio.waveform import Audio

RATE = 24_000


def tone(hertz: float, seconds: float, level: float = 0.5, rate: int = RATE) -> Audio:
    return Audio(level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate), rate)


def babble(seconds: float, seed: int, level: float = 0.1) -> Audio:
    """Noise with the spectrum and the syllables of speech, roughly: peaks 15 dB and more above its loudness."""
    random = np.random.default_rng(seed)
    n = round(seconds * RATE)
    spectrum = np.fft.rfft(random.standard_normal(n))
    hertz = np.fft.rfftfreq(n, 1 / RATE)
    noise = np.fft.irfft(spectrum / (1 + (hertz / 500) ** 2), n)
    syllables = np.abs(np.sin(2 * np.pi * 2 * np.arange(n) / RATE + random.uniform(0, 6))) ** 3
    return Audio(level * noise / np.abs(noise).max() * syllables, RATE)
