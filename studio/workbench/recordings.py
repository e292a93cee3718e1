"""Recordings on the workbench: parted into speech and the rest, described, and translated."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from generation.audio.waveform import Audio, load_audio
from generation.core.clock import SAMPLE_RATE
from generation.recordings.multilingual_whisper import Translation, translate
from generation.voices.description import VoiceDescription, describe_voice
from studio.core.messages import existing_file
from studio.core.output import require_place, whole_or_nothing
from studio.core.problems import DocumentError, Problem

_BYTES = 4 * SAMPLE_RATE
_AUDIBLE = -60.0


@dataclass(frozen=True)
class CleanedFile:
    """What was taken out of a recording.

    Attributes:
        removed_db: power of what was taken out by that of the recording, dB.
    """

    removed_db: float

    @property
    def sentence(self) -> str:
        """What was done, for a reader."""
        if self.removed_db < _AUDIBLE:
            return "there was nothing to take out."
        return f"what was taken out is {abs(self.removed_db):.0f} dB softer than the recording."


def clean_file(source: Path, target: Path, rest: Path | None) -> CleanedFile:
    """Part a recording into speech and the rest, 24 kHz float WAV files that sum to it.

    Raises:
        DocumentError: a file that cannot be read or written; nobody speaks in it.
    """
    from generation.recordings.cleaning import clean_recording
    from generation.recordings.recorded_speech import find_speech

    wanted = [path for path in (target, rest) if path is not None]
    for path in wanted:
        if path.suffix.lower() != ".wav":
            raise DocumentError([Problem("output", f"the sound {path.name[:60]!r} should end in .wav")])
    if rest is not None and rest.resolve() == target.resolve():
        raise DocumentError([Problem("output", "speech and rest are the same file", "name two")])
    audio = _read(source)
    for path in wanted:
        require_place(path, needed_bytes=round(_BYTES * audio.seconds) + 100_000)
    if find_speech(audio.waveform).level is None:
        what = f"the recording {source.name[:60]!r} holds nobody's voice"
        raise DocumentError([Problem("file", what, "choose one in which somebody speaks")])
    cleaned = clean_recording(audio.waveform)
    with ExitStack() as both:
        for path, sound in zip(wanted, (cleaned.speech, cleaned.rest), strict=False):
            folder = both.enter_context(whole_or_nothing(path))
            soundfile.write(folder / path.name, sound, SAMPLE_RATE, "FLOAT")
    removed, whole = (float(np.square(each, dtype=np.float64).mean()) for each in (cleaned.rest, audio.waveform))
    return CleanedFile(10 * float(np.log10((removed + 1e-12) / (whole + 1e-12))))


def describe_file(source: Path) -> VoiceDescription:
    """How the voice in a recording sounds.

    Raises:
        DocumentError: a file that cannot be read; nobody speaks in it.
    """
    audio = _read(source)
    try:
        return describe_voice(audio)
    except ValueError as error:
        raise _unusable(source, error) from None


def translate_file(source: Path, language: str | None) -> Translation:
    """What a recording says, in English.

    Raises:
        DocumentError: a file that cannot be read; nobody speaks in it.
        RuntimeError: the extra translate is not installed.
    """
    audio = _read(source)
    try:
        return translate(audio.waveform, language)
    except ValueError as error:
        raise _unusable(source, error) from None


def _unusable(source: Path, error: ValueError) -> DocumentError:
    what, _, repair = str(error).partition("; ")
    return DocumentError([Problem("file", f"the recording {source.name[:60]!r} {what}", repair)])


def _read(source: Path) -> Audio:
    if reason := existing_file(source, "the recording", "check its name and folder."):
        raise DocumentError([Problem("file", reason)])
    return load_audio(source)
