"""Words for voices, read by the table ``vocabulary.tsv``: what a description asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PITCH_HERTZ: Mapping[str, Mapping[str, float]] = {
    "woman": {"low": 168.0, "middle": 200.0, "high": 240.0},
    "man": {"low": 94.0, "middle": 118.0, "high": 150.0},
}
"""Median pitch of a voice that is low, middle or high for its gender."""
_TABLE = Path(__file__).with_name("vocabulary.tsv")
_OPPOSED = ("gender", "pitch", "pace")


@dataclass(frozen=True)
class WantedVoice:
    """What a description asks for; None and empty where it says nothing.

    Attributes:
        gender: ``woman`` or ``man``.
        pitch: ``low``, ``middle`` or ``high``.
        pace: ``slow``, ``middle`` or ``fast``.
        range: ``level``, ``even`` or ``lively``.
        moods: names of moods, most of them styles that ship.
        age: ``young`` or ``old``.
        loudness: ``soft`` or ``loud``.
    """

    gender: str | None = None
    pitch: str | None = None
    pace: str | None = None
    range: str | None = None
    moods: tuple[str, ...] = ()
    age: str | None = None
    loudness: str | None = None


@cache
def _phrases() -> dict[str, list[tuple[str, str]]]:
    """Quality and value of every word and phrase."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in _TABLE.read_text(encoding="utf-8").splitlines():
        if not row.startswith("#"):
            quality, value, phrases = row.split("\t")
            for phrase in phrases.split(", "):
                found.setdefault(phrase, []).append((quality, value))
    return found


def read_description(text: str) -> WantedVoice:
    """What a description of a voice asks for, in English, such as ``slow, low, sad woman``.

    Raises:
        ValueError: no word of it is known, or two of them exclude each other; one sentence.
    """
    table = _phrases()
    pattern = "|".join(re.escape(phrase) for phrase in sorted(table, key=len, reverse=True))
    said: dict[str, list[str]] = {}
    for phrase in re.findall(rf"(?<![\w-])({pattern})(?![\w-])", text.casefold().replace("\u2019", "'")):
        for quality, value in table[phrase]:
            values = zip(("gender", "pitch"), value.split(), strict=True) if quality == "voice" else [(quality, value)]
            for name, one in values:
                said.setdefault(name, []).append(one)
    if not said:
        raise ValueError(f"No word of {text[:60]!r} is known for a voice; try slow, low, sad woman.")
    for quality in _OPPOSED:
        if len(other := list(dict.fromkeys(said.get(quality, [])))) > 1:
            raise ValueError(f"The description asks for {other[0]} and {other[1]} {quality}; keep one of them.")
    first = {name: values[0] for name, values in said.items() if name != "mood"}
    return WantedVoice(moods=tuple(dict.fromkeys(said.get("mood", []))), **first)
