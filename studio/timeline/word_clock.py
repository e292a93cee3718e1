"""Seconds of a line at which so many of its words are said."""

from __future__ import annotations

from generation.core.clock import MEL_RATE, MELS_PER_FRAME, frames_covering_mels, seconds_from_frames
from generation.core.performance import Line
from studio.acting.marks import Pause
from studio.timeline.word_timing import word_times


class WordClock:
    """The words of a line on its clock.

    Args:
        line: as it is spoken.
        text: as a reader sees it.
    """

    def __init__(self, line: Line, text: str) -> None:
        found = word_times(line, text)
        self._starts = [word.start for word in found for _ in word.text.split()]
        self._end = found[-1].stop if found else seconds_from_frames(line.n_frames)

    def at(self, words: int | None) -> float:
        """Second at which the word after so many begins, or the last one ends; 0 for None."""
        if words is None:
            return 0.0
        return self._starts[words] if words < len(self._starts) else self._end


def with_pauses(
    phonemes: str, durations: tuple[int, ...], text: str, pauses: tuple[Pause, ...], language: str = "en-us"
) -> tuple[int, ...]:
    """Durations (mel frames) with pauses between the words of a line, where its sound is silent already.

    Args:
        phonemes: of the line, ends included.
        durations: of each.
        text: as a reader sees it.
        pauses: wanted.
        language: that is spoken.
    """
    if not pauses:
        return durations
    n_frames = frames_covering_mels(sum(durations))
    filled = (*durations[:-1], durations[-1] + MELS_PER_FRAME * n_frames - sum(durations))
    clock = WordClock(Line("", 0, 0, n_frames, phonemes, filled, language=language), text)
    n_words = len(text.split())
    longer = list(durations)
    for pause in pauses:
        place = _silence(phonemes, durations, clock.at(pause.after), last=pause.after >= n_words)
        longer[place] += round(pause.seconds * MEL_RATE)
    return tuple(longer)


def _silence(phonemes: str, durations: tuple[int, ...], second: float, last: bool) -> int:
    """Index of the silence before what is said at a second, or of the one at the end."""
    if last:
        return len(phonemes) - 1
    begun, index = 0, 0
    while index < len(phonemes) - 1 and begun + durations[index] <= round(second * MEL_RATE):
        begun += durations[index]
        index += 1
    return max(phonemes.rfind(" ", 0, index + 1), 0)
