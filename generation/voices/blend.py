"""Blends of preset voices as people write them: ``Alice + Henry``, ``Alice 70% + Henry 30%, 2 lower``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MOST_SEMITONES = 8.0
"""Farther than this from its voices a pitch is no voice that was learned."""
_PITCH = re.compile(r"(.*?)(?:,\s*(\d+(?:\.\d+)?)\s+(higher|lower))?", re.DOTALL)
_PART = re.compile(r"(.*?)(?:\s+(\d+(?:\.\d+)?)\s*%)?", re.DOTALL)


@dataclass(frozen=True)
class Blend:
    """Voices by name with their shares, which sum to 1, and by how many semitones the whole is higher."""

    shares: Mapping[str, float]
    semitones: float = 0.0

    @property
    def leading(self) -> str:
        """The voice with the largest share, the first of equals."""
        return max(self.shares, key=lambda name: self.shares[name])


def read_blend(text: str) -> Blend:
    """A voice as it is written: a name, or several with their shares in percent; those without share what is left.

    Raises:
        ValueError: a voice twice or without a name, shares that do not sum to 100 %, a pitch too far off; a clause
            without its subject.
    """
    whole = _PITCH.fullmatch(text.strip())
    voices, semitones, way = whole.groups() if whole else (text, None, None)
    shares: dict[str, float | None] = {}
    for part in voices.split("+"):
        match = _PART.fullmatch(part.strip())
        name, percent = match.groups() if match else (part.strip(), None)
        if not name:
            raise ValueError("has a + without a voice beside it")
        if name in shares:
            raise ValueError(f"names {name[:60]} twice")
        shares[name] = None if percent is None else float(percent) / 100
    given = sum(share for share in shares.values() if share is not None)
    open_ones = sum(share is None for share in shares.values())
    if given > 1 + 1e-6 or (not open_ones and abs(given - 1) > 0.005):
        raise ValueError(f"has shares that sum to {100 * given:g} %; let them sum to 100 %")
    if open_ones and given > 1 - 1e-6:
        raise ValueError("leaves nothing for a voice without a share")
    rest = (1 - given) / open_ones if open_ones else 0.0
    moved = float(semitones or 0) * (-1 if way == "lower" else 1)
    if abs(moved) > MOST_SEMITONES:
        raise ValueError(f"is moved by {abs(moved):g} semitones; {MOST_SEMITONES:g} are the most")
    total = given + rest * open_ones
    return Blend({name: (rest if share is None else share) / total for name, share in shares.items()}, moved)


def blend_name(blend: Blend) -> str:
    """How a blend is written; :func:`read_blend` gives it back."""
    alone = len(blend.shares) == 1
    voices = " + ".join(name if alone else f"{name} {100 * share:g}%" for name, share in blend.shares.items())
    way = "lower" if blend.semitones < 0 else "higher"
    return f"{voices}, {abs(blend.semitones):g} {way}" if blend.semitones else voices
