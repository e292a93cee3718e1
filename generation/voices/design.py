"""Candidates for a described voice: presets of its gender, nearest in pitch first, with the styles of its moods."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from generation.voices.vocabulary import WantedVoice

SYLLABLES: Mapping[str, float] = {"slow": 4.0, "middle": 5.2, "fast": 6.6}
"""A second of sound, pauses left out, of a voice that is slow, at a middle pace, or fast."""
_MOOD = 0.8
"""Strength of a style that a mood asks for."""
_PITCH_WORDS = {"very low": -2, "low": -1, "high": 1, "very high": 2}
_WANTED = {"low": -1, "middle": 0, "high": 1}
_LIVELY = {"level": -1, "lively": 1, "very lively": 2}


@dataclass(frozen=True)
class Candidate:
    """A voice that may suit: as a scene names it, of a gender, with styles and their strengths."""

    voice: str
    gender: str
    styles: Mapping[str, float] = field(default_factory=dict)


def candidates(wanted: WantedVoice, presets: Mapping[str, str], styles: Collection[str], count: int) -> list[Candidate]:
    """The best candidates for what is wanted, best first.

    Args:
        wanted: what a description asks for; without a gender both are offered in turn.
        presets: name and description, such as ``American woman, high and level, even pace``.
        styles: those that can be had; moods without one are left to pitch and pace.
        count: how many, at most those of the gender and blends of neighbours among them.
    """
    chosen = {name: _MOOD for name in wanted.moods if name in styles}
    genders = (wanted.gender,) if wanted.gender else ("woman", "man")
    found: list[list[Candidate]] = []
    for gender in genders:
        own = {name: about for name, about in presets.items() if gender in about.split(",")[0].split()}
        ordered = sorted(own, key=lambda name: _distance(own[name], wanted))
        pairs = [f"{one} + {other}" for one, other in zip(ordered, ordered[1:], strict=False)]
        found.append([Candidate(name, gender, chosen) for name in (*ordered, *pairs)])
    return [one for row in zip(*found, strict=False) for one in row][:count]


def _distance(about: str, wanted: WantedVoice) -> float:
    """How far a preset, by its description, is from what is wanted."""
    words = [word.strip() for clause in about.split(",")[1:] for word in clause.split(" and ")]
    pitch = next((_PITCH_WORDS[word] for word in words if word in _PITCH_WORDS), 0)
    lively = next((_LIVELY[word] for word in words if word in _LIVELY), 0)
    hushed = "hushed" in words and "whisper" not in wanted.moods and wanted.loudness != "soft"
    ranged = {"level": -1, "lively": 1}.get(wanted.range or "", 0)
    return abs(pitch - _WANTED[wanted.pitch or "middle"]) + 0.3 * abs(lively - ranged) + 2.0 * hushed
