"""Music and noise by code, each piece drawn at random: what a recording holds beside speech, for training.

No sample of anybody's is in them. Instruments are drawn, not named: spectra, envelopes, vibrato and rooms at random
cover more kinds of music than a list of instruments would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from generation.core.clock import SAMPLE_RATE

Random: TypeAlias = np.random.Generator
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), (0, 3, 5, 6, 7, 10))
_HIGHEST = 0.45 * SAMPLE_RATE


def normalised(sound: np.ndarray) -> np.ndarray:
    """(S,) float32 of RMS 0.1."""
    return (0.1 * sound / max(float(np.sqrt(np.square(sound).mean())), 1e-9)).astype(np.float32)


def room(sound: np.ndarray, random: Random, seconds: float) -> np.ndarray:
    """The sound in a room that dies away by 60 dB in so many seconds, (S,)."""
    n = max(2, round(seconds * SAMPLE_RATE))
    tail = random.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail = lfilter([1], [1, -random.uniform(0.0, 0.8)], tail)
    tail *= random.uniform(0.05, 0.6) / np.sqrt(np.square(tail).sum())
    tail[0] += 1
    return fftconvolve(sound, tail)[: len(sound)]


def equalised(sound: np.ndarray, random: Random, decibels: float = 8.0) -> np.ndarray:
    """The sound through a smooth random filter of about so many dB either way, (S,)."""
    spectrum = np.fft.rfft(sound)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE), 20) / 20)
    knots = np.linspace(0, 9.3, 7)
    gain = np.interp(octaves, knots, decibels * random.standard_normal(len(knots)) / 1.5)
    return np.fft.irfft(spectrum * 10 ** (gain / 20), len(sound))


class _Instrument:
    """An instrument drawn at random: harmonics, resonances, envelope, vibrato, breath."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.fall, self.odd = random.uniform(0.4, 2.2), random.random() < 0.2
        self.resonances = [(random.uniform(200, 5000), random.uniform(80, 600)) for _ in range(random.integers(0, 4))]
        self.plucked = random.random() < 0.5
        self.attack = random.uniform(0.002, 0.02) if self.plucked else random.uniform(0.01, 0.2)
        self.decay = random.uniform(0.1, 1.5)
        self.vibrato = 0.0 if self.plucked or random.random() < 0.4 else random.uniform(0.05, 0.5)
        self.rate, self.stretch = random.uniform(4, 7), random.choice([0.0, 0.0, 1e-4, 4e-4, 2e-2])
        self.breath = random.choice([0.0, 0.0, 0.02, 0.1])
        self.drive = random.choice([0.0, 0.0, 0.0, 3.0, 12.0])
        self.glide = 0.0 if random.random() < 0.7 else random.uniform(0.3, 2.0)

    def note(self, pitch: float, seconds: float) -> np.ndarray:
        """A note of a pitch in semitones above 55 Hz."""
        random = self.random
        t = np.arange(max(64, round(seconds * SAMPLE_RATE))) / SAMPLE_RATE
        bend = self.vibrato * np.sin(2 * np.pi * self.rate * t + random.uniform(0, 6)) * np.clip(3 * t, 0, 1)
        bend = bend - self.glide * np.exp(-t / 0.06)
        hertz = 55 * 2 ** ((pitch + bend) / 12)
        phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
        base, sound = float(hertz[-1]), np.zeros_like(t)
        for k in range(1, 25, 2 if self.odd else 1):
            partial = k * np.sqrt(1 + self.stretch * k * k)
            if partial * base > _HIGHEST:
                break
            loud = k**-self.fall * sum((1 / (1 + ((k * base - f) / w) ** 2) for f, w in self.resonances), 0.15)
            fade = np.exp(-t * k**0.5 / self.decay) if self.plucked else 1.0
            sound += loud * fade * np.sin(partial * phase + random.uniform(0, 6))
        sound += self.breath * np.abs(sound).max(initial=0.0) * random.standard_normal(len(t))
        envelope = np.clip(t / self.attack, 0, 1) * np.clip((t[-1] - t) / min(0.05, t[-1] / 3), 0, 1)
        sound = envelope * sound / max(np.abs(sound).max(), 1e-9)
        return np.tanh(self.drive * sound) if self.drive else sound


