"""Binding figures: partial correlation tells two voices apart that correlate."""

from __future__ import annotations

import numpy as np
import pytest

from generation.metrics.binding import correlation, partial_correlation


def test_what_two_voices_have_in_common_is_taken_out() -> None:
    rng = np.random.default_rng(0)
    common, one, two = rng.standard_normal((3, 4000))
    first, second = common + one, common + two
    lips = first + 0.5 * rng.standard_normal(4000)
    assert correlation(lips, second) > 0.4, "by chance, since the voices correlate"
    assert partial_correlation(lips, second, [first]) == pytest.approx(0, abs=0.05)
    assert partial_correlation(lips, first, [second]) > 0.8


def test_a_curve_that_stands_still_has_none() -> None:
    assert partial_correlation(np.ones(50), np.arange(50.0), [np.zeros(50)]) == 0
