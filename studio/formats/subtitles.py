"""Subtitles, SubRip and WebVTT, whose captions name who speaks: ``NAME: text`` or ``<v Name>text``."""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from dataclasses import dataclass

from studio.formats.plain import spoken_by
from studio.formats.stage import Line, direction, in_brackets, read_cue
from studio.scene.screenplay import ScreenplayError

_ARROW = re.compile(
    r"\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})\s{0,9}-->\s{0,9}(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})(?!\d)"
)
_VOICE = re.compile(r"<v(?:\.[^\s<>]{1,60})?\s([^<>]{1,200})>")
_MARK = re.compile(r"</?[A-Za-z\d][^<>]{0,200}>|\{\\[^{}]{0,200}\}")
_SENTENCE_END = (".", "!", "?", "…", ":", '"', "”", ")", "]")
SECONDS_PER_LETTER = 0.08
"""What a letter lasts, a little more than our voices take: a start is used where the lines before it are over."""
_LONGEST = 600


@dataclass(frozen=True)
class Caption:
    """What somebody says from ``start`` to ``stop`` seconds; ``who`` is empty where nobody is named."""

    who: str
    text: str
    start: float
    stop: float
    number: int


def is_subtitles(text: str) -> bool:
    """Whether a text is WebVTT, or has the times of SubRip at its beginning."""
    return text.startswith("WEBVTT") or any(_ARROW.match(line) for line in text.split("\n", 40)[:40])


def read_captions(text: str) -> list[Caption]:
    """The captions of SubRip or WebVTT in the order in which they begin; one for each speaker that a caption names."""
    found: list[Caption] = []
    times: tuple[float, float] | None = None
    block: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if match := _ARROW.match(line):
            times, block = (_seconds(match.groups()[:4]), _seconds(match.groups()[4:])), []
        elif line.strip():
            block.append(line.strip())
        elif times is not None:
            found += [Caption(who, said, *times, number - len(block)) for who, said in _said(block)]
            times = None
    return sorted(found, key=lambda caption: caption.start)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, whole, thousandths = (int(part or 0) for part in parts[:3] + ((parts[3] or "").ljust(3, "0"),))
    return 3600 * hours + 60 * minutes + whole + thousandths / 1000


def _said(block: list[str]) -> list[tuple[str, str]]:
    """Who says what in one caption."""
    voices = _VOICE.split("\n".join(block))
    if len(voices) > 1:
        named = zip(voices[1::2], voices[2::2], strict=True)
        return [(html.unescape(who).strip(), said) for who, text in named if (said := _bare(text))]
    made: list[tuple[str, str]] = []
    for line in block:
        dashed = re.match(r"(?:[-–—]|>>)\s?", line)
        bare = _bare(line[dashed.end() :] if dashed else line)
        named_line = spoken_by(bare)
        if named_line:
            made.append(named_line)
        elif made and not dashed:
            made[-1] = (made[-1][0], f"{made[-1][1]} {bare}".strip())
        elif bare:
            made.append(("", bare))
    return made


def _bare(text: str) -> str:
    return " ".join(html.unescape(_MARK.sub("", text)).split())


def read(text: str, names: Collection[str] = ()) -> tuple[list[Line], list[str]]:
    """The lines of subtitles, with the seconds at which they begin, and what was noted after the last line.

    A caption without a name goes on with the speaker before it; one that goes on with a sentence is joined to it. A
    line begins when its caption does where whoever speaks before it is done by then, else after the line before it.

    Raises:
        ScreenplayError: captions before the first name.
    """
    found = read_captions(text)
    alone = next(iter(names)) if len(names) == 1 else ""
    lines: list[Line] = []
    spans: list[Caption] = []
    notes: list[str] = []
    for caption in found:
        if not caption.who and (in_brackets(caption.text) or set(caption.text) <= set("♪♫# ")):
            notes.append(caption.text.strip("[]() "))
            continue
        who = caption.who or (spans[-1].who if spans else alone)
        if not who:
            clause = "the caption names nobody; write NAME: text, or <v Name>text"
            raise ScreenplayError([(caption.number, clause)])
        cue = read_cue(who)
        if spans and not notes and _goes_on(spans[-1], lines[-1], caption, who):
            lines[-1].parts.append(caption.text)
            spans[-1] = Caption(who, caption.text, spans[-1].start, caption.stop, caption.number)
            continue
        made = Line(cue.who, notes=[*notes, *cue.notes], options=cue.options)
        made.parts += [*(direction(text, made.notes) for text in cue.directions), caption.text.strip("♪♫ ")]
        lines.append(made)
        spans.append(Caption(who, caption.text, caption.start, caption.stop, caption.number))
        notes = []
    _time(lines, spans)
    return lines, notes


def _goes_on(before: Caption, line: Line, caption: Caption, who: str) -> bool:
    """Whether a caption goes on with the sentence of the one before it."""
    said = line.parts[-1]
    near = caption.start - before.stop < 1.0 and sum(map(len, line.parts)) + len(caption.text) < _LONGEST
    return who == before.who and near and not said.endswith(_SENTENCE_END)


def _time(lines: list[Line], spans: list[Caption]) -> None:
    """Give lines the starts of their captions, where nobody still speaks who should be done."""
    free: dict[str, float] = {}
    done = 0.0
    for index, (line, span) in enumerate(zip(lines, spans, strict=True)):
        length = SECONDS_PER_LETTER * len(line.fields()["text"])
        before = spans[index - 1] if index else span
        talks_over = span.number != before.number and span.start < before.stop - 0.05
        if span.start >= (free.get(span.who, 0.0) if talks_over else done):
            line.options.setdefault("start", f"{span.start:.2f}")
            begin = span.start
        else:
            begin = done + 0.3
        free[span.who] = begin + length
        done = max(done, begin + length)
