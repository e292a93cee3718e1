"""What a listener adds on seeing the speaker: when, where, and never while they speak themselves."""

from __future__ import annotations

import numpy as np
import pytest

from generation.core.clock import FPS
from generation.core.motion import CHANNELS, INDEX, REACTING
from generation.motion.gestures import pulse
from generation.motion.reactions import reactions

N = 150
QUIET, TALKS = np.zeros(N, np.float32), np.ones(N, np.float32)


def moving(channel: str, frame: int, size: float) -> np.ndarray:
    motion = np.zeros((N, len(CHANNELS)), np.float32)
    motion[:, INDEX[channel]] = size * pulse(N, frame, 0.2, 0.3)
    return motion


def peak(motion: np.ndarray, channel: str) -> int:
    return int(motion[:, INDEX[channel]].argmax())


@pytest.mark.parametrize(
    ("channel", "size", "after", "share"), [("headRotationX", 0.05, (6, 12), 0.7), ("browInnerUp", 0.5, (7, 13), 0.7)]
)
def test_most_nods_and_raises_are_followed_by_one_a_moment_later(
    channel: str, size: float, after: tuple[int, int], share: float
) -> None:
    seen = moving(channel, 70, size)
    drawn = [reactions(seen, TALKS, QUIET, seed) for seed in range(60)]
    late = [peak(made, channel) - 70 for made in drawn if made[:, INDEX[channel]].max() > 0.02]
    assert all(after[0] <= frames <= after[1] for frames in late) and np.ptp(late) > 2
    assert share - 0.2 < len(late) / 60 < share + 0.2


def test_every_end_of_a_phrase_is_followed_by_a_nod() -> None:
    speaking = TALKS.copy()
    speaking[90:110] = 0
    for seed in range(5):
        made = reactions(np.zeros((N, 57), np.float32), speaking, QUIET, seed)
        assert 6 <= peak(made, "headRotationX") - 90 <= 12


def test_gaze_goes_with_the_speakers_head() -> None:
    made = reactions(moving("headTranslationX", 70, 0.05), TALKS, QUIET, 0)
    assert 4 <= peak(made, "eyeLookOutLeft") - 70 <= 8 and not made[:, INDEX["eyeLookInLeft"]].any()
    made = reactions(moving("headTranslationX", 70, -0.05), TALKS, QUIET, 0)
    assert made[:, INDEX["eyeLookInLeft"]].max() > 0.1 and not made[:, INDEX["eyeLookOutLeft"]].any()


def test_nobody_reacts_to_the_silent_nor_while_they_hold_the_turn_nor_with_other_channels() -> None:
    seen = sum(moving(name, 70, 0.05 if name.startswith("head") else 0.5) for name in CHANNELS)
    for speaking, own in ((QUIET, QUIET), (TALKS, TALKS)):
        assert np.abs(reactions(seen, speaking, own, 0)).max() < 1e-6
    made = np.abs([reactions(seen, TALKS, QUIET, seed) for seed in range(8)]).max((0, 1))
    assert not made[[i for i, name in enumerate(CHANNELS) if name not in REACTING]].any() and made.any()
    before = reactions(seen, TALKS, np.where(np.arange(N) < 2 * FPS, 1, 0), 0)
    assert np.abs(before[:FPS]).max() < 1e-6 and before[3 * FPS :].max() > 0.01


def test_the_same_seed_gives_the_same() -> None:
    seen = moving("headRotationX", 70, 0.05) + moving("browInnerUp", 40, 0.5)
    first, again, other = (reactions(seen, TALKS, QUIET, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
