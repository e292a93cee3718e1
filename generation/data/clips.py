"""A training clip: sound, phonemes with durations, and motion, as far as they are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Clip:
    """A training clip.

    Attributes:
        name: of its file.
        n_frames: length in video frames.
        waveform: (960 n_frames,) float32 at 24 kHz; None = motion alone.
        phonemes: what is said, a pause at both ends included; empty = unknown.
        durations: mel frames of each symbol; they sum to ``4 n_frames``.
        motion: (n_frames, 57); None = sound alone.
        words: what is said, as it was written or heard.
        language: of the words, by its name in eSpeak NG.
    """

    name: str
    n_frames: int
    waveform: np.ndarray | None = None
    phonemes: str = ""
    durations: tuple[int, ...] = ()
    motion: np.ndarray | None = None
    words: str = ""
    language: str = "en-us"
