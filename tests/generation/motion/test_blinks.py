"""Blinks: their lengths are spread as people's are, and longer under heavy lids; nobody's are another's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from gaze_fixtures import cut, scene

from generation.core.arrays import runs
from generation.core.clock import FPS
from generation.core.delivery import AVERAGE, Delivery
from generation.core.motion import INDEX, N_CHANNELS
from generation.motion.behaviour.blinks import blink_lengths, write_blinks
from generation.motion.gaze import add_gaze

SIDES = np.array([-0.7, 0.1, 0.8], np.float32)
LID = INDEX["eyeBlinkLeft"]
MINUTE = [0.9, 2.2, 5.0, 1.4, 1.3, 3.1, 8.0, 2.3, 2.0, 4.4] * 2


def lengths(delivery: Delivery = AVERAGE) -> np.ndarray:
    """Seconds for which lids are away from where they rest, of all blinks of three people in a minute."""
    spans = [replace(span, delivery=(delivery,) * 3) for span in cut(MINUTE)]
    made = add_gaze(scene(spans), spans, SIDES)
    lids = [part.motion.values[:, LID] for part in made.characters]
    return np.array([stop - start for lid in lids for start, stop in runs(lid > lid.min() + 0.1)]) / FPS


def test_lengths_are_log_normal() -> None:
    drawn = np.log(blink_lengths(4000, np.random.default_rng(0)))
    assert 0.25 < drawn.std() < 0.32 and 0.25 < np.exp(np.median(drawn)) < 0.29
    assert abs(np.mean(drawn) - np.median(drawn)) < 0.02


def test_blinks_of_a_scene_are_of_many_lengths_and_longer_when_tired() -> None:
    usual, tired = lengths(), lengths(Delivery(lids=0.22))
    _, counts = np.unique(usual.round(2), return_counts=True)
    assert counts.max() < 0.5 * len(usual) and len(counts) >= 5
    assert tired.mean() > 1.2 * usual.mean()


def test_blinks_near_the_ends_of_a_track_open_and_close_within_it() -> None:
    for seed in range(20):
        track = np.zeros((13, N_CHANNELS), np.float32)
        write_blinks(track, [4 + seed % 5], np.random.default_rng(seed), 1.6)
        assert track[0, LID] < 0.1 and track[-1, LID] < 0.35 and track[:, LID].max() > 0.9


def test_people_seldom_blink_at_once_in_lines_with_little_room() -> None:
    together = []
    for length in (3.8, 4.2, 4.4, 4.6):
        spans = cut([length] * 20)
        made = add_gaze(scene(spans, None), spans, SIDES)
        shut = [part.motion.values[:, LID] > 0.9 for part in made.characters]
        together += [(one & other).sum() / one.sum() for one, other in zip(shut, (*shut[1:], shut[0]), strict=True)]
    assert np.mean(together) < 0.25
