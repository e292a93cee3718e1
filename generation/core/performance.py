"""Inputs and outputs of the joint pipeline: lines and cast members in, sound and motion of each person out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from generation.core.clock import samples_from_frames
from generation.core.motion import N_CHANNELS, MotionTrack
from generation.core.stored_array import StoredArray


class Gap(NamedTuple):
    """Video frames ``first`` to ``stop`` of a line that are made anew, in the place of ``former`` frames."""

    first: int
    stop: int
    former: int


@dataclass(frozen=True)
class Prosody:
    """How a line's sound is changed once it is made: dB, semitones, and a factor on how far its pitch moves."""

    loudness: float = 0.0
    pitch: float = 0.0
    melody: float = 1.0


AS_SPOKEN = Prosody()


@dataclass(frozen=True)
class Line:
    """A line as the pipeline takes it, on the clock of 25 frames/s.

    Attributes:
        id: name of the line, unique in the scene; its noise is seeded from it.
        character: index into the cast.
        start: first video frame.
        n_frames: length in video frames.
        phonemes: IPA symbols, start and end pauses included as ``" "`` (one character each).
        durations: mel frames (10 ms) per symbol; they sum to ``4 * n_frames``.
        recording: (960 * n_frames,) float32 at 24 kHz in place of synthesis, or None.
        language: that is spoken, by its name in eSpeak NG.
        adapters: names and strengths that hold in this line, in place of those of whose voice and faces it has; what is
            not named stays as it is.
        prosody: changes of its sound; lips are made to the sound as it was before.
        fade: mel frames of the line between which its sound falls to nothing; None = it is said to its end.
        melody: (4 n_frames,) MIDI number at each mel frame of a line that is still to be sung, or None.
        gaps: in order, frames of the line that are synthesised all the same, to join the recording around them.
    """

    id: str
    character: int
    start: int
    n_frames: int
    phonemes: str
    durations: tuple[int, ...]
    recording: np.ndarray | None = None
    language: str = "en-us"
    adapters: tuple[tuple[str, float], ...] = ()
    prosody: Prosody = AS_SPOKEN
    gaps: tuple[Gap, ...] = ()
    fade: tuple[int, int] | None = None
    melody: np.ndarray | None = None

    def __post_init__(self) -> None:
        if len(self.durations) != len(self.phonemes) or sum(self.durations) != 4 * self.n_frames:
            raise ValueError(
                f"Line {self.id}: {len(self.phonemes)} symbols and {len(self.durations)} durations that sum to"
                f" {sum(self.durations)} mel frames, expected {4 * self.n_frames}."
            )
        if self.recording is not None and len(self.recording) != samples_from_frames(self.n_frames):
            raise ValueError(
                f"Line {self.id}: the recording has {len(self.recording)} samples,"
                f" expected {samples_from_frames(self.n_frames)}."
            )

    @property
    def stop(self) -> int:
        """Frame after the last one."""
        return self.start + self.n_frames

    @property
    def synthesised(self) -> tuple[tuple[int, int], ...]:
        """First frame, and the one after the last, of each span of the line that is not given."""
        return ((0, self.n_frames),) if self.recording is None else tuple((gap.first, gap.stop) for gap in self.gaps)


@dataclass(frozen=True)
class CastMember:
    """A member of the cast as the pipeline takes it.

    Attributes:
        name: seeds the person's noise, so that the order of the cast changes nothing.
        voice: (64,) float32 from the voice bank or a clip; all zero leaves the voice to chance.
        side: where the person sits in the picture, -1 (left) .. 1 (right); listeners look there.
        adapters: names and strengths of what acts on this person alone, loaded in the pipeline's ``adapters``.
        timbre: (2, 100) float32 that :mod:`generation.audio.timbre` lends to what is sampled, or None.
    """

    name: str
    voice: np.ndarray
    side: float = 0.0
    adapters: tuple[tuple[str, float], ...] = ()
    timbre: np.ndarray | None = None


@dataclass(frozen=True)
class CharacterPerformance:
    """One person's part: speech (S,) float32 at 24 kHz in [-1, 1] over the whole scene, and motion of equal length.

    Where ``voiced`` is false there is sound but no voice in it, such as the tone of a room: no mix lifts it.
    """

    name: str
    speech: np.ndarray
    motion: MotionTrack
    voiced: bool = True


@dataclass(frozen=True)
class Performance:
    """Everybody's parts on one clock: K characters, ``n_frames`` video frames at 25 frames/s, speech at 24 kHz."""

    characters: tuple[CharacterPerformance, ...]
    n_frames: int

    def __post_init__(self) -> None:
        for part in self.characters:
            if len(part.speech) != samples_from_frames(self.n_frames) or len(part.motion) != self.n_frames:
                raise ValueError(
                    f"{part.name}: {len(part.speech)} samples and {len(part.motion)} motion frames,"
                    f" expected {samples_from_frames(self.n_frames)} and {self.n_frames}."
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the characters."""
        return tuple(part.name for part in self.characters)

    @property
    def voiced(self) -> tuple[bool, ...]:
        """Whether a voice is in each character's track."""
        return tuple(part.voiced for part in self.characters)

    @property
    def speech(self) -> tuple[np.ndarray, ...]:
        """Each character's, (S,) float32."""
        return tuple(part.speech for part in self.characters)

    @property
    def motion(self) -> tuple[np.ndarray, ...]:
        """Each character's, (T, 57) float32."""
        return tuple(part.motion.values for part in self.characters)

    def window(self, first: int, stop: int) -> Performance:
        """The video frames from ``first`` to ``stop``."""
        return _window(self, first, stop)


@dataclass(frozen=True)
class StoredPerformance:
    """A performance of any length in files; attributes as of :class:`Performance`."""

    names: tuple[str, ...]
    n_frames: int
    speech: tuple[StoredArray, ...]
    motion: tuple[StoredArray, ...]
    voiced: tuple[bool, ...]

    @classmethod
    def still(cls, names: Sequence[str], n_frames: int, folder: Path) -> StoredPerformance:
        """Silence and stillness, to be written over; its files lie in a folder, without names."""
        speech = tuple(StoredArray((samples_from_frames(n_frames),), folder) for _ in names)
        motion = tuple(StoredArray((n_frames, N_CHANNELS), folder) for _ in names)
        return cls(tuple(names), n_frames, speech, motion, (True,) * len(names))

    def window(self, first: int, stop: int) -> Performance:
        """The video frames from ``first`` to ``stop``, in memory."""
        return _window(self, first, stop)

    def whole(self) -> Performance:
        """All of it, in memory."""
        return self.window(0, self.n_frames)


AnyPerformance = Performance | StoredPerformance


def _window(performance: AnyPerformance, first: int, stop: int) -> Performance:
    sound = slice(samples_from_frames(first), samples_from_frames(stop))
    parts = zip(performance.names, performance.speech, performance.motion, performance.voiced, strict=True)
    characters = (
        CharacterPerformance(name, speech[sound], MotionTrack(motion[first:stop]), voiced)
        for name, speech, motion, voiced in parts
    )
    return Performance(tuple(characters), stop - first)
