"""Durations without a network: as many mel frames for each symbol as a test says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


class EachLasts:
    """So many mel frames (10 ms) a symbol at speed 1, some symbols others."""

    def __init__(self, usual: int, others: Mapping[str, int] | None = None) -> None:
        self.usual, self.others = usual, others or {}

    def predict(
        self,
        phonemes: str,
        voice: np.ndarray | None,
        speed: float = 1.0,
        seed: int | None = None,
        language: str = "en-us",
    ) -> tuple[int, ...]:
        """Mel frames of each symbol."""
        return tuple(round(self.others.get(symbol, self.usual) / speed) for symbol in phonemes)


class SevenEach(EachLasts):
    """Seven a symbol, a number that fits no frame grid."""

    def __init__(self) -> None:
        super().__init__(7)
