"""Music and noise of kinds that no training drew: how well a voice is told from them."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from generation.core.clock import SAMPLE_RATE as RATE

Random = np.random.Generator


def _times(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE)) / RATE


def bells(seconds: float, random: Random) -> np.ndarray:
    """Frequency-modulated bells, a stroke a third of a second."""
    t, out = _times(seconds), np.zeros(round(seconds * RATE))
    for at in np.arange(0, seconds, 0.33):
        rest = t[t >= at] - at
        f = 220 * 2 ** (random.choice([0, 3, 5, 7, 10, 12, 15]) / 12)
        out[-len(rest) :] += np.sin(
            2 * np.pi * f * rest + 4 * np.exp(-2 * rest) * np.sin(2 * np.pi * 1.4 * f * rest)
        ) * np.exp(-1.5 * rest)
    return out


def organ(seconds: float, random: Random) -> np.ndarray:
    """Drawbar chords through a turning loudspeaker, four to a bar of two seconds."""
    t = _times(seconds)
    roots = 110 * 2 ** (np.array([0, 5, 7, 3])[(t / 2).astype(int) % 4] / 12)
    phase = 2 * np.pi * np.cumsum(roots) / RATE
    bars = sum(np.sin(k * step * phase) / k for step in (1, 1.26, 1.5) for k in (1, 2, 3, 4, 6, 8))
    return bars * (1 + 0.3 * np.sin(2 * np.pi * 6.7 * t))


def drums(seconds: float, random: Random) -> np.ndarray:
    """A brushed kit: swishes with a beat of low drum on one and three."""
    t = _times(seconds)
    beat = t % 0.5
    swish = sosfilt(butter(2, (1500, 7000), "bandpass", fs=RATE, output="sos"), random.standard_normal(len(t)))
    low = np.sin(2 * np.pi * 65 * beat) * np.exp(-beat / 0.12) * ((t % 1.0) < 0.5)
    return swish * (0.2 + np.exp(-beat / 0.1)) + 1.5 * low


def mandolin(seconds: float, random: Random) -> np.ndarray:
    """Plucked strings by a delay line (Karplus and Strong), tremolo on a scale."""
    out = np.zeros(round(seconds * RATE))
    for at in np.arange(0, seconds - 0.2, 0.11):
        period = round(RATE / (330 * 2 ** (random.choice([0, 2, 4, 5, 7, 9, 11, 12]) / 12)))
        struck = np.zeros(round(0.6 * RATE))
        struck[:period] = random.uniform(-1, 1, period)
        ring = lfilter([1], [1, *[0] * (period - 1), -0.497, -0.497], struck)
        first = round(at * RATE)
        part = ring[: len(out) - first]
        out[first : first + len(part)] += part
    return out


def brass(seconds: float, random: Random) -> np.ndarray:
    """A slow line of brass whose brightness follows its loudness, with vibrato."""
    t = _times(seconds)
    notes = 147 * 2 ** (random.choice([0, 2, 3, 5, 7, 8], 64)[(t / 0.7).astype(int)] / 12)
    phase = 2 * np.pi * np.cumsum(notes * (1 + 0.006 * np.sin(2 * np.pi * 5.2 * t))) / RATE
    loud = np.sin(np.pi * (t % 0.7) / 0.7) ** 0.6
    return sum(loud ** (1 + 0.35 * k) * np.sin(k * phase) / k**0.7 for k in range(1, 18))


def train(seconds: float, random: Random) -> np.ndarray:
    """A train over joints of the rails: rumble and pairs of clacks."""
    t = _times(seconds)
    rumble = sosfilt(butter(2, 180, fs=RATE, output="sos"), random.standard_normal(len(t))) * 4
    place = t % 0.9
    clack = np.exp(-(place % 0.18) / 0.015) * (place < 0.36)
    return rumble + clack * sosfilt(
        butter(2, (500, 2500), "bandpass", fs=RATE, output="sos"), random.standard_normal(len(t))
    )


def fan(seconds: float, random: Random) -> np.ndarray:
    """A fan: air, and the tone of its blades, which beats."""
    t = _times(seconds)
    air = sosfilt(butter(1, (200, 3000), "bandpass", fs=RATE, output="sos"), random.standard_normal(len(t)))
    return air + 0.2 * (1 + np.sin(2 * np.pi * 0.8 * t)) * np.sin(2 * np.pi * 97 * t)


def waves(seconds: float, random: Random) -> np.ndarray:
    """Waves on a beach: hiss that rises for three seconds and runs out."""
    t = _times(seconds)
    noise = sosfilt(butter(1, (300, 6000), "bandpass", fs=RATE, output="sos"), random.standard_normal(len(t)))
    return noise * (0.1 + (t % 4 / 3) * np.exp(1 - t % 4 / 1.5))


def kettle(seconds: float, random: Random) -> np.ndarray:
    """Water that boils: bubbles at random over a rising hiss."""
    t = _times(seconds)
    out = 0.05 * random.standard_normal(len(t)) * (1 + t / seconds)
    for at in random.uniform(0, seconds - 0.1, round(40 * seconds)):
        bubble = t[: round(0.05 * RATE)]
        first = round(at * RATE)
        out[first : first + len(bubble)] += random.uniform(0.1, 0.5) * np.sin(
            2 * np.pi * (random.uniform(300, 900) * bubble + 3000 * bubble**2)) * np.exp(-bubble / 0.012)  # fmt: skip
    return out


def room_tone(seconds: float, random: Random) -> np.ndarray:
    """A quiet room: mains hum, a computer, air."""
    t = _times(seconds)
    air = np.fft.irfft(np.fft.rfft(random.standard_normal(len(t))) / np.sqrt(np.arange(len(t) // 2 + 1) + 50), len(t))
    return (
        40 * air
        + sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in (1, 2, 3, 4))
        + 0.3 * np.sin(2 * np.pi * 1850 * t)
    )


MUSIC = (bells, organ, drums, mandolin, brass)
NOISE = (train, fan, waves, kettle, room_tone)


def background(kind, seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """A kind of sound with an RMS of ``level``, (S,) float32 at 24 kHz."""
    sound = kind(seconds, np.random.default_rng(seed))[: round(seconds * RATE)]
    return (level * sound / np.sqrt(np.square(sound).mean())).astype(np.float32)
