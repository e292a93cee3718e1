"""Sounds whose properties are known."""

from __future__ import annotations

import io

import numpy as np
import soundfile

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


def buzz(seconds: float = 2.0, middle: float = 150.0, swing: float = 3.0) -> np.ndarray:
    """A buzz through three resonances whose pitch falls by twice ``swing`` semitones, with a pause in the middle."""
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = middle * 2 ** (swing / 12 * (1 - 2 * t / seconds))
    pulses = (np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0) > 0).astype(float)
    decay = np.arange(400) / RATE
    tract = sum(np.exp(-decay * 300) * np.sin(2 * np.pi * f * decay) for f in (500, 1500, 2500))
    sound = np.convolve(pulses, tract)[: len(t)]
    sound[len(t) // 2 : len(t) // 2 + RATE // 5] = 0
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def syllables(seconds: float, pitch: float = 120.0, level: float = 0.25) -> np.ndarray:
    """A voice: syllables of 160 ms with 60 ms of soft friction and stops of 40 ms between them, (S,) float32."""
    t = np.arange(round(seconds * RATE)) / RATE
    hertz = pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t))
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    vowel = sum(np.sin(k * phase) / k for k in range(1, 30))
    friction = np.random.default_rng(0).standard_normal(len(t)) * 0.05
    beat = t % 0.26
    sound = np.where(beat < 0.16, np.sin(np.pi * np.minimum(beat / 0.16, 1)) ** 0.5 * vowel, 0)
    sound += np.where((beat >= 0.16) & (beat < 0.22), friction, 0)
    return (level * sound / np.abs(sound).max(initial=1e-9)).astype(np.float32)


def wav(seconds: float, scale: float = 1.0) -> bytes:
    quiet = np.zeros(RATE // 4, np.float32)
    packed = io.BytesIO()
    sound = np.concatenate([quiet, scale * buzz(seconds - 0.5), quiet]).clip(-0.5, 0.5)
    soundfile.write(packed, sound, RATE, format="WAV")
    return packed.getvalue()
