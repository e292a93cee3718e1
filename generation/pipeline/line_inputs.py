"""What the network is told of lines, on the clock: who speaks which, its phonemes, and its language."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from generation.core.clock import MELS_PER_FRAME
from generation.core.performance import Line
from generation.text.languages import LANGUAGE_INDEX, unknown_language
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL, silent_symbols, timed_symbols


def line_numbers(lines: Sequence[Line], n_voices: int, n_frames: int) -> np.ndarray:
    """(V, T) int64: number of the line that each voice speaks in each frame, from 1; 0 = none."""
    numbers = np.zeros((n_voices, n_frames), np.int64)
    for number, line in enumerate(lines, 1):
        numbers[line.character, line.start : line.stop] = number
    return numbers


def line_symbols(lines: Sequence[Line], n_voices: int, n_frames: int, n_symbols: int) -> tuple[np.ndarray, np.ndarray]:
    """Phonemes of each voice, (V, 4 T) int64, and the place inside them, (V, 4 T, 2) float32, at each 10 ms.

    Raises:
        ValueError: a symbol that weights with ``n_symbols`` do not know.
    """
    ids, phoneme_position = silent_symbols(MELS_PER_FRAME * n_frames)
    symbols, places = np.tile(ids, (n_voices, 1)), np.tile(phoneme_position, (n_voices, 1, 1))
    for line in lines:
        mels = slice(MELS_PER_FRAME * line.start, MELS_PER_FRAME * line.stop)
        if line.phonemes.strip():
            told = timed_symbols(line.phonemes, line.durations, n_symbols)
            symbols[line.character, mels], places[line.character, mels] = told
        else:
            symbols[line.character, mels], places[line.character, mels] = UNKNOWN_SYMBOL, 0
    return symbols, places.astype(np.float32)


def line_languages(lines: Sequence[Line], n_voices: int, n_frames: int) -> np.ndarray:
    """(V, 1 or T) int64 row of each voice's language: one for all frames where no voice changes it.

    Before a voice's first line it has that line's language, and after a line that of the line; one without lines has
    English.
    """
    rows = np.zeros((n_voices, n_frames), np.int64)
    begun: set[int] = set()
    for line in sorted(lines, key=lambda line: line.start):
        first = line.start if line.character in begun else 0
        rows[line.character, first:] = LANGUAGE_INDEX[line.language]
        begun.add(line.character)
    return rows[:, :1] if (rows == rows[:, :1]).all() else rows


def check_languages(lines: Sequence[Line], n_languages: int) -> None:
    """Refuses a line in a language that weights with so many do not speak.

    Raises:
        ValueError: there is one.
    """
    for line in lines:
        if reason := unknown_language(line.language, n_languages):
            raise ValueError(f"Line {line.id}: {reason}")
