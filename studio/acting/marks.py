"""Schema of what a line's voice, face, head and eyes do besides its words: curves, gaze, pauses, dials, retakes."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ChannelName = Annotated[str, Field(max_length=1300)]
SoundName = Annotated[str, Field(max_length=1000)]
Emotion = Literal["happy", "sad", "angry", "afraid", "disgusted", "surprised"]
Interrupted = Literal["cut", "yield"]
"""How a line that another's stops comes to its end: it is cut off, or its speaker yields the turn."""
Words = Annotated[int, Field(ge=0, le=100_000)]
Seconds = Annotated[float, Field(ge=-60, le=360_000)]
Attitude = Literal["positive", "neutral", "negative"]
"""With what attitude somebody listens."""
MOST_MARKS = 1000
SIDES = ("up", "down", "left", "right")
"""Where eyes can go besides people, the viewer and away: as the picture is seen."""


class Strict(BaseModel):
    """Base of everything in a scene: unknown keys, infinity and NaN are errors, numbers may be written as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False)


class Keyframe(Strict):
    """A value that a line's motion passes through.

    ``at`` counts seconds from the line's beginning; ``channel`` is an ARKit weight such as ``jawOpen`` or ``blink``
    (both lids), each 0..1, or ``headTurn``, ``headNod`` or ``headTilt`` in degrees.
    """

    at: float = Field(ge=0, le=600)
    channel: ChannelName
    value: float


class Retake(Strict):
    """A span of a line in which the speaker moves anew, ``start`` to ``end`` in seconds after the line's beginning.

    Another ``take`` is other motion in the same span, through the same keys.
    """

    start: float = Field(ge=0, le=600)
    end: float = Field(ge=0, le=600)
    take: int = Field(1, ge=0, lt=1000)
    keys: tuple[Keyframe, ...] = Field((), max_length=1000)


class NewWord(Strict):
    """Another word in the place of one in a line that was spoken: ``to`` in place of ``word``, all else stays.

    ``word`` may be several words in a row, ``which`` says which one where it is there more than once, counted from 1.
    In ``to``, ``{name|IPA}`` gives the sound.
    """

    word: str = Field(min_length=1, max_length=200)
    to: str = Field(min_length=1, max_length=200)
    which: int | None = Field(None, ge=1, le=1000)


class Curve(Strict):
    """A course of one channel over somebody's motion, added to it or, with ``replaces``, in its place.

    ``channel`` is as of a :class:`Keyframe`; ``points`` are seconds and values. Seconds count from where ``after``
    words of the line are said, the line's beginning where it is not given. With ``until`` the last value is held until
    so many words are said and then let go; without it the curve ends with its last point.
    """

    channel: ChannelName
    points: tuple[tuple[Seconds, float], ...] = Field(min_length=1, max_length=10_000)
    after: Words | None = None
    until: Words | None = None
    replaces: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Curve:
        for (first, _), (second, _) in pairwise(self.points):
            if second <= first:
                raise ValueError(f"has points that are not in order: {second:g} s stands after {first:g} s")
        return self


class Gaze(Strict):
    """Where eyes look from one second to another, and how far the head turns along (``turn``, 0 to 1).

    ``looks`` is somebody of the cast, ``viewer``, ``away``, or ``up``, ``down``, ``left`` or ``right`` as the picture
    is seen; with ``opposite`` the other way. Seconds and words count as of a :class:`Curve`; without an ``end`` or
    ``until`` it lasts to the line's end.
    """

    looks: ChannelName
    start: Seconds = 0.0
    end: Seconds | None = None
    after: Words | None = None
    until: Words | None = None
    turn: float = Field(0.0, ge=0, le=1)
    opposite: bool = False

    @model_validator(mode="after")
    def _ends_later(self) -> Gaze:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"should end after {self.start:g} s, where it begins; it ends at {self.end:g} s")
        return self


class Pause(Strict):
    """Seconds of silence after so many words of a line."""

    after: Words
    seconds: float = Field(gt=0, le=10)


class Song(Strict):
    """The melody of a line that is sung: notes as text, a MIDI file, or a recording in which somebody sings it.

    ``notes`` are scientific pitch names with lengths in beats, ``C4 E4:2 r G4:0.5~A4:0.5``, at a ``tempo`` of so many
    beats a minute; ``transpose`` moves all of it by semitones.
    """

    notes: str | None = Field(None, max_length=20_000)
    midi: SoundName | None = None
    recording: SoundName | None = None
    tempo: float = Field(90.0, ge=20, le=300)
    transpose: int = Field(0, ge=-48, le=48)

    @model_validator(mode="after")
    def _one_source(self) -> Song:
        if sum(source is not None for source in (self.notes, self.midi, self.recording)) != 1:
            raise ValueError("needs one of notes, midi and recording")
        return self


class Movement(Strict):
    """Courses that are laid over somebody's motion; of a character their seconds are those of the scene.

    ``blinks`` are a minute, in place of as many as people blink who speak as it does.
    """

    blinks: float | None = Field(None, ge=0, le=60)
    curves: tuple[Curve, ...] = Field((), max_length=MOST_MARKS)
    gazes: tuple[Gaze, ...] = Field((), max_length=MOST_MARKS)


class LineActing(Movement):
    """What a line does besides its words.

    ``interrupted`` says how it ends when another line begins in it: ``cut`` off, or its speaker grows softer and yields
    the turn; without it both speak on. ``attitudes`` are those of
    listeners by their names while the line is said.

    ``direction`` says it in words, which :mod:`studio.acting.grammar` reads; the other keys say it outright.
    ``loudness`` is in dB and ``pitch`` in semitones beside the voice's own, ``melody`` a factor on how far the pitch
    moves; ``sing`` gives it the notes of a song. ``emotions`` have intensities from 0 to 1; of several the face and the
    voice take from each.
    """

    direction: str = Field("", max_length=2000)
    loudness: float = Field(0.0, ge=-20, le=12)
    pitch: float = Field(0.0, ge=-6, le=6)
    melody: float = Field(1.0, ge=0, le=2)
    emotions: dict[Emotion, Annotated[float, Field(ge=0, le=1)]] = {}
    pauses: tuple[Pause, ...] = Field((), max_length=MOST_MARKS)
    interrupted: Interrupted | None = None
    attitudes: dict[Annotated[str, Field(max_length=1300)], Attitude] = Field({}, max_length=100)
    sing: Song | None = None
