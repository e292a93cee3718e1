"""Delivery parameters stored with an adapter: pace, pauses, gaze aversion, blink rate, lids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

PAUSES = ",.;:!?—…"
"""Symbols between words that last as long as a speaker pauses."""

RANGES = {"tempo": (0.5, 2), "pauses": (0.25, 4), "gaze_aversion": (0, 1), "blinks": (0.2, 4), "lids": (0, 0.6)}
"""Least and greatest value of each parameter."""


@dataclass(frozen=True)
class Delivery:
    """Delivery parameters relative to the average speaker; the defaults change nothing.

    Attributes:
        tempo: rate of speaking, 1 = the voice's own.
        pauses: factor on pauses inside a line.
        gaze_aversion: share of the looks that go down and aside in place of where they would go, 0..1.
        blinks: factor on the rate of blinks.
        lids: how far the lids hang, 0..1.
    """

    tempo: float = 1.0
    pauses: float = 1.0
    gaze_aversion: float = 0.0
    blinks: float = 1.0
    lids: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"The delivery's {name} is {getattr(self, name)}; it should be from {low} to {high}.")


AVERAGE = Delivery()


def blend_deliveries(deliveries: Iterable[tuple[Delivery, float]]) -> Delivery:
    """One delivery from several at their strengths (0 = not at all, 1 = in full), clipped to :data:`RANGES`."""
    tempo, pauses, blinks, straight, lids = 1.0, 1.0, 1.0, 1.0, 0.0
    for each, strength in deliveries:
        tempo *= each.tempo**strength
        pauses *= each.pauses**strength
        blinks *= each.blinks**strength
        straight *= max(0.0, 1 - each.gaze_aversion * strength)
        lids += each.lids * strength
    tempo, pauses, blinks = (
        float(np.clip(value, *RANGES[name]))
        for name, value in (("tempo", tempo), ("pauses", pauses), ("blinks", blinks))
    )
    return Delivery(tempo, pauses, 1 - straight, blinks, min(lids, RANGES["lids"][1]))


def scale_pauses(phonemes: str, durations: Sequence[int], pauses: float) -> tuple[int, ...]:
    """Durations (mel frames) with the pauses inside the line longer or shorter; both ends keep theirs.

    A comma's pause is its symbol's and that of the space behind it.
    """
    first, last = len(phonemes) - len(phonemes.lstrip(" ")), len(phonemes.rstrip(" " + PAUSES))
    scaled = list(durations)
    for i in range(first, last):
        if phonemes[i] in PAUSES or (phonemes[i] == " " and phonemes[i - 1] in PAUSES):
            scaled[i] = max(1, round(scaled[i] * pauses))
    return tuple(scaled)
