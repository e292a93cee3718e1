"""Word errors (Levenshtein) between two sentences, and a bootstrap interval of ratios over sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Least number of substituted, left-out and added words between two sentences, by jiwer (of the extra ``eval``)."""
    from jiwer import process_words

    counts = process_words(" ".join(reference), " ".join(heard))
    return counts.substitutions + counts.deletions + counts.insertions


def word_alignment(reference: Sequence[str], heard: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Cheapest way from one sentence to another (Levenshtein): pairs of places, None for a word left out or added.

    Of equally cheap ways the one with most substitutions, so that a misheard word is not one left out and one added;
    jiwer takes the one with most matches, and cannot be told otherwise.
    """
    total = np.zeros((len(reference) + 1, len(heard) + 1), int)
    total[:, 0], total[0] = np.arange(len(reference) + 1), np.arange(len(heard) + 1)
    for i, word in enumerate(reference):
        for j, other in enumerate(heard):
            total[i + 1, j + 1] = min(total[i, j] + (word != other), total[i, j + 1] + 1, total[i + 1, j] + 1)
    i, j = len(reference), len(heard)
    pairs: list[tuple[int | None, int | None]] = []
    while i or j:
        if i and j and total[i, j] == total[i - 1, j - 1] + (reference[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and total[i, j] == total[i - 1, j] + 1:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


def bootstrap(parts: np.ndarray, wholes: np.ndarray, rounds: int = 2000) -> tuple[float, float]:
    """95 % interval of ``sum(parts) / sum(wholes)`` over resampled sentences; both (N,); always the same draws."""
    chosen = np.random.default_rng(0).integers(len(parts), size=(rounds, len(parts)))
    ratios = np.asarray(parts)[chosen].sum(1) / np.asarray(wholes)[chosen].sum(1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)
