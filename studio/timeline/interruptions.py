"""Interrupted lines: who begins to speak in them, where they break off, and what their words are then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from generation.core.clock import (
    HOP,
    MELS_PER_FRAME,
    frames_covering_mels,
    mels_from_frames,
    samples_from_frames,
)
from generation.core.performance import Line
from generation.text.timed_phonemes import AFTER_MARKS, STRESS_MARKS, VOWELS
from studio.acting.marks import Interrupted
from studio.scene.schema import Scene
from studio.timeline.word_timing import word_times

_LATEST = 30
"""Mel frames (10 ms) after the interrupting line begins at which the interrupted voice has stopped."""
_REACTION = 5
"""Mel frames for which both are heard at least, where there is time."""
_FADE = 6
"""Mel frames over which a voice that is cut off falls to nothing."""
_SILENT = " .,!?;:—…"
_DASHES = "-–—"


@dataclass(frozen=True)
class Interruption:
    """A line that another's stops.

    Attributes:
        line: index of the interrupted line in the script.
        by: index of the line that interrupts it.
        how: it is cut off, or its speaker yields the turn.
    """

    line: int
    by: int
    how: Interrupted


def find_interruptions(scene: Scene, starts: Sequence[int], lengths: Sequence[int]) -> list[Interruption]:
    """The lines of a directed scene that are to be interrupted, each by the first of another that begins in it.

    Args:
        scene: directed; a line in which nobody begins is not interrupted.
        starts: first frame of each line.
        lengths: of each line in frames.
    """
    found = []
    for index, line in enumerate(scene.script):
        if line.interrupted is None:
            continue
        own, first, stop = set(scene.speakers_of(line)), starts[index], starts[index] + lengths[index]
        others = [
            (starts[number], number)
            for number, other in enumerate(scene.script)
            if first < starts[number] < stop and not own & set(scene.speakers_of(other))
        ]
        if others:
            found.append(Interruption(index, min(others)[1], line.interrupted))
    return found


def broken_off(line: Line, by: Line, how: Interrupted) -> Line:
    """A line as far as it is said before another's stops it: to the end of a syllable or word, if one is near.

    Args:
        line: on the clock; what it has left to say when ``by`` begins is gone from the line that is returned.
        by: the line that stops it.
        how: cut off, it falls to nothing in 60 ms; who yields grows softer from where the other's voice begins.
    """
    began = mels_from_frames(by.start - line.start)
    heard = began + (by.durations[0] if by.phonemes[0] == " " and by.recording is None else 0)
    latest = began + _LATEST
    if latest >= _last_sound(line):
        return line
    stop = _stop(line, began, min(heard + _REACTION, latest), latest, how)
    softer = heard if stop - heard > _FADE else began
    first = stop - _FADE if how == "cut" else min(softer, stop - _FADE)
    return _shortened(line, stop, max(0, first))


def _last_sound(line: Line) -> int:
    """Mel frame at which the last of a line's sounds ends."""
    silent = len(line.phonemes) - len(line.phonemes.rstrip(_SILENT)) if line.phonemes.strip() else 0
    return int(sum(line.durations[: len(line.phonemes) - silent]))


def _stop(line: Line, began: int, heard: int, latest: int, how: Interrupted) -> int:
    """Mel frame at which a voice stops: after the other is ``heard``, or else after it ``began``."""
    if not line.phonemes.strip():
        return _softest(line, heard, latest)
    ends = [(end, of_word) for end, of_word in _syllable_ends(line) if began < end <= latest]
    in_time = [end for end, _ in ends if end >= heard]
    if how == "cut":
        return min(in_time, default=max((end for end, _ in ends), default=latest))
    words = [end for end, of_word in ends if of_word and end >= heard]
    return max(words or in_time or [end for end, _ in ends], default=latest)


def _softest(line: Line, first: int, last: int) -> int:
    """The softest 10 ms of a recording whose words are not known."""
    assert line.recording is not None
    levels = [float(np.square(line.recording[at * HOP : (at + 1) * HOP]).sum()) for at in range(first, last)]
    return first + int(np.argmin(levels)) if levels else last


def _syllable_ends(line: Line) -> Iterator[tuple[int, bool]]:
    """Mel frame at which each syllable ends, and whether its word does.

    Of consonants between two vowels the last belongs to the second (maximal onset, of one consonant).
    """
    symbols, ends = line.phonemes, np.cumsum(line.durations)
    vowel = False
    for index, symbol in enumerate(symbols):
        if symbol in _SILENT:
            if vowel:
                yield int(ends[index - 1]), True
            vowel = False
        elif symbol in VOWELS and (index == 0 or symbols[index - 1] not in VOWELS):
            onset = index
            while onset and symbols[onset - 1] in STRESS_MARKS:
                onset -= 1
            if vowel and onset and symbols[onset - 1] not in VOWELS + AFTER_MARKS:
                onset -= 1
            while onset and symbols[onset - 1] in STRESS_MARKS:
                onset -= 1
            if vowel and onset:
                yield int(ends[onset - 1]), False
            vowel = True


def _shortened(line: Line, stop: int, first: int) -> Line:
    """A line up to a mel frame, silent to the end of that video frame; its sound falls to nothing from ``first`` on."""
    n_frames = frames_covering_mels(stop + 1)
    ends = np.cumsum(line.durations)
    count = int(np.searchsorted(ends, stop)) + 1
    kept = [*line.durations[: count - 1], stop - int(ends[count - 1] - line.durations[count - 1])]
    recording = None if line.recording is None else line.recording[: samples_from_frames(n_frames)]
    if not line.phonemes.strip():
        return replace(
            line, n_frames=n_frames, durations=(MELS_PER_FRAME * n_frames,), recording=recording, fade=(first, stop)
        )
    durations = (*kept, MELS_PER_FRAME * n_frames - stop)
    phonemes = f"{line.phonemes[:count]} "
    return replace(
        line, n_frames=n_frames, phonemes=phonemes, durations=durations, recording=recording, fade=(first, stop)
    )


def words_said(line: Line, text: str) -> str:
    """What a reader sees of a line that breaks off: its words up to there, and a dash.

    Args:
        line: as it would be said to its end, but for :attr:`Line.fade` of what is said of it.
        text: all of it.
    """
    assert line.fade is not None
    said = [word.text for word in word_times(replace(line, fade=None), text) if word.start * 100 < line.fade[1] - 1]
    return f"{' '.join(said).rstrip(' .,!?;:…' + _DASHES)}—" if said else "—"


def ends_with_dash(text: str) -> bool:
    """Whether a text breaks off with a dash, as scripts write it: ``--``, or a long one."""
    return text.rstrip(" \"'”’").endswith(("--", "–", "—"))
