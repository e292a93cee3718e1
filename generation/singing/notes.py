"""Notes of a melody: read from a small text notation or a MIDI file, named, transposed, and held against a voice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

MOST_NOTES = 2000
BELOW, ABOVE = 6, 12
"""Semitones under and over the middle of a speaking voice that it sings: beyond, its timbre is somebody else's."""
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NOTE = re.compile(r"(?:([A-G])([#b♯♭]?)(-?\d)|([Rr]))(?::(\d+(?:\.\d+)?|\d+/\d+))?")
_MOST_BEATS = 64.0
_TOGETHER = 0.03
"""Seconds within which notes that begin are a chord."""


@dataclass(frozen=True)
class Note:
    """A note: MIDI number (69 = A4 = 440 Hz), where it begins and how long it lasts, seconds.

    One that is ``tied`` is sung on the syllable of the note before it.
    """

    number: float
    start: float
    seconds: float
    tied: bool = False

    @property
    def stop(self) -> float:
        """Second at which it ends."""
        return self.start + self.seconds

    @property
    def name(self) -> str:
        """Scientific pitch name, such as ``F#4``."""
        return note_name(self.number)


def note_name(number: float) -> str:
    """Scientific pitch name of a MIDI number, to the nearest semitone."""
    octave, step = divmod(round(number), 12)
    return f"{_NAMES[step]}{octave - 1}"


def read_notes(text: str, tempo: float) -> tuple[Note, ...]:
    """Notes as text: ``C4 E4:2 r F#4:0.5~G4:1/2``.

    Scientific pitch names with their length in beats (1 where none stands), ``r`` for a rest, ``~`` between notes of
    one syllable.

    Args:
        text: the notes.
        tempo: beats a minute.

    Raises:
        ValueError: none, too many, or what is no note; one clause without its subject.
    """
    notes: list[Note] = []
    at = 0.0
    for word in text.replace("|", " ").split():
        for number, part in enumerate(word.split("~")):
            match = _NOTE.fullmatch(part)
            if match is None:
                raise ValueError(f"holds {part[:20]!r}, which is no note; write C4, F#4:2 (two beats) or r for a rest")
            letter, sign, octave, rest, length = match.groups()
            top, _, bottom = (length or "1").partition("/")
            if not float(bottom or 1) or not 0 < (beats := float(top) / float(bottom or 1)) <= _MOST_BEATS:
                raise ValueError(f"holds {part[:20]!r}; a note lasts up to {_MOST_BEATS:g} beats, and more than none")
            seconds = 60 * beats / tempo
            if not rest:
                step = _STEPS[letter] + {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(sign, 0)
                notes.append(Note(12 * (int(octave) + 1) + step, at, seconds, tied=number > 0))
            at += seconds
    return _bounded(notes)


def read_midi(path: Path) -> tuple[Note, ...]:
    """Notes of a MIDI file of one voice; a note that begins before the one before it ends is tied to it.

    Raises:
        ValueError: no MIDI file, none, too many, or several notes at once; one clause without its subject.
    """
    import mido  # late: most scenes are spoken

    try:
        messages = list(mido.MidiFile(path, clip=True))
    except (OSError, EOFError, ValueError, KeyError, IndexError) as error:
        raise ValueError(f"cannot be read as MIDI ({str(error)[:60] or 'it ends too early'})") from None
    found: list[Note] = []
    sounding: dict[tuple[int, int], float] = {}
    at = 0.0
    for message in messages:
        at += message.time
        if message.type not in ("note_on", "note_off") or message.channel == 9:  # drums
            continue
        key = message.channel, message.note
        if (begun := sounding.pop(key, None)) is not None and at > begun:
            found.append(Note(message.note, begun, at - begun))
        if message.type == "note_on" and message.velocity:
            sounding[key] = at
    notes = sorted(found, key=lambda note: note.start)
    made = notes[:1]
    for one, other in pairwise(notes):
        if other.start - one.start < _TOGETHER or other.stop <= one.stop:
            raise ValueError(f"has {one.name} and {other.name} at once, at {other.start:.1f} s; give it one voice")
        tied = other.start < one.stop - _TOGETHER
        made[-1] = replace(made[-1], seconds=min(one.seconds, other.start - one.start))
        made.append(replace(other, tied=tied))
    return _bounded(made)


def _bounded(notes: Sequence[Note]) -> tuple[Note, ...]:
    if not notes:
        raise ValueError("holds no notes")
    if len(notes) > MOST_NOTES:
        raise ValueError(f"holds {len(notes)} notes; {MOST_NOTES} are the most")
    return tuple(notes)


def transposed(notes: Sequence[Note], semitones: float) -> tuple[Note, ...]:
    """Notes so many semitones higher."""
    return tuple(replace(note, number=note.number + semitones) for note in notes)


def out_of_range(notes: Sequence[Note], middle: float) -> str | None:
    """Why a voice cannot sing notes, and the repair; None where it can.

    Args:
        notes: as they are to be sung.
        middle: MIDI number of the voice's median pitch in speech.
    """
    low, high = (pick(note.number for note in notes) for pick in (min, max))
    least, most = middle - BELOW, middle + ABOVE
    if least <= low + 0.5 and high - 0.5 <= most:
        return None
    spans = f"the notes go from {note_name(low)} to {note_name(high)}, and the voice from {note_name(least)} to"
    for step in (12, 1):
        shifts = [n for n in range(-48, 49, step) if least <= low + n + 0.5 and high + n - 0.5 <= most]
        if shifts:
            return f"{spans} {note_name(most)}; add {min(shifts, key=abs)} to transpose"
    return f"{spans} {note_name(most)}; that is more than a voice spans, so take some of them an octave nearer"
