"""Eyes of a scene: blinks at a human rate across cuts, gaze at the one who speaks or where the script says."""

from __future__ import annotations

import numpy as np
import pytest
from gaze_fixtures import across, cut, scene

from generation.core.clock import FPS
from generation.core.motion import BLENDSHAPES, INDEX, N_CHANNELS
from generation.motion.behaviour.blinks import blink_frames
from generation.motion.gaze import EYES, Cues, add_gaze, cues_of, draw_eyes, eye_motion

SIDES = np.array([-0.7, 0.1, 0.8], np.float32)


def blinks(motion: np.ndarray) -> np.ndarray:
    """Frames in which the lids begin to be shut."""
    shut = motion[:, INDEX["eyeBlinkLeft"]] > 0.5
    return np.flatnonzero(shut[1:] & ~shut[:-1]) + 1


LENGTHS = {
    "one silence of a minute": [60.0],
    "long lines": [6.0] * 10,
    "lines of three seconds": [3.0] * 20,
    "short lines": [1.6] * 38,
    "lines just under the length that always has a blink": [2.3] * 26,
    "interjections": [0.9] * 66,
    "after a long line nothing but short ones": [6.0, 2.3, 0.8, 2.3, 0.9, 1.1] * 5,
    "mixed": [0.9, 2.2, 5.0, 1.4, 1.3, 3.1, 8.0, 2.3, 2.0, 4.4] * 2,
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("speaks", [None, 0])
def test_everybody_blinks_at_a_human_rate_across_all_cuts(lengths: list[float], speaks: int | None) -> None:
    spans = cut(lengths)
    made = add_gaze(scene(spans, speaks), spans, SIDES)
    for part in made.characters:
        times = blinks(part.motion.values)
        assert 10 <= len(times) / (made.n_frames / FPS) * 60 <= 25
        waits = np.diff(np.concatenate([[0], times, [made.n_frames]])) / FPS
        assert waits.max() <= 5.0
        assert np.diff(times).min() >= 1.1 * FPS
    together = set(blinks(made.characters[0].motion.values)) & set(blinks(made.characters[1].motion.values))
    assert len(together) < 0.3 * len(times)


def test_listeners_look_to_the_speakers_side_and_nothing_but_eyes_is_touched() -> None:
    spans = cut([5.0] * 8)
    for speaks in range(3):
        before = scene(spans, speaks)
        after = add_gaze(before, spans, SIDES)
        for k, (old, new) in enumerate(zip(before.characters, after.characters, strict=True)):
            gaze = (across(new.motion.values) + 0.8 * new.motion.channel("headRotationY")).mean()
            if k == speaks:
                assert abs(gaze) < 0.06
            else:
                assert gaze * np.sign(SIDES[speaks] - SIDES[k]) > 0.06
            others = np.setdiff1d(np.arange(N_CHANNELS), EYES)
            np.testing.assert_array_equal(new.motion.values[:, others], old.motion.values[:, others])
            np.testing.assert_array_equal(new.speech, old.speech)


def test_a_change_elsewhere_leaves_the_eyes_of_a_span_alone() -> None:
    before, after = cut([5.0, 4.0, 6.0]), cut([5.0, 7.0, 6.0])
    first, second = add_gaze(scene(before), before, SIDES), add_gaze(scene(after), after, SIDES)
    for one, other in zip(first.characters, second.characters, strict=True):
        np.testing.assert_array_equal(one.motion.values[:125], other.motion.values[:125])
        np.testing.assert_array_equal(one.motion.values[-150:], other.motion.values[-150:])


def test_frames_outside_the_spans_stay() -> None:
    spans = cut([4.0, 4.0])
    before = scene(spans)
    after = add_gaze(before, spans[1:], SIDES)
    for old, new in zip(before.characters, after.characters, strict=True):
        np.testing.assert_array_equal(new.motion.values[:100], old.motion.values[:100])
        assert not np.array_equal(new.motion.values[100:], old.motion.values[100:])


def test_eyes_look_where_they_are_asked_to_and_only_then() -> None:
    n = 400
    targets = np.full((n, 2), np.nan, np.float32)
    targets[100:200], targets[250:300] = (0.4, 0.0), (-0.28, -0.16)
    none = np.zeros(n, np.float32)
    made = np.mean([eye_motion(Cues(none, none, none, none), np.zeros((n, 3)), seed, targets) for seed in range(8)], 0)
    gaze = across(made)
    assert gaze[103:197].min() > 0.3 and gaze[253:297].max() < -0.2
    assert made[253:297, INDEX["eyeLookDownLeft"]].min() > 0.1
    assert np.abs(gaze[np.r_[0:97, 203:247, 303:400]]).max() < 0.06


def test_eyes_make_up_for_the_head() -> None:
    none = np.zeros(100, np.float32)
    head = np.zeros((100, 3))
    head[50:, 1] = 0.2
    gaze = across(eye_motion(Cues(none, none, none, none), head, 0))
    assert gaze[50:].mean() - gaze[:50].mean() == pytest.approx(-0.16, abs=0.04)


def test_people_who_hear_the_same_do_not_blink_as_one() -> None:
    ends = np.zeros(135, bool)
    ends[55:58] = ends[122:125] = True
    alike = []
    for seed in range(100):
        one, *others = (blink_frames(135, ends, np.random.default_rng(3 * seed + k)) for k in range(3))
        alike += [any(frame in other for other in others) for frame in one]
    assert np.mean(alike) < 0.25


def test_blinks_gather_at_the_ends_of_phrases() -> None:
    ends = np.zeros(1500, bool)
    ends[50::80] = ends[51::80] = ends[52::80] = True
    near = [np.mean([(f - 50) % 80 < 9 for f in blink_frames(1500, ends, np.random.default_rng(s))]) for s in range(20)]
    anywhere = [np.mean([(f - 50) % 80 < 9 for f in blink_frames(1500, 0 * ends, np.random.default_rng(s))])
                for s in range(20)]  # fmt: skip
    assert np.mean(near) > 0.4 > 2.5 * np.mean(anywhere)


def test_who_blinks_often_does_so_in_short_lines_too() -> None:
    """Lines of any length and any rate: in order, off the ends, and in proportion to the rate where there is room."""
    counts = {}
    for rate in (1.0, 1.3, 2.5, 4.0):
        for length in range(31, 160, 3):
            none = np.zeros(length, bool)
            drawn = [blink_frames(length, none, np.random.default_rng(seed), rate) for seed in range(8)]
            assert all(sorted(frames) == frames and 15 <= frames[0] and frames[-1] <= length - 15 for frames in drawn)
            counts[rate, length] = np.mean([len(frames) for frames in drawn])
    assert counts[1.0, 100] == 1 and counts[2.5, 100] > 2.2 and counts[4.0, 100] > 3.4


def test_eyes_follow_the_voice_that_a_face_speaks_with() -> None:
    """Fails when a face goes by its own voice whatever the routing says."""
    voices = np.zeros((3, 100), np.float32)
    voices[0, :60] = 1
    sides = np.array([-0.8, 0.0, 0.8], np.float32)
    rotated = np.repeat(np.roll(np.eye(3, dtype=bool), 1, 1)[:, :, None], 100, 2)  # voice 0 drives face 1
    plain, routed = (cues_of(1, voices, sides, driven) for driven in (None, rotated))
    assert not plain.speaking.any() and plain.heard[:60].all() and np.allclose(plain.side[:60], -0.8)
    assert np.array_equal(routed.speaking, voices[0]) and not routed.heard.any()
    listener = cues_of(0, voices, sides, rotated)
    assert not listener.speaking.any() and np.allclose(listener.side[:60], 0.8), "voice 0 comes from face 1"


def test_a_listeners_eyes_follow_the_partners_aside() -> None:
    """Fails when partners are not looked at: the same eyes then come with and without one."""
    spans = cut([6.0] * 10)
    made = scene(spans, 0)
    late = round(0.28 * FPS)

    def r(partners: dict[int, np.ndarray] | None) -> float:
        drawn = [eyes for _, eyes in draw_eyes(made.window, spans, SIDES, None, None, partners)]
        up = [np.concatenate([eyes[k] for eyes in drawn]) for k in (0, 1)]
        names = [BLENDSHAPES[index] for index in EYES]
        lifted = [own[:, names.index("eyeLookUpLeft")] - own[:, names.index("eyeLookDownLeft")] for own in up]
        return float(np.corrcoef(lifted[0][:-late], lifted[1][late:])[0, 1])

    partner = {1: np.zeros(made.n_frames, np.int16)}
    assert r(partner) > r(None) + 0.2
