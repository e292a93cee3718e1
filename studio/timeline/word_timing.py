"""Start and end times of the words of a line, from its phonemes and their durations."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from generation.core.clock import FPS, MEL_RATE
from generation.core.performance import Line
from generation.text.phonemizer import phonemize

_UNHEARD = " .,!?;:ˈˌ"


@dataclass(frozen=True)
class Word:
    """A word as it is written, heard from ``start`` to ``stop``, seconds from the line's beginning."""

    text: str
    start: float
    stop: float


def word_times(line: Line, text: str) -> list[Word]:
    """The words of a line with their times.

    A pause in the phonemes ends a word. A written word that is spoken as several (``23``) spans them all; where words
    are drawn together (``for a``), the boundary is found by laying the sounds of the single words along the line's.

    Args:
        line: as it is spoken.
        text: as a reader sees it.
    """
    words = text.split()
    if not words:
        return []
    if not line.phonemes.strip():
        ends = np.linspace(0, line.n_frames / FPS, len(words) + 1)
        return [Word(word, float(a), float(b)) for word, a, b in zip(words, ends[:-1], ends[1:], strict=True)]
    spoken = _spoken(line)
    said = [_said(word, line.language) for word in words]
    # Words without a sound of their own, such as a dash, belong to the one before them.
    heard = [index for index, sounds in enumerate(said) if sounds] or [0]
    counts = [said[index].count(" ") + 1 for index in heard]
    if sum(counts) == len(spoken):
        ends = np.cumsum([0, *counts])
        spans = [(spoken[a][0], spoken[b - 1][1]) for a, b in zip(ends[:-1], ends[1:], strict=True)]
    else:
        spans = _aligned([said[index] for index in heard], line)
    return _named(words, heard, spans)


def _named(words: list[str], heard: list[int], spans: list[tuple[float, float]]) -> list[Word]:
    texts = [" ".join(words[a:b]) for a, b in zip([0, *heard[1:]], [*heard[1:], len(words)], strict=True)]
    return [Word(text, round(start, 2), round(stop, 2)) for text, (start, stop) in zip(texts, spans, strict=True)]


def _spoken(line: Line) -> list[tuple[float, float]]:
    """Start and end in seconds of each run of phonemes between two pauses, punctuation left out."""
    ends = np.cumsum((0, *line.durations)) / MEL_RATE
    runs: list[tuple[float, float]] = []
    inside = False
    for index, symbol in enumerate(line.phonemes):
        if symbol in " .,!?;:":
            inside = inside and symbol != " "
            continue
        start = runs.pop()[0] if inside else float(ends[index])
        runs.append((start, float(ends[index + 1])))
        inside = True
    return runs


def _said(word: str, language: str) -> str:
    """The sounds of one word by itself; empty if nothing of it is said."""
    try:
        return phonemize(word, language).strip(" .,!?;:")
    except ValueError:
        return ""


def _aligned(said: list[str], line: Line) -> list[tuple[float, float]]:
    """Spans of words from the alignment of their own sounds with the line's."""
    ends = np.cumsum((0, *line.durations)) / MEL_RATE
    heard = [index for index, symbol in enumerate(line.phonemes) if symbol not in _UNHEARD]
    sounds = [[symbol for symbol in word if symbol not in _UNHEARD] for word in said]
    alone = [symbol for word in sounds for symbol in word]
    blocks = SequenceMatcher(None, alone, [line.phonemes[i] for i in heard], autojunk=False).get_matching_blocks()
    # Places of the single words' sounds in the line's: equal sounds lie on each other, others evenly between them.
    known = sorted({(0, 0), *((b.a, b.b) for b in blocks), *((b.a + b.size, b.b + b.size) for b in blocks)})
    firsts = np.cumsum([0, *map(len, sounds)])
    places = np.round(np.interp(firsts, *zip(*known, strict=True))).astype(int).clip(0, len(heard))
    spans = []
    for first, last in zip(places[:-1], places[1:], strict=True):
        start = heard[min(first, len(heard) - 1)]
        stop = heard[max(last - 1, 0)] + 1 if last > first else start
        while start and line.phonemes[start - 1] in "ˈˌ":
            start -= 1
        spans.append((float(ends[start]), float(ends[stop])))
    return spans
