"""Lines spoken in a voice to a given timing and melody: recordings converted to it, and lyrics sung by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from generation.core.clock import MELS_PER_FRAME
from generation.core.performance import CastMember, Line
from generation.singing.imposing import sung, with_melody_of

_CAREFULLY = 0.85
"""Speed at which lyrics are spoken before they are drawn out."""

Speak = Callable[[Line, CastMember], np.ndarray]
"""Sound (960 n,) of a line that somebody says alone; the line begins at frame 0 and is of character 0."""


class Lengths(Protocol):
    """Says how long each symbol lasts where it is spoken."""

    def predict(
        self, phonemes: str, voice: np.ndarray | None, speed: float = 1.0, *, language: str = "en-us"
    ) -> tuple[int, ...]:
        """Mel frames of each symbol; they sum to a multiple of 4."""


def converted_line(line: Line, member: CastMember, speak: Speak) -> Line:
    """A recorded line, laid on its words, with the same words, times and melody in another voice as its recording."""
    assert line.recording is not None
    spoken = speak(_alone(replace(line, recording=None)), member)
    return replace(line, recording=with_melody_of(spoken, line.recording))


def sung_line(line: Line, member: CastMember, speak: Speak, lengths: Lengths) -> Line:
    """A line that has a melody, with its song as its recording.

    It is spoken in its own time first: sounds drawn out by the model itself are said as other words.
    """
    assert line.melody is not None
    plain = replace(line, melody=None)
    spoken = lengths.predict(line.phonemes, member.voice, _CAREFULLY, language=line.language)
    sound = speak(_alone(replace(plain, durations=spoken, n_frames=sum(spoken) // MELS_PER_FRAME)), member)
    return replace(
        plain, recording=sung(sound, line.phonemes, spoken, line.durations, line.melody[: sum(line.durations)])
    )


def _alone(line: Line) -> Line:
    return replace(line, start=0, character=0)
