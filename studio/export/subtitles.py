"""Subtitles with speakers' names, SRT and WebVTT, from the clock that moves the mouths."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from generation.audio.voice_activity import speech_frames
from generation.core.clock import FPS, HOP, MEL_RATE, samples_from_frames
from generation.core.performance import Line
from generation.core.stored_array import Rows
from generation.text.phonemizer import phonemize

MAX_LINES = 2
_WIDEST = 42  # letters a line at 16:9, as broadcasters have it
_NARROWEST = 18
_LEAST_SECONDS = 0.8  # so that a short word can be read


@dataclass(frozen=True)
class Caption:
    """What one person says, small enough for two lines, from ``start`` to ``stop`` in seconds of the scene."""

    speaker: str
    text: str
    start: float
    stop: float


def line_width(size: tuple[int, int]) -> int:
    """Letters that fit on a line of a picture of (width, height) pixels."""
    return max(_NARROWEST, min(_WIDEST, round(_WIDEST * (size[0] / size[1]) / (16 / 9))))


def voice_end(speech: Sequence[Rows], line: Line) -> float:
    """Second of the scene at which the voices of a line fall silent; the end of the line where they never do.

    The line's own durations go on to the end of its last pause, which the voice does not fill.

    Args:
        speech: (S,) float32 at 24 kHz over the whole scene, of everybody who says the line.
        line: of one of them.
    """
    span = slice(samples_from_frames(line.start), samples_from_frames(line.stop))
    tracks = [own for own in (sound[span] for sound in speech) if own.any()]
    heard = np.flatnonzero(np.any([speech_frames(track, HOP) for track in tracks], axis=0)) if tracks else []
    return line.start / FPS + (heard[-1] + 1) / MEL_RATE if len(heard) else line.stop / FPS


def captions(
    lines: Sequence[Line],
    texts: Sequence[str],
    speakers: Sequence[str],
    width: int = _WIDEST,
    ends: Sequence[float] | None = None,
) -> list[Caption]:
    """Captions of a scene in the order in which they begin.

    Args:
        lines: the timeline's lines; a caption begins and ends with the sounds of its words.
        texts: what a reader sees of each line; lines without text get no caption.
        speakers: who says each line, for a reader.
        width: letters a line, see :func:`line_width`. Long texts become several captions, cut after a sentence or a
            comma where one is near; words longer than a line are hyphenated.
        ends: second at which each line's voice falls silent, see :func:`voice_end`; None = as its durations say.
    """
    made: list[Caption] = []
    for line, text, speaker, end in zip(lines, texts, speakers, ends or [math.inf] * len(lines), strict=True):
        words = [piece for word in text.replace("-->", "→").split() for piece in _pieces(word, width)]
        if not words:
            continue
        groups = _groups(words, speaker, width)
        # A recording has no phonemes: nothing need be pronounced to cut its text.
        sizes = map(partial(_symbols, line.language) if line.phonemes.strip() else _written, groups)
        weights = np.cumsum([0, *sizes])
        times = [min(_time(line, share), end) for share in weights / weights[-1]]
        made += [Caption(speaker, " ".join(g), a, b) for g, a, b in zip(groups, times[:-1], times[1:], strict=True)]
    made.sort(key=lambda caption: (caption.start, caption.stop))
    return [_readable(caption, made[i + 1 :]) for i, caption in enumerate(made)]


def _pieces(word: str, width: int) -> list[str]:
    """The word, or its parts with hyphens where it is longer than a line."""
    if len(word) <= width:
        return [word]
    return [word[: width - 1] + "-", *_pieces(word[width - 1 :], width)]


def _symbols(language: str, words: list[str]) -> int:
    """How many phonemes the words take, the space after them included."""
    try:
        return len(phonemize(" ".join(words), language)) + 1
    except ValueError:  # nothing that is said, or said only by a pronunciation that the reader does not see
        return _written(words)


def _written(words: list[str]) -> int:
    """How many letters the words take."""
    return sum(map(len, words)) + 1


def _time(line: Line, share: float) -> float:
    """Second of the scene at which a share of the line's text has been said, at the nearest end of a word."""
    begin = line.start / FPS
    if len(line.phonemes) < 3:
        return begin + share * line.n_frames / FPS
    ends = np.cumsum((0, *line.durations)) / MEL_RATE
    inner = len(line.phonemes.rstrip()) - (first := len(line.phonemes) - len(line.phonemes.lstrip()))
    gaps = [first, *(i + 1 for i in range(first, first + inner) if line.phonemes[i] == " "), first + inner]
    if share in (0, 1):
        return begin + float(ends[gaps[0 if share == 0 else -1]])
    return begin + float(ends[min(gaps, key=lambda gap: abs(gap - first - share * inner))])


def _groups(words: list[str], speaker: str, width: int) -> list[list[str]]:
    """Words in runs that fit on two lines together with the speaker's name."""
    if len(words) == 1 or len(_wrap(f"{speaker}: {' '.join(words)}", width)) <= MAX_LINES:
        return [words]
    lengths = np.cumsum([len(word) + 1 for word in words])

    def cost(cut: int) -> float:
        penalty = {".": 0.0, "!": 0.0, "?": 0.0, ",": 0.1, ";": 0.1, ":": 0.1}.get(words[cut - 1][-1], 0.3)
        return abs(lengths[cut - 1] / lengths[-1] - 0.5) + penalty

    cut = min(range(1, len(words)), key=cost)
    return _groups(words[:cut], speaker, width) + _groups(words[cut:], speaker, width)


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` letters, the longest as short as possible."""
    lines = textwrap.wrap(text, width, break_on_hyphens=False)
    for narrower in range(width - 1, 0, -1):
        closer = textwrap.wrap(text, narrower, break_on_hyphens=False, break_long_words=False)
        if len(closer) > len(lines) or max(map(len, closer), default=0) > narrower:
            break
        lines = closer
    return lines


def _readable(caption: Caption, later: Sequence[Caption]) -> Caption:
    """The caption, kept on screen long enough to be read unless another one begins."""
    wanted = max(caption.stop, caption.start + _LEAST_SECONDS)
    following = min((other.start for other in later if other.start >= caption.stop), default=wanted)
    return replace(caption, stop=max(caption.stop, min(wanted, following)))


def _clock(seconds: float, point: str) -> str:
    millis = round(seconds * 1000)
    return f"{millis // 3_600_000:02}:{millis // 60_000 % 60:02}:{millis // 1000 % 60:02}{point}{millis % 1000:03}"


def srt(made: Sequence[Caption], width: int = _WIDEST) -> str:
    """SubRip text; every caption begins with its speaker's name."""
    blocks = []
    for number, caption in enumerate(made, 1):
        span = f"{_clock(caption.start, ',')} --> {_clock(caption.stop, ',')}"
        blocks.append("\n".join([str(number), span, *_wrap(f"{caption.speaker}: {caption.text}", width)]))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def vtt(made: Sequence[Caption], width: int = _WIDEST) -> str:
    """WebVTT text with a voice tag a caption."""
    blocks = ["WEBVTT"]
    for caption in made:
        span = f"{_clock(caption.start, '.')} --> {_clock(caption.stop, '.')}"
        lines = [_escaped(line) for line in _wrap(caption.text, width)]
        lines[0] = f"<v {_escaped(caption.speaker)}>{lines[0]}"
        blocks.append("\n".join([span, *lines]) + "</v>")
    return "\n\n".join(blocks) + "\n"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
