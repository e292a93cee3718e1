"""Habits: they mix, they pace pauses, and eyes take them up; average ones change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from generation.core.delivery import AVERAGE, Delivery, blend_deliveries, scale_pauses
from generation.metrics.style import motion_figures
from generation.motion.gaze import Cues, eye_motion


def test_strengths_scale_and_several_add_up() -> None:
    slow, shy = Delivery(tempo=0.8, pauses=2.0, lids=0.2), Delivery(gaze_aversion=0.6, blinks=1.5)
    assert blend_deliveries([]) == AVERAGE == blend_deliveries([(slow, 0.0), (shy, 0.0)])
    assert blend_deliveries([(slow, 1.0)]) == slow
    both = blend_deliveries([(slow, 0.5), (shy, 1.0)])
    assert both.tempo == pytest.approx(0.8**0.5) and both.pauses == pytest.approx(2**0.5)
    assert both.lids == pytest.approx(0.1) and both.gaze_aversion == pytest.approx(0.6)
    strong = blend_deliveries([(Delivery(tempo=0.5, lids=0.5, gaze_aversion=0.9), 1.5)] * 3)
    assert strong == Delivery(tempo=0.5, gaze_aversion=1.0, lids=0.6)


def test_an_impossible_delivery_is_refused_with_its_range() -> None:
    with pytest.raises(ValueError, match=r"^The delivery's tempo is 9.0; it should be from 0.5 to 2\.$"):
        Delivery(tempo=9.0)
    with pytest.raises(ValueError, match="delivery's blinks"):
        Delivery(blinks=float("nan"))


def test_pauses_inside_a_line_alone_grow() -> None:
    phonemes = " a, b a. "
    durations = (5, 4, 6, 10, 4, 3, 4, 8, 9)
    assert scale_pauses(phonemes, durations, 2.0) == (5, 4, 12, 20, 4, 3, 4, 8, 9)
    assert scale_pauses(phonemes, durations, 1.0) == durations


def eyes(delivery: Delivery) -> np.ndarray:
    n = 1500
    speaking = np.tile(np.repeat([1.0, 0.0], [60, 15]), n // 75).astype(np.float32)
    cues = Cues(np.zeros(n, np.float32), speaking, np.zeros(n, np.float32), np.zeros(n, np.float32))
    return eye_motion(cues, np.zeros((n, 3)), 3, delivery=delivery)


def test_eyes_take_up_a_delivery_and_average_ones_change_nothing() -> None:
    assert eyes(AVERAGE).tobytes() == eyes(Delivery()).tobytes()
    plain = motion_figures(eyes(AVERAGE))
    shy, half = (motion_figures(eyes(Delivery(gaze_aversion=share))) for share in (0.7, 0.35))
    assert plain["gaze_aversion"] < half["gaze_aversion"] < shy["gaze_aversion"]
    few, many = (motion_figures(eyes(Delivery(blinks=rate)))["blinks"] for rate in (0.5, 1.6))
    assert few < 0.75 * plain["blinks"] and many > 1.2 * plain["blinks"]
    weary = motion_figures(eyes(Delivery(lids=0.25)))
    assert weary["lids"] == pytest.approx(0.25, abs=0.05) and weary["blinks"] == pytest.approx(plain["blinks"])
