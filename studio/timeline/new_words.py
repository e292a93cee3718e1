"""Words of a spoken line that are replaced: the line's phonemes and lengths with new ones in the place of theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from generation.core.clock import MEL_RATE, MELS_PER_FRAME
from generation.core.performance import Gap, Line
from generation.text.phonemizer import display_text
from studio.acting.marks import NewWord
from studio.core.messages import nearest, shortened
from studio.scene.schema import ScriptLine
from studio.timeline.word_timing import Word, word_times

_UNHEARD = " .,!?;:"
_LEAST_BETWEEN = 3
"""Frames between two gaps: their joins, and something that stays."""
_PACE = (0.8, 1.25)
"""How far the pace of the line as it was may move that of a new word."""


def find_word(words: Sequence[str], new: NewWord) -> tuple[int, int]:
    """Places in a line's written words, first and the one after the last, of what is replaced.

    Raises:
        ValueError: it is not there, or several times and the scene does not say which; there is nothing to say in its
            place; one sentence.
    """
    if not any(sign.isalnum() for sign in display_text(new.to)):
        raise ValueError(f"nothing of {shortened(new.to)} can be said; write at least one word.")
    plain, wanted = [_plain(word) for word in words], [_plain(word) for word in new.word.split()]
    size = len(wanted)
    found = [at for at in range(len(plain) - size + 1) if plain[at : at + size] == wanted]
    if not found:
        hint = nearest(new.word, [word for word in plain if word])
        raise ValueError(f"the word {shortened(new.word)} is not in the line; {hint or 'write it as the line has it'}.")
    if new.which is None and len(found) > 1:
        which = f"add the word beside it, or which: 1 to {len(found)}"
        raise ValueError(f"the word {shortened(new.word)} is there {len(found)} times; {which}.")
    if (new.which or 1) > len(found):
        raise ValueError(f"the word {shortened(new.word)} is there {len(found)} times; which is {new.which}.")
    at = found[(new.which or 1) - 1]
    return at, at + size


def with_new_word(line: ScriptLine, new: NewWord) -> ScriptLine:
    """A script line in which one more word is replaced, or another one in the same place.

    Raises:
        ValueError: as of :func:`find_word` and :func:`new_text`; one sentence.
    """
    words = display_text(line.text).split()
    place = find_word(words, new)
    others = [old for old in line.words if find_word(words, old) != place]
    new_text(line.text, [*others, new])
    return line.model_copy(update={"words": (*others, new)})


def without_new_word(line: ScriptLine, word: str) -> ScriptLine:
    """A script line in which a word, as it was written or as it is now, is said as it was."""
    kept = tuple(new for new in line.words if _plain(word) not in (_plain(new.word), _plain(display_text(new.to))))
    return line.model_copy(update={"words": kept})


def new_text(text: str, news: Sequence[NewWord], spoken: bool = False) -> str:
    """A line's text with its replaced words, as a reader sees it; ``spoken`` keeps sounds that are given in IPA.

    Raises:
        ValueError: as of :func:`find_word`; two of them meet.
    """
    if not news:
        return display_text(text)
    words = display_text(text).split()
    for first, stop, new in reversed(_places(words, news)):
        end = words[stop - 1]
        tail = end[len(end.rstrip(".,!?;:")) :]
        words[first:stop] = ((new.to if spoken else display_text(new.to)) + tail).split()
    return " ".join(words)


def with_new_words(
    line: Line,
    text: str,
    news: Sequence[NewWord],
    pronounce: Callable[[str], str],
    lengths: Callable[[str], Sequence[int]],
) -> Line:
    """A line whose words are replaced, in the rhythm that it had.

    Every other symbol keeps its length, and the line grows or shrinks by whole video frames, so that what stays can
    stay to the sample.

    Args:
        line: as it is spoken.
        text: as it is written, of the words as they were.
        news: what is replaced.
        pronounce: IPA of a text.
        lengths: mel frames of the symbols that a line has, as the line's own were found.

    Returns:
        The line with its new symbols; its gaps are the frames that the new words fill.

    Raises:
        ValueError: as of :func:`new_text`; nothing of a new word can be said.
    """
    shown = display_text(text)
    gaps: list[Gap] = []
    made, moved = line, 0
    for first, stop, new in _places(shown.split(), news):
        a, b = _symbols(line, _heard(word_times(line, shown), shown.split(), first, stop))
        sounds = _sounds_of(new, shown, first, stop, pronounce, line.language)
        begin, mels = sum(line.durations[:a]), sum(line.durations[a:b])
        at = a + len(made.phonemes) - len(line.phonemes)
        phonemes = made.phonemes[:at] + sounds + made.phonemes[at + b - a :]
        predicted = lengths(phonemes)
        pace = _pace(made, at, at + b - a, phonemes, at + len(sounds), predicted)
        own = _own_lengths([pace * n for n in predicted[at : at + len(sounds)]], mels)
        grown = sum(own) - mels
        durations = (*made.durations[:at], *own, *made.durations[at + b - a :])
        frames = begin // MELS_PER_FRAME, -(-(begin + mels) // MELS_PER_FRAME)
        gap = Gap(frames[0] + moved, frames[1] + moved + grown // MELS_PER_FRAME, frames[1] - frames[0])
        if gaps and gap.first - gaps[-1].stop < _LEAST_BETWEEN:
            raise ValueError(f"too little is said before {shortened(new.word)}; replace both words as one.")
        gaps.append(gap)
        moved += grown // MELS_PER_FRAME
        n_frames = made.n_frames + grown // MELS_PER_FRAME
        made = replace(made, phonemes=phonemes, durations=durations, n_frames=n_frames)
    return replace(made, gaps=tuple(gaps))


def _plain(word: str) -> str:
    return word.casefold().replace("\u2019", "'").strip(".,!?;:\"'()\u201c\u201d\u2018-\u2013\u2014\u2026")


def _places(words: Sequence[str], news: Sequence[NewWord]) -> list[tuple[int, int, NewWord]]:
    """First word, and the one after the last, of each replacement, in the order of the line."""
    places = sorted(((*find_word(words, new), new) for new in news), key=lambda place: place[:2])
    for (_, stop, one), (first, _, other) in zip(places, places[1:], strict=False):
        if first <= stop:
            joined = f"{shortened(one.word)} and {shortened(other.word)}"
            raise ValueError(f"the new words for {joined} stand beside each other; replace them as one.")
    return places


def _heard(times: Sequence[Word], words: Sequence[str], first: int, stop: int) -> tuple[float, float]:
    """Seconds of a line in which some of its written words are heard; one entry of ``times`` may hold several."""
    at, spans = 0, []
    for word in times:
        following = at + len(word.text.split())
        if at < stop and following > first:
            spans.append((word.start, word.stop))
        at = following
    if not spans:
        raise ValueError(f"nothing is heard of {' '.join(words[first:stop])!r}; replace a word that is said.")
    return spans[0][0], spans[-1][1]


def _symbols(line: Line, span: tuple[float, float]) -> tuple[int, int]:
    """The symbols of a line that lie in a span of seconds, punctuation at its edges left out."""
    ends = [0]
    for mels in line.durations:
        ends.append(ends[-1] + mels)
    first = min(range(len(ends)), key=lambda i: abs(ends[i] - MEL_RATE * span[0]))
    stop = min(range(len(ends)), key=lambda i: abs(ends[i] - MEL_RATE * span[1]))
    while first < stop and line.phonemes[first] in _UNHEARD:
        first += 1
    while stop > first and line.phonemes[stop - 1] in _UNHEARD:
        stop -= 1
    return first, stop


def _sounds_of(new: NewWord, shown: str, first: int, stop: int, pronounce: Callable[[str], str], language: str) -> str:
    """IPA of a new word as it is said in its line."""
    words = shown.split()
    inside = display_text(new.to).split()
    tail = words[stop - 1][len(words[stop - 1].rstrip(".,!?;:")) :]
    text = " ".join((*words[:first], new.to + tail, *words[stop:]))
    ipa = f" {pronounce(text)} "
    n_mels = len(ipa) + -len(ipa) % MELS_PER_FRAME
    lengths = (*(1,) * (len(ipa) - 1), 1 + n_mels - len(ipa))
    even = Line("", 0, 0, n_mels // MELS_PER_FRAME, ipa, lengths, language=language)
    said = display_text(text)
    a, b = _symbols(even, _heard(word_times(even, said), said.split(), first, first + len(inside)))
    if not (sounds := ipa[a:b].strip(_UNHEARD)):
        raise ValueError(f"nothing of {shortened(new.to)} can be said; write at least one word.")
    return sounds


def _pace(line: Line, first: int, old_stop: int, phonemes: str, new_stop: int, predicted: Sequence[int]) -> float:
    """How slowly the sounds around a new word are said, beside their lengths as predicted; pauses do not count."""
    said = [*zip(line.phonemes[:first], line.durations[:first], strict=True)]
    said += zip(line.phonemes[old_stop:], line.durations[old_stop:], strict=True)
    same = [*zip(phonemes[:first], predicted[:first], strict=True)]
    same += zip(phonemes[new_stop:], predicted[new_stop:], strict=True)
    was, now = (sum(mels for symbol, mels in each if symbol not in _UNHEARD) for each in (said, same))
    return min(max(was / max(now, 1), _PACE[0]), _PACE[1])


def _own_lengths(wanted: Sequence[float], mels: int) -> list[int]:
    """Mel frames of new symbols, near those wanted, their sum off the old one, ``mels``, by whole video frames."""
    own = [max(1, round(n)) for n in wanted]
    lacking = (mels - sum(own)) % MELS_PER_FRAME
    lacking -= MELS_PER_FRAME if lacking > MELS_PER_FRAME // 2 and sum(own) > 2 * len(own) else 0
    for _ in range(abs(lacking)):
        longest = own.index(max(own))
        own[longest] += 1 if lacking > 0 else -1
    return own
