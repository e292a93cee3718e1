"""Who speaks when in a long recording: by a map of names and times, or by pauses and pitch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from generation.audio.clip_quality import autocorrelation_pitch
from generation.audio.waveform import Audio
from generation.core.arrays import runs
from generation.core.clock import HOP, MEL_RATE, SAMPLE_RATE
from generation.recordings.recorded_speech import find_speech
from studio.core.problems import DocumentError, Problem
from studio.formats.subtitles import Caption

LONGEST = 30.0
"""Seconds of a line that is cut at pauses."""
_PAUSE, _SHORTEST = 0.6, 0.25
"""Seconds: a shorter pause is inside a line, and less speech is none."""
_MARGIN = 0.12
"""Seconds before and after a line in which soft sounds begin and die away."""
_APART = 5.0
"""Semitones between two people's pitches; less may be one who is lively."""


@dataclass(frozen=True)
class Turn:
    """What one person says without a longer pause.

    Attributes:
        who: name.
        start: seconds.
        stop: seconds.
        text: what is said, where that is known.
    """

    who: str
    start: float
    stop: float
    text: str = ""


@dataclass(frozen=True)
class Phrase:
    """Speech between two pauses: frames of 10 ms, and its pitch in semitones above 100 Hz, NaN where none is heard."""

    first: int
    stop: int
    pitch: float


class PhraseFinder:
    """Finds the phrases of a recording that comes block by block: an hour need not be held at once."""

    def __init__(self) -> None:
        self._speaks: list[np.ndarray] = []
        self._pitch: list[np.ndarray] = []

    def add(self, block: np.ndarray) -> None:
        """The next samples (S,) at 24 kHz; all blocks but the last hold whole frames of 20 ms."""
        speaks = find_speech(block).speaks
        pitch = np.repeat(autocorrelation_pitch(Audio(block, SAMPLE_RATE)), 2) if len(block) > 2 * HOP else np.zeros(0)
        self._speaks.append(speaks)
        self._pitch.append(np.pad(pitch, (0, max(0, len(speaks) - len(pitch))), constant_values=np.nan)[: len(speaks)])

    def phrases(self) -> list[Phrase]:
        """All phrases, cut where they would be longer than :data:`LONGEST`."""
        speaks = np.concatenate([np.zeros(0, bool), *self._speaks])
        pitch = np.concatenate([np.zeros(0), *self._pitch])
        spans: list[list[int]] = []
        for first, stop in runs(speaks):
            if spans and first - spans[-1][1] < _PAUSE * MEL_RATE:
                spans[-1][1] = stop
            elif stop - first >= _SHORTEST * MEL_RATE:
                spans.append([first, stop])
        return [
            Phrase(first, stop, float(np.nanmedian(own)) if np.isfinite(own := pitch[first:stop]).any() else np.nan)
            for span in spans
            for first, stop in _short_enough(speaks, *span)
        ]


def _short_enough(speaks: np.ndarray, first: int, stop: int) -> list[tuple[int, int]]:
    """A span, cut at the longest pause near its middle as often as it takes."""
    if stop - first <= LONGEST * MEL_RATE:
        return [(first, stop)]
    third = (stop - first) // 3
    pauses = [(b - a, first + third + (a + b) // 2) for a, b in runs(~speaks[first + third : stop - third])]
    cut = max(pauses)[1] if pauses else (first + stop) // 2
    return [*_short_enough(speaks, first, cut), *_short_enough(speaks, cut, stop)]


def turns_by_pitch(phrases: Sequence[Phrase], names: Sequence[str], seconds: float) -> list[Turn]:
    """Turns of one or two people, told apart by pitch alone.

    Args:
        phrases: of the recording.
        names: one, or two of which the first begins.
        seconds: length of the recording.

    Raises:
        DocumentError: nobody speaks, or there are two names, but one pitch.
    """
    if not phrases:
        raise DocumentError([Problem("script", "nobody speaks in the recording", "choose another")])
    group = [0] * len(phrases)
    if len(names) == 2:
        found = _two_groups(np.array([phrase.pitch for phrase in phrases]))
        if found is None:
            what = "the phrases lie around one pitch, so that two people cannot be told apart"
            raise DocumentError([Problem("script", what, "give --map, subtitles that name who speaks when")])
        group = [int(whose != found[0]) for whose in found]
    return [
        Turn(names[whose], max(0.0, phrase.first / MEL_RATE - _MARGIN), min(seconds, phrase.stop / MEL_RATE + _MARGIN))
        for phrase, whose in zip(phrases, group, strict=True)
    ]


def _two_groups(pitch: np.ndarray) -> np.ndarray | None:
    """Which of two pitches each phrase is nearest to, (N,) int; None where they lie around one."""
    known = np.sort(pitch[np.isfinite(pitch)])
    if len(known) < 2:
        return None
    cuts = np.arange(1, len(known))
    spread = [known[:k].var() * k + known[k:].var() * (len(known) - k) for k in cuts]
    best = int(cuts[int(np.argmin(spread))])
    low, high = float(np.median(known[:best])), float(np.median(known[best:]))
    if high - low < _APART:
        return None
    group = (pitch > (low + high) / 2).astype(int)
    for index in np.flatnonzero(~np.isfinite(pitch)):  # without a pitch: whoever spoke before
        group[index] = group[index - 1] if index else int(known[0] < pitch[np.isfinite(pitch)][0])
    return group


def turns_of_captions(captions: Sequence[Caption], names: Sequence[str], seconds: float) -> list[Turn]:
    """Turns as subtitles name them; captions of one person that follow at once are one turn.

    Raises:
        DocumentError: a caption names nobody, or somebody who is not among ``names``; times beyond the recording.
    """
    known = {name.casefold(): name for name in names}
    turns: list[Turn] = []
    for caption in captions:
        who = caption.who or (turns[-1].who if turns else "")
        if not who:
            raise DocumentError([Problem("script", "the first caption names nobody", "write NAME: text in it")])
        if known and who.casefold() not in known:
            what = f"the captions name {who!r}, who is not among {', '.join(names)}"
            raise DocumentError([Problem("script", what, "correct the name, or leave --cast out")])
        start, stop = max(0.0, caption.start), min(seconds, caption.stop)
        if stop - start < _SHORTEST:
            if caption.start >= seconds:
                what = f"a caption begins at {caption.start:.1f} s, and the recording lasts {seconds:.1f} s"
                raise DocumentError([Problem("script", what, "give the subtitles of this recording")])
            continue
        who = known.get(who.casefold(), who)
        last = turns[-1] if turns else None
        if last and last.who == who and start - last.stop < _PAUSE and stop - last.start <= LONGEST:
            turns[-1] = replace(last, stop=max(stop, last.stop), text=f"{last.text} {caption.text}".strip())
        else:
            turns.append(Turn(who, start, stop, caption.text))
    if not turns:
        raise DocumentError([Problem("script", "the map has no captions", "give subtitles in SRT or WebVTT")])
    return turns
