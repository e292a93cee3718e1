"""Phonemes on the clock: the symbol at each 10 ms, and the position inside it."""

from __future__ import annotations

import numpy as np

from generation.text.ipa import SYMBOL_INDEX, UNKNOWN_SYMBOL, unknown_symbols

__all__ = ["PAUSE", "UNKNOWN_SYMBOL", "silent_symbols", "timed_symbols"]

PAUSE = " "


def timed_symbols(
    phonemes: str, durations: tuple[int, ...], n_symbols: int = len(SYMBOL_INDEX)
) -> tuple[np.ndarray, np.ndarray]:
    """Phonemes with durations in mel frames -> symbol (M,) int64 and place (M, 2) float32 at each 10 ms.

    Raises:
        ValueError: a symbol that weights with so many do not know (named).
    """
    if reason := unknown_symbols(phonemes, n_symbols):
        raise ValueError(reason)
    lengths = np.asarray(durations)
    ids = np.repeat([SYMBOL_INDEX[s] for s in phonemes], lengths)
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    spans = np.repeat(lengths, lengths)
    inside = (np.arange(len(ids)) - starts + 0.5) / spans
    return ids.astype(np.int64), np.stack((inside, np.log(spans) / 4), -1).astype(np.float32)


def silent_symbols(n_mels: int) -> tuple[np.ndarray, np.ndarray]:
    """Symbols and places of time in which nobody speaks."""
    return np.full(n_mels, SYMBOL_INDEX[PAUSE]), np.tile(np.float32([0.5, 0.0]), (n_mels, 1))
