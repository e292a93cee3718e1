"""The trained models of speech and motion, loaded once for any number of scenes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch

from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE
from generation.core.deferred_imports import with_deferred_imports
from generation.models.duration_predictor import DurationPredictor
from generation.pipeline.joint import JointPipeline
from generation.voices.bank import VoiceBank
from generation.voices.cloning import ClonedVoice, clone_voice


@contextmanager
def single_threaded() -> Iterator[None]:
    """Run torch on one thread where there are at most two.

    Two threads wait for each other in every small product: on two cores one alone is done sooner, at less cost.
    """
    usual = torch.get_num_threads()
    torch.set_num_threads(1 if usual <= 2 else usual)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


@dataclass(frozen=True)
class Models:
    """Models that are loaded once for any number of scenes."""

    pipeline: JointPipeline
    durations: DurationPredictor
    voices: VoiceBank
    device: str
    _cloned: dict[bytes, ClonedVoice] = field(default_factory=dict)

    @classmethod
    def load(cls, device: str | None = None) -> Models:
        """The shipped models on a torch device; None = the GPU when there is one, else the CPU."""
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        pipeline = with_deferred_imports(JointPipeline.from_pretrained).to(device)
        return cls(pipeline, DurationPredictor.from_pretrained(), VoiceBank.load(), device)

    def cloned(self, clip: np.ndarray) -> ClonedVoice:
        """The voice of a clip (S,) float32 at 24 kHz; its trial syntheses are made once for each clip."""
        key = hashlib.sha256(clip.tobytes()).digest()
        if key not in self._cloned:
            with single_threaded():
                voice = clone_voice(Audio(clip, SAMPLE_RATE), self.pipeline, self.durations, self.voices.octave)
            self._cloned[key] = voice
        return self._cloned[key]