def _drum(random: Random, kind: str) -> np.ndarray:
    t = np.arange(round(random.uniform(0.08, 0.35) * SAMPLE_RATE)) / SAMPLE_RATE
    noise = random.standard_normal(len(t))
    if kind == "kick":
        return np.sin(2 * np.pi * (45 * t + 12 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.09) * 2
    low, high = {"snare": (180, 6000), "hat": (5000, 11_000), "tom": (80, 900)}[kind]
    struck = sosfilt(butter(2, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos"), noise)
    body = np.sin(2 * np.pi * random.uniform(80, 250) * t) if kind in ("snare", "tom") else 0.0
    return (struck + body) * np.exp(-t / random.uniform(0.02, 0.1))


def _add(track: np.ndarray, sound: np.ndarray, at: float, gain: float) -> None:
    first = round(at * SAMPLE_RATE)
    part = sound[: max(0, len(track) - first)]
    track[first : first + len(part)] += gain * part


def music(seconds: float, random: Random) -> np.ndarray:
    """A piece for a random band: melody, chords, bass and drums or some of them, (S,) float32 of RMS 0.1."""
    track = np.zeros(round(seconds * SAMPLE_RATE))
    beat, key = 60 / random.uniform(55, 180), random.uniform(0, 12)
    scale = _SCALES[random.integers(len(_SCALES))]
    parts = [name for name in ("melody", "chords", "bass", "drums") if random.random() < 0.55] or ["melody"]
    degrees = random.integers(0, len(scale), 4)
    step = int(random.integers(0, 7))

    def pitch(degree: int) -> float:
        return key + 12 * (degree // len(scale)) + scale[degree % len(scale)]

    for part in parts:
        instrument, gain = _Instrument(random), random.uniform(0.3, 1.0)
        octave = {"melody": random.integers(2, 5), "chords": random.integers(1, 4), "bass": 0}.get(part, 0) * len(scale)
        at = 0.0
        length = beat * random.choice([1.0, 2.0, 4.0] if part == "chords" else [0.25, 0.5, 1.0])
        while at < seconds:
            held = length * random.uniform(0.7, 1.3 if part == "chords" else 1.0)
            root = int(degrees[int(at / (4 * beat)) % 4])
            if part == "drums":
                kind = ("kick", "hat", "snare", "hat", "tom")[random.choice(5, p=(0.3, 0.35, 0.2, 0.1, 0.05))]
                _add(track, _drum(random, kind), at, gain)
            elif part == "chords":
                for third in (0, 2, 4):
                    _add(track, instrument.note(pitch(octave + root + third), held), at, gain / 2)
            elif random.random() < 0.85:
                step = int(np.clip(step + random.integers(-2, 3), 0, 9))
                _add(track, instrument.note(pitch(int(octave) + (step if part == "melody" else root)), held), at, gain)
            at += length
    return normalised(equalised(room(track, random, random.uniform(0.05, 1.5)), random))


def _coloured(n: int, random: Random, slope: float | None = None) -> np.ndarray:
    hertz = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    slope = random.uniform(-0.5, 1.3) if slope is None else slope
    spectrum = np.fft.rfft(random.standard_normal(n)) / np.maximum(hertz, 30) ** slope
    return equalised(np.fft.irfft(spectrum, n), random, random.uniform(0, 10))


def _swelling(n: int, random: Random) -> np.ndarray:
    """Noise that swells irregularly, slowly as wind or as quickly as syllables."""
    hertz = random.uniform(0.3, 8)
    knots = np.abs(random.standard_normal(max(4, int(2 * hertz * n / SAMPLE_RATE)))) ** random.uniform(0.5, 3)
    return _coloured(n, random) * np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots)


def _hum(n: int, random: Random) -> np.ndarray:
    """Mains, motors and engines: many harmonics of a low, almost steady pitch."""
    t = np.arange(n) / SAMPLE_RATE
    drift = 1 + random.choice([0.0, 0.01, 0.2]) * np.sin(2 * np.pi * random.uniform(0.05, 0.5) * t)
    phase = 2 * np.pi * np.cumsum(random.uniform(25, 150) * drift) / SAMPLE_RATE
    fall = random.uniform(0.3, 1.5)
    return sum(random.random() * k**-fall * np.sin(k * phase + random.uniform(0, 6)) for k in range(1, 30))


def _bursts(n: int, random: Random) -> np.ndarray:
    """Rain, keys, steps, applause, crackle: short sounds at random times."""
    rate = np.exp(random.uniform(np.log(1), np.log(400)))
    places = random.integers(0, n, max(1, int(rate * n / SAMPLE_RATE)))
    spikes = np.zeros(n)
    spikes[places] = random.exponential(1.0, len(places)) * random.choice([-1, 1], len(places))
    length = round(np.exp(random.uniform(np.log(0.001), np.log(0.12))) * SAMPLE_RATE)
    one = random.standard_normal(length) * np.exp(-5 * np.arange(length) / length)
    if random.random() < 0.5:
        one = one * 0.3 + np.sin(2 * np.pi * random.uniform(80, 4000) * np.arange(length) / SAMPLE_RATE) * np.exp(
            -5 * np.arange(length) / length
        )
    return equalised(fftconvolve(spikes, one)[:n], random)


def _signals(n: int, random: Random) -> np.ndarray:
    """Birds, sirens, beeps, squeaks: sweeps and tones that come and go."""
    out, at = np.zeros(n), 0.0
    low, high = sorted(np.exp(random.uniform(np.log(200), np.log(7000), 2)))
    kind, length = random.integers(3), random.uniform(0.04, 1.2)
    while at < n / SAMPLE_RATE:
        t = np.arange(max(32, round(length * random.uniform(0.5, 1.5) * SAMPLE_RATE))) / SAMPLE_RATE
        x = t / t[-1]
        curve = (x, 0.5 + 0.5 * np.sin(2 * np.pi * random.uniform(1, 6) * x), np.full_like(x, random.random()))[kind]
        phase = 2 * np.pi * np.cumsum(low + (high - low) * curve) / SAMPLE_RATE
        tone = np.sin(phase) + random.choice([0.0, 0.3, 0.8]) * np.sign(np.sin(phase))
        _add(out, tone * np.sin(np.pi * x) ** random.uniform(0.2, 2), at, random.uniform(0.3, 1))
        at += t[-1] + random.exponential(random.choice([0.02, 0.2, 0.8]))
    return out


_NOISES: tuple[Callable[[int, Random], np.ndarray], ...] = (_coloured, _swelling, _hum, _bursts, _signals)


def noise(seconds: float, random: Random) -> np.ndarray:
    """One or two kinds of noise at once, maybe in a room, (S,) float32 of RMS 0.1."""
    n = round(seconds * SAMPLE_RATE)
    kinds = random.choice(len(_NOISES), 1 if random.random() < 0.6 else 2, replace=False)
    sound = np.zeros(n)
    for kind in kinds:
        sound += random.uniform(0.2, 1) * normalised(_NOISES[kind](n, random))
    if random.random() < 0.4:
        sound = room(sound, random, random.uniform(0.05, 0.8))
    return normalised(sound)
