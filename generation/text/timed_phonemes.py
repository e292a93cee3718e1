"""Phonemes with their times, their stress, and the time constants of the speech corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.text.ipa import NASAL

VOWELS = "aæɐɑɒɔoəɚɛeɜɪiᵻʊuʌyøœ"
STRESS_MARKS, AFTER_MARKS = "ˈˌ", f"ː{NASAL}"
CORPUS_UNIT_SECONDS = 0.025

CORPUS_DELAY_SECONDS = 0.06
"""The corpus's boundaries lie this much after the sounds (sibilants' and vowels' energy correlates best there, in all
voices and speeds): its start symbol counts too long."""


@dataclass(frozen=True)
class TimedPhonemes:
    """Phonemes with their times.

    Attributes:
        symbols: N symbols, one character each; spaces and punctuation are silence or word boundaries.
        bounds: (N + 1,) float64, seconds; symbol i lasts from ``bounds[i]`` to ``bounds[i + 1]``.
    """

    symbols: str
    bounds: np.ndarray

    def __post_init__(self) -> None:
        if len(self.bounds) != len(self.symbols) + 1 or (np.diff(self.bounds) < 0).any():
            raise ValueError(
                f"{len(self.symbols)} phonemes need {len(self.symbols) + 1} rising times; got {len(self.bounds)}."
            )

    @classmethod
    def from_corpus(cls, phonemes: str, durations: list[int]) -> TimedPhonemes:
        """A corpus utterance: ``durations`` in 25 ms units, start and end symbol included, which become spaces."""
        bounds = np.concatenate([[0], np.cumsum(durations)]) * CORPUS_UNIT_SECONDS
        bounds[1:-1] = np.maximum(bounds[1:-1] - CORPUS_DELAY_SECONDS, 0)
        return cls(f" {phonemes} ", bounds)

    def carriers(self) -> list[str]:
        """The sounding symbol behind each symbol: of stress marks the next, of length and nasality the one before."""
        out = list(self.symbols)
        for i in range(len(out) - 2, -1, -1):
            if out[i] in STRESS_MARKS:
                out[i] = out[i + 1]
        for i in range(1, len(out)):
            if out[i] in AFTER_MARKS:
                out[i] = out[i - 1]
        return out

    def stressed(self) -> list[bool]:
        """Whether each symbol is the nucleus of a syllable with primary stress: the mark and the vowels that follow."""
        out: list[bool] = []
        on = False
        for symbol in self.symbols:
            on = symbol == "ˈ" or (on and (symbol in VOWELS or symbol in AFTER_MARKS))
            out.append(on)
        return out

    def stress_times(self) -> np.ndarray:
        """Middle of each syllable nucleus with primary stress, seconds."""
        flags = [False, *self.stressed(), False]
        starts = [i for i in range(len(self.symbols)) if flags[i + 1] and not flags[i]]
        stops = [i for i in range(1, len(flags) - 1) if flags[i] and not flags[i + 1]]
        return np.array([(self.bounds[a] + self.bounds[b]) / 2 for a, b in zip(starts, stops, strict=True)])

    def at(self, rate: int, n: int) -> np.ndarray:
        """Index of the symbol at the middle of each of ``n`` steps of 1 / ``rate`` seconds, (n,) int."""
        middle = (np.arange(n) + 0.5) / rate
        return np.clip(np.searchsorted(self.bounds, middle, side="right") - 1, 0, len(self.symbols) - 1)
