"""Recordings with music or noise in them: whether the lips follow the speech as they do in the clean recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE
from generation.data.background_sounds import equalised, music, noise
from generation.voices.bank import speaker_embedding_from_clip
from scripts.evaluation.bootstrap import renamed
from scripts.evaluation.inputs import Recording
from scripts.evaluation.measures.lip_sync import closure, loudness, rig_gap, spoken
from scripts.evaluation.synthesis import Synthesis, Take

_SEED = 70_000  # training draws from 0 on
CONDITIONS = (("music", 12.0), ("music", 6.0), ("music", 0.0), ("noise", 12.0), ("noise", 6.0), ("fan", 12.0))
"""What is mixed in, and dB by which the speech is above it."""


def noisy_recordings(synthesis: Synthesis, recordings: Sequence[Recording]) -> dict[str, float]:
    """Recordings played without their words, clean and with other sounds in them.

    Returns:
        ``clean_*``, ``music12_*``, ``music6_*`` ...: closure on the rig and the correlation of lips and loudness of
        the speech, each beside its share of the clean recordings' (``*_kept``).
    """
    clean = list(_played(synthesis, recordings, lambda recording, number: recording.waveform))
    figures = _figures("clean", clean, clean)
    for name, decibels in CONDITIONS:

        def heard(recording: Recording, number: int, name: str = name, decibels: float = decibels) -> np.ndarray:
            return mixed(recording.waveform, _sound(name, len(recording.waveform), number), decibels)

        found = _figures(f"{name}{decibels:.0f}", list(_played(synthesis, recordings, heard)), clean)
        for measure in ("closure", "mouth_loudness_r"):
            key = f"{name}{decibels:.0f}_{measure}"
            found[f"{key}_kept"] = found[key] / figures[f"clean_{measure}"]
        figures |= found
    return renamed(figures, "recording_")


def _played(
    synthesis: Synthesis, recordings: Sequence[Recording], sound: Callable[[Recording, int], np.ndarray]
) -> Iterator[Take]:
    for number, recording in enumerate(recordings):
        voice = speaker_embedding_from_clip(Audio(recording.waveform, SAMPLE_RATE))
        played = synthesis.play(sound(recording, number), voice, number)
        yield replace(played, phonemes=recording.phonemes, durations=recording.durations)


def _figures(name: str, takes: Sequence[Take], clean: Sequence[Take]) -> dict[str, float]:
    """Lips of ``takes`` against the speech of the clean ones."""
    seen = [
        spoken(replace(take, speech=own.speech), rig_gap(take.motion), number)
        for number, (take, own) in enumerate(zip(takes, clean, strict=True))
    ]
    return renamed(closure(seen) | loudness(seen), f"{name}_")


def _sound(name: str, n_samples: int, number: int) -> np.ndarray:
    random = np.random.default_rng(_SEED + number)
    if name == "fan":
        return _fan(n_samples, random)
    draw = {"music": music, "noise": noise}[name]
    return draw(n_samples / SAMPLE_RATE, random)[:n_samples]


def _fan(n_samples: int, random: np.random.Generator) -> np.ndarray:
    """Steady noise of air that falls by about 5 dB an octave, with the hum of the blades."""
    hertz = np.maximum(np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE), 40)
    air = np.fft.irfft(np.fft.rfft(random.standard_normal(n_samples)) / hertz**0.8, n_samples)
    t = np.arange(n_samples) / SAMPLE_RATE
    blades = sum(np.sin(2 * np.pi * k * random.uniform(80, 120) * t) / k for k in range(1, 6))
    return equalised(air / air.std() + 0.2 * blades, random, 3.0)


def mixed(speech: np.ndarray, other: np.ndarray, decibels: float) -> np.ndarray:
    """Speech (S,) so many dB above other sound (S,), by RMS of the whole."""
    gain = np.sqrt(np.square(speech).mean() / max(float(np.square(other).mean()), 1e-12)) * 10 ** (-decibels / 20)
    return (speech + gain * other).astype(np.float32)
