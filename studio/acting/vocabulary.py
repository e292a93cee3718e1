"""Words of directions by the tables in `data`: acts, vocal styles, emotions, and how each is shown."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from studio.acting.marks import Emotion

Tokens = tuple[str, ...]
LEFT_OUT = frozenset(
    "a an the his her their its my your our own him them it both with then and but just now again after speaking says "
    "said saying sounding sounds feeling feels".split()
)
"""Words that say nothing that another does not."""
_ALIKE = {
    "eyebrow": "brow", "eyebrows": "brow", "brows": "brow", "forehead": "brow", "eyes": "eye", "lips": "lip",
    "cheeks": "cheek", "corners": "corner", "eyelashes": "lash", "lashes": "lash", "himself": "self", "herself": "self",
    "themselves": "self", "out": "", "of": "", "whole": "",
}  # fmt: skip
"""Words that stand for others; empty = left out."""
_VOWEL_END = re.compile(r"[aeiou][bdglmnprt]$")


@dataclass(frozen=True)
class VocalStyle:
    """How a line is spoken: factor of its pace, dB, semitones, factor of its melody, and strengths of styles."""

    speed: float = 1.0
    loudness: float = 0.0
    pitch: float = 0.0
    melody: float = 1.0
    styles: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Known:
    """A phrase of the tables.

    Attributes:
        kind: ``act``, ``vocal_style`` or ``emotion``.
        name: of the act or emotion, or the first word of the vocal style.
        lasting: it is written as what goes on (``nodding``).
        vocal_style: what a vocal style changes; nothing of acts and emotions.
        intensity: of an emotion.
    """

    kind: str
    name: str
    lasting: bool = False
    vocal_style: VocalStyle = VocalStyle()
    intensity: float = 1.0


def tokens(text: str) -> list[str]:
    """The words of a direction that say something, in small letters and one form each."""
    found = re.findall(r"[a-z]+(?:-[a-z]+)*", text.casefold().replace("’", "'").replace("'s", ""))
    alike = (_ALIKE.get(word, word) for word in found)
    return [word for word in alike if word and word not in LEFT_OUT]


def _forms(verb: str) -> tuple[tuple[str, bool], ...]:
    """Forms of a verb, each with whether it says that something goes on."""
    if verb.endswith("e") and not verb.endswith("ee"):
        stem, doubled = verb[:-1], verb[:-1]
    else:
        stem, doubled = verb, verb + verb[-1] if _VOWEL_END.search(verb) else verb
    third = verb + "es" if verb.endswith(("s", "sh", "ch", "x")) else verb + "s"
    going_on = {doubled + "ing", stem + "ing"}
    past = {doubled + "ed", stem + "ed", verb + "d" if verb.endswith("e") else verb + "ed"}
    if verb.endswith("y"):
        third, past = verb[:-1] + "ies", {verb[:-1] + "ied"}
    irregular = {"shake": ("shook", "shaken"), "hang": ("hung",), "draw": ("drew", "drawn"), "shut": ("shutting",),
                 "knit": ("knitting",), "bat": ("batting",), "nod": ("nodding",), "grin": ("grinning",)}  # fmt: skip
    plain = {verb, third, *past, *irregular.get(verb, ())}
    return tuple((form, form.endswith("ing")) for form in sorted(plain | going_on))


def _rows(name: str) -> list[dict[str, str]]:
    text = files("studio.acting").joinpath("data", f"{name}.tsv").read_text("utf-8")
    return [
        {key: value or "" for key, value in row.items()}
        for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    ]


def _variants(phrase: str) -> list[tuple[Tokens, bool]]:
    """The tokens of a phrase, a verb marked by ``~`` in each of its forms."""
    first, *others = phrase.split()
    rest = tuple(tokens(" ".join(others)))
    if not first.startswith("~"):
        return [((*tokens(first), *rest), False)]
    return [((form, *rest), lasting) for form, lasting in _forms(first[1:])]


def _weights(text: str) -> tuple[tuple[str, float], ...]:
    """``a 0.5;b 1`` as names and numbers."""
    parts = [part.rsplit(" ", 1) for part in text.split(";") if part]
    return tuple((name, float(number)) for name, number in parts)


def _vocal_style(row: Mapping[str, str]) -> VocalStyle:
    speed, loudness, pitch, melody = (float(row[key]) for key in ("speed", "loudness", "pitch", "melody"))
    return VocalStyle(speed, loudness, pitch, melody, _weights(row["styles"]))


@cache
def phrases() -> dict[Tokens, Known]:
    """All that is understood, by its tokens."""
    known: dict[Tokens, Known] = {}
    for row in _rows("acts"):
        for phrase in row["phrases"].split(";"):
            for words, lasting in _variants(phrase):
                known.setdefault(words, Known("act", row["act"], lasting))
    for row in _rows("vocal_styles"):
        vocal_style, (name, *_) = _vocal_style(row), row["words"].replace("~", "").split(";")
        for phrase in row["words"].split(";"):
            for words, _ in _variants(phrase):
                known.setdefault(words, Known("vocal_style", name, vocal_style=vocal_style))
    for row in _rows("emotions"):
        for phrase, intensity in _weights(row["words"]):
            known.setdefault(tuple(tokens(phrase)), Known("emotion", row["emotion"], intensity=intensity))
    return known


@cache
def expressions() -> dict[Emotion, tuple[VocalStyle, tuple[tuple[str, float], ...]]]:
    """How each emotion is shown at intensity 1: the vocal style, and values of the face's channels."""
    return {row["emotion"]: (_vocal_style(row), _weights(row["face"])) for row in _rows("expressions")}  # type: ignore[misc]


def longest_match(words: Sequence[str]) -> tuple[Known, int] | None:
    """The phrase with which some words begin, and how many of them it takes."""
    known = phrases()
    for length in range(min(len(words), 6), 0, -1):
        if found := known.get(tuple(words[:length])):
            return found, length
    return None


def nearest_phrase(text: str) -> str:
    """What of the tables a text that is not understood is most like, as a direction would write it."""
    spelled = [" ".join(words) for words in phrases()]
    return difflib.get_close_matches(" ".join(tokens(text)) or text.casefold(), spelled, n=1, cutoff=0.0)[0]
