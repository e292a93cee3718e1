"""Reads directions such as ``whispering, nods slowly, then looks at Theo``: what each part asks for, and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from studio.acting.marks import Attitude
from studio.acting.vocabulary import Known, longest_match, nearest_phrase, tokens

_DEGREES = {
    "slightly": 0.5, "little": 0.5, "bit": 0.5, "faint": 0.5, "faintly": 0.5, "small": 0.5, "half": 0.5, "almost": 0.5,
    "weak": 0.5, "weakly": 0.5, "subtly": 0.5, "somewhat": 0.7, "gently": 0.7, "strongly": 1.4, "big": 1.4,
    "broad": 1.4, "broadly": 1.4, "wide": 1.4, "widely": 1.4, "hard": 1.4, "violently": 1.5, "vigorously": 1.4,
    "extremely": 1.4,
    "so": 1.2, "very": 1.2, "really": 1.2, "deeply": 1.3, "high": 1.2,
}  # fmt: skip
_PACES = {"slowly": 1.7, "slow": 1.7, "quickly": 0.7, "quick": 0.7, "fast": 0.7, "rapidly": 0.7, "briefly": 0.8}
_TIMES = {"once": 1, "twice": 2, "thrice": 3, "repeatedly": 4}
_PLACES = {
    "end": "end", "last": "end", "finally": "end", "beginning": "start", "start": "start", "first": "start",
    "throughout": "all", "always": "all",
}  # fmt: skip
_BETWEEN = frozenset("at to toward towards on in from by for while as agreement head eye away up down".split())
"""Words that an act may have beside it without changing it."""
_TARGETS = {
    "camera": "viewer", "viewer": "viewer", "audience": "viewer", "us": "viewer", "lens": "viewer", "you": "viewer",
    "forward": "viewer", "straight": "viewer", "ahead": "viewer", "away": "away", "aside": "away", "distance": "away",
    "window": "away", "side": "away", "up": "up", "ceiling": "up", "sky": "up", "upward": "up", "upwards": "up",
    "heaven": "up", "down": "down", "floor": "down", "ground": "down", "foot": "down", "feet": "down", "hands": "down",
    "table": "down", "downward": "down", "downwards": "down", "left": "left", "right": "right",
}  # fmt: skip
_LOOKING = frozenset({"look", "glance", "turn"})
LISTENING: dict[str, Attitude] = {
    "listen warmly": "positive", "listen calmly": "neutral", "listen coldly": "negative",
}  # fmt: skip
"""Acts of those who hear the line: with what attitude. Who it is stands before the verb; else all of them."""


@dataclass(frozen=True)
class Request:
    """What one part of a direction asks for.

    Attributes:
        text: the part as it is written.
        known: what it is.
        after: words of the line said before it.
        place: ``here``, or ``start``, ``end`` or ``all`` of the line where it says so.
        order: how many parts of the same direction come before it with a *then* between, and how many there are.
        degree: factor of its amount.
        pace: factor of its time, of acts.
        times: how often, of acts; 0 = not said.
        target: whom or where, of looks and turns: a name, or what :class:`studio.acting.marks.Gaze` has; of listening,
            who does, empty = all others.
        opposite: away from it.
    """

    text: str
    known: Known
    after: int
    place: str = "here"
    order: tuple[int, int] = (0, 1)
    degree: float = 1.0
    pace: float = 1.0
    times: int = 0
    target: str = ""
    opposite: bool = False


@dataclass(frozen=True)
class Unknown:
    """A part of a direction that is not understood, and the phrase that it is most like."""

    text: str
    nearest: str


def read_direction(text: str, after: int, names: Sequence[str]) -> tuple[list[Request], list[Unknown]]:
    """What a direction asks for, and its parts that are not understood.

    Parts stand between commas, ``;`` and *and*; what follows a *then* comes later in the line.

    Args:
        text: without its brackets.
        after: words of the line said before it.
        names: the cast's.
    """
    requests: list[Request] = []
    unknown: list[Unknown] = []
    turns = [turn for turn in re.split(r"\bthen\b", text, flags=re.IGNORECASE) if tokens(turn)]
    if not turns:
        unknown.append(Unknown(text.strip(), nearest_phrase(text)))
    for number, turn in enumerate(turns):
        for part in _parts(turn):
            request = _request(part, after, (number, len(turns)), names)
            if request is None:
                unknown.append(Unknown(part, nearest_phrase(part)))
            else:
                requests.append(request)
    return requests, unknown


def _parts(text: str) -> list[str]:
    """Parts of a direction; *and* parts only what can each be understood by itself."""
    parts = []
    for piece in re.split(r"[,;.:/]", text):
        found = [part.strip() for part in re.split(r"\b(?:and|but|while)\b", piece) if tokens(part)]
        if len(found) > 1 and any(_match(tokens(part))[0] is None for part in found):
            found = [piece.strip()]
        parts += found
    return parts


@dataclass
class _Asides:
    """Words of a part that say how, how often and where."""

    degree: float = 1.0
    pace: float = 1.0
    times: int = 0
    place: str = "here"


def _request(part: str, after: int, order: tuple[int, int], names: Sequence[str]) -> Request | None:
    words = tokens(part)
    known, rest = _match(words)
    listener, after_name = _subject(part, names)
    if known is None and listener:
        known, rest = _match(after_name)
        known = known if known is not None and known.name in LISTENING else None
    if known is None:
        return None
    asides, left = _asides(rest, known)
    target, opposite = listener if known.name in LISTENING else "", False
    if known.kind == "act" and known.name in _LOOKING:
        target, opposite, left = _target(part, left, names)
        if not target:
            return None
    if known.kind == "act":
        left = [word for word in left if word not in _BETWEEN and word not in map(str.casefold, names)]
        left = [word for word in left if longest_match([word]) is None]
    if left:
        return None
    return Request(part, known, after, asides.place, order, asides.degree, asides.pace, asides.times, target, opposite)


def _subject(part: str, names: Sequence[str]) -> tuple[str, list[str]]:
    """Whose name a part begins with, or empty for *everybody* and nobody, and the words after it."""
    for name in sorted(names, key=len, reverse=True):
        if re.match(rf"{re.escape(name)}(?!\w)", part.strip(), re.IGNORECASE):
            return name, tokens(part.strip()[len(name) :])
    return "", tokens(part)


def _match(words: Sequence[str]) -> tuple[Known | None, list[str]]:
    """The phrase that some words hold, words of degree before it, and the words beside it."""
    for first in range(len(words)):
        if any(word not in _DEGREES and word not in _TIMES and word not in _PACES for word in words[:first]):
            break
        if found := longest_match(words[first:]):
            return found[0], [*words[:first], *words[first + found[1] :]]
    return None, []


def _asides(words: Sequence[str], known: Known) -> tuple[_Asides, list[str]]:
    made, left = _Asides(), []
    for number, word in enumerate(words):
        if word in ("two", "three", "four") and words[number + 1 : number + 2] == ["times"]:
            made.times = ("two", "three", "four").index(word) + 2
        elif word in _DEGREES:
            made.degree *= _DEGREES[word]
        elif word in _PACES and known.kind == "act":
            made.pace *= _PACES[word]
        elif word in _TIMES:
            made.times = _TIMES[word]
        elif word in _PLACES:
            made.place = _PLACES[word]
        elif word != "times":
            left.append(word)
    return made, left


def _target(part: str, words: Sequence[str], names: Sequence[str]) -> tuple[str, bool, list[str]]:
    """Where a look or turn goes, whether the other way, and the words that are no part of that."""
    opposite = "away" in words and "from" in words
    written = part.casefold()
    for name in sorted(names, key=len, reverse=True):
        if re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", written):
            own = set(tokens(name))
            return name, opposite, [word for word in words if word not in own]
    found = [word for word in words if word in _TARGETS and not (opposite and word == "away")]
    if not found:
        return "", False, list(words)
    return _TARGETS[found[-1]], opposite, [word for word in words if word not in _TARGETS]
