"""Habits that come with an adapter beside its weights: pace, pauses, gaze and blinks, which no layer decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

PAUSES = ",.;:!?—…"
"""Symbols between words that last as long as a speaker pauses."""


@dataclass(frozen=True)
class Delivery:
    """How somebody differs from the average speaker; the defaults change nothing.

    Attributes:
        tempo: rate of speaking, 1 = the voice's own.
        pauses: factor on pauses inside a line.
        averted: share of the looks that go down and aside in place of where they would go, 0..1.
        blinks: factor on the rate of blinks.
        lids: how far the lids hang, 0..1.
    """

    tempo: float = 1.0
    pauses: float = 1.0
    averted: float = 0.0
    blinks: float = 1.0
    lids: float = 0.0

    def __post_init__(self) -> None:
        ranges = {"tempo": (0.5, 2), "pauses": (0.25, 4), "averted": (0, 1), "blinks": (0.2, 4), "lids": (0, 0.6)}
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"The habit {name} is {getattr(self, name)}; it should be from {low} to {high}.")


AVERAGE = Delivery()


def mixed(habits: Iterable[tuple[Delivery, float]]) -> Delivery:
    """Several habits at their strengths (0 = not at all, 1 = as they are) as one, held to the ranges of each."""
    tempo, pauses, blinks, straight, lids = 1.0, 1.0, 1.0, 1.0, 0.0
    for own, strength in habits:
        tempo *= own.tempo**strength
        pauses *= own.pauses**strength
        blinks *= own.blinks**strength
        straight *= max(0.0, 1 - own.averted * strength)
        lids += own.lids * strength
    clipped = (float(np.clip(x, low, high)) for x, low, high in ((tempo, 0.5, 2), (pauses, 0.25, 4), (blinks, 0.2, 4)))
    tempo, pauses, blinks = clipped
    return Delivery(tempo, pauses, 1 - straight, blinks, min(lids, 0.6))


def paced(phonemes: str, durations: Sequence[int], pauses: float) -> tuple[int, ...]:
    """Durations (mel frames) with the pauses inside the line longer or shorter; both ends keep theirs.

    A comma's pause is its symbol's and that of the space behind it.
    """
    first, last = len(phonemes) - len(phonemes.lstrip(" ")), len(phonemes.rstrip(" " + PAUSES))
    scaled = list(durations)
    for i in range(first, last):
        if phonemes[i] in PAUSES or (phonemes[i] == " " and phonemes[i - 1] in PAUSES):
            scaled[i] = max(1, round(scaled[i] * pauses))
    return tuple(scaled)
