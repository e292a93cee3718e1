"""A ratio over sentences with its 95 % bootstrap interval; what several seeds made of one sentence stays together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from generation.metrics.word_errors import bootstrap


def ratio(name: str, sentences: Sequence[int], parts: Sequence[float], wholes: Sequence[float]) -> dict[str, float]:
    """``sum(parts) / sum(wholes)`` as ``name``, with ``name_low`` and ``name_high``.

    Args:
        name: of the figure.
        sentences: number of the sentence that each value belongs to.
        parts: (N,) e.g. word errors.
        wholes: (N,) e.g. words.
    """
    numbers = np.asarray(sentences)
    which = np.searchsorted(np.unique(numbers), numbers)
    sums = [np.bincount(which, np.asarray(values, float)) for values in (parts, wholes)]
    low, high = bootstrap(*sums)
    return {name: float(sums[0].sum() / sums[1].sum()), f"{name}_low": low, f"{name}_high": high}


def mean(name: str, sentences: Sequence[int], values: Sequence[float]) -> dict[str, float]:
    """The mean of ``values`` (N,), otherwise as :func:`ratio`."""
    return ratio(name, sentences, values, [1.0] * len(values))


def renamed(figures: Mapping[str, float], before: str = "", after: str = "") -> dict[str, float]:
    """The same figures under other names; the ends of an interval keep their suffix last."""
    found = {}
    for name, value in figures.items():
        end = next((end for end in ("_low", "_high") if name.endswith(end)), "")
        found[f"{before}{name.removesuffix(end)}{after}{end}"] = value
    return found
