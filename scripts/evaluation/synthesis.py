"""Speech and motion from the shipped weights, one line at a time as the studio makes them, kept between runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

import generation
from generation import resources
from generation.durations import DurationModel
from generation.grid import MELS_PER_FRAME, SAMPLES_PER_FRAME, samples_from_frames, seconds_from_frames
from generation.performance import Line
from generation.pipeline import CastMember, JointPipeline, Sampling
from generation.text import phonemize
from generation.voice import VoiceBank
from studio.segments import FADE

STEPS = 16
MAKING = (
    "pipeline", "transformer", "conditioning", "guidance", "finish", "standard", "vocoder", "mel", "durations", "text",
    "normalisation",
)  # fmt: skip
"""Modules whose text is part of a kept result's key, beside the weights."""


@dataclass(frozen=True)
class Take:
    """One line as the model performs it, with idle time before and after.

    Attributes:
        phonemes: symbols that the model was told.
        durations: mel frames of each.
        start: video frame in which the line begins.
        speech: (960 T,) float32, 24 kHz.
        motion: (T, 57) float32.
        seconds: of work in durations, sampling, vocoder.
    """

    phonemes: str
    durations: tuple[int, ...]
    start: int
    speech: np.ndarray
    motion: np.ndarray
    seconds: tuple[float, float, float]

    @property
    def line(self) -> np.ndarray:
        """The line's own sound, (960 n,)."""
        n_frames = sum(self.durations) // MELS_PER_FRAME
        return self.speech[samples_from_frames(self.start) : samples_from_frames(self.start + n_frames)]

    @property
    def length(self) -> float:
        """Seconds of video."""
        return seconds_from_frames(len(self.motion))


class Synthesis:
    """The shipped models; what they made is kept under ``kept`` by weights, code and request.

    Args:
        kept: folder of finished takes.
        steps: sampling steps.
    """

    def __init__(self, kept: Path, steps: int = STEPS) -> None:
        self._steps = steps
        self.weights = _fingerprint()
        self._kept = kept / self.weights
        self._kept.mkdir(parents=True, exist_ok=True)
        self.bank = VoiceBank.load()

    @cached_property
    def pipeline(self) -> JointPipeline:
        """The joint pipeline, on the GPU when there is one."""
        return JointPipeline.from_pretrained().to("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def _durations(self) -> DurationModel:
        return DurationModel.from_pretrained()

    def speak(self, text: str, voice: str, seed: int) -> Take:
        """Text to sound and motion with the preset ``voice``, lengths from the duration model."""
        began = perf_counter()
        language = "en-gb" if voice.startswith("b") else "en-us"
        phonemes = f" {phonemize(text, language)} "
        durations = self._durations.predict(phonemes, self.bank.vector(voice))
        return self._take(phonemes, durations, self.bank.vector(voice), seed, None, perf_counter() - began)

    def play(
        self,
        waveform: np.ndarray,
        voice: np.ndarray,
        seed: int,
        phonemes: str = " ",
        durations: tuple[int, ...] | None = None,
    ) -> Take:
        """A recording (960 n,) to motion; without phonemes the words are unknown to the model.

        Args:
            waveform: float32, 24 kHz.
            voice: (64,) of the bank or of a clip.
            seed: of the noise.
            phonemes: what the model is told is said.
            durations: mel frames of each, 4 n in all.
        """
        durations = durations or (len(waveform) // SAMPLES_PER_FRAME * MELS_PER_FRAME,)
        return self._take(phonemes, durations, voice, seed, waveform, 0.0)

    def _take(
        self,
        phonemes: str,
        durations: tuple[int, ...],
        voice: np.ndarray,
        seed: int,
        recording: np.ndarray | None,
        spent: float,
    ) -> Take:
        digest = hashlib.sha256(repr((phonemes, durations, seed, self._steps)).encode() + voice.tobytes())
        digest.update(b"" if recording is None else recording.tobytes())
        path = self._kept / f"{digest.hexdigest()[:24]}.npz"
        if path.is_file():
            with np.load(path) as kept:
                return Take(phonemes, durations, FADE, kept["speech"], kept["motion"], tuple(kept["seconds"].tolist()))
        line = Line("line", 0, FADE, sum(durations) // MELS_PER_FRAME, phonemes, durations, recording)
        marks = [perf_counter()]
        part = self.pipeline(
            [line],
            [CastMember("SPEAKER", voice)],
            line.n_frames + 2 * FADE,
            seed=seed,
            sampling=Sampling(steps=self._steps),
            on_step=lambda done, total: marks.append(perf_counter()),
        ).characters[0]
        seconds = (spent, marks[-1] - marks[0], perf_counter() - marks[-1])
        np.savez(path, speech=part.speech, motion=part.motion.values, seconds=np.array(seconds))
        return Take(phonemes, durations, FADE, part.speech, part.motion.values, seconds)


def _fingerprint() -> str:
    """Hash of the shipped weights and of the code that turns them into sound and motion."""
    root = resources.assets_root()
    weights = [path for path in sorted(root.rglob("*")) if path.suffix in (".safetensors", ".json")]
    digest = hashlib.sha256()
    for path in [*weights, *(Path(generation.__file__).with_name(f"{name}.py") for name in MAKING)]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
