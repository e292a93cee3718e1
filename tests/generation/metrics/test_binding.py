"""Binding measures on signals whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from generation.metrics.binding import best_lag, change_energy, correlation, largest_change


@pytest.mark.parametrize("lag", [-4, 0, 5])
def test_best_lag(lag: int) -> None:
    curve = np.random.default_rng(3).normal(size=120)
    assert best_lag(curve[10:110], curve[10 - lag : 110 - lag], most=8) == lag


def test_correlation_of_what_stands_still_is_nothing() -> None:
    assert correlation(np.ones(9), np.arange(9.0)) == 0
    assert correlation(np.arange(9.0), 2 * np.arange(9.0)) == pytest.approx(1)


def test_change_is_measured_where_asked() -> None:
    still = np.full((4, 6, 3), 100, np.uint8)
    frames = np.stack([still, still])
    frames[1, 1, 2] = 90
    left, right = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    left[:, :3], right[:, 3:] = True, True
    assert change_energy(frames, still, left) == pytest.approx(np.sqrt(100 / 24))
    assert change_energy(frames, still, right) == 0
    assert largest_change(frames, still, left) == 10
    assert largest_change(frames, still, right) == 0
    assert largest_change(frames, still, np.zeros((4, 6), bool)) == 0
