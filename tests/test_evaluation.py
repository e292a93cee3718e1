"""The evaluation's own parts on made-up lips: what it would say of a mouth that closes, of one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from generation.grid import SAMPLES_PER_FRAME
from generation.metrics import closed
from generation.motion import INDEX, N_CHANNELS
from scripts.evaluation.lips import Spoken, closure, other_motion, rig_gap, rules_alone, spoken
from scripts.evaluation.report import table
from scripts.evaluation.synthesis import Take


def say(phonemes: str = " bæmæpæ ") -> Take:
    """100 ms a symbol, silence at both ends, a mouth that does not move."""
    durations = (20, *(12,) * (len(phonemes) - 2), 20)
    levels = np.repeat([0.0 if s == " " else 0.02 if s in "bmp" else 0.2 for s in phonemes], durations)
    levels = np.pad(levels, (48, 48 + -int(levels.size) % 4))
    noise = np.random.default_rng(0).normal(size=(len(levels), 240)) * levels[:, None]
    n_frames = noise.size // SAMPLES_PER_FRAME
    return Take(phonemes, durations, 12, noise.ravel().astype(np.float32), np.zeros((n_frames, N_CHANNELS), np.float32),
                (0.0, 0.0, 0.0))  # fmt: skip


def test_rules_close_the_lips_at_every_contact_and_open_them_between() -> None:
    take = say()
    motion = other_motion(take, rules_alone)
    found = closure([spoken(take, motion)])
    assert found["closure"] == 1 > found["closure_chance"]
    gap = rig_gap(motion)
    assert gap.max() > 0.1 and closed(gap[:10], found["open_range"]).all()


def test_lips_that_stay_open_fail() -> None:
    take = say()
    open_mouth = take.motion.copy()
    open_mouth[:, INDEX["jawOpen"]] = 0.5
    assert closure([spoken(take, open_mouth)])["closure"] == 0


def test_a_closure_two_frames_late_is_none() -> None:
    gap = np.full(30, 0.2)
    gap[12] = 0.0
    sound = np.full(30 * SAMPLES_PER_FRAME, 0.1, np.float32)
    assert closure([Spoken(gap, sound, np.array([11]))])["closure"] == 1
    assert closure([Spoken(gap, sound, np.array([10]))])["closure"] == 0


def test_take_knows_its_line() -> None:
    take = say()
    assert len(take.line) == sum(take.durations) * 240
    assert take.length == pytest.approx(len(take.motion) / 25)


def test_table_has_a_dash_where_nothing_was_measured() -> None:
    text = table({"ours": {"wer": 0.05}, "recordings": {"wer": 0.015, "sim": 0.9}})
    rows = [line.split() for line in text.splitlines()[2:]]
    assert rows == [["wer", "<=", "0.08", "0.050", "0.015"], ["sim", "-", "0.900"]]
