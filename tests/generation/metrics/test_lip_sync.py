"""Each measure on signals whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from generation.core.clock import SAMPLES_PER_FRAME
from generation.metrics.lip_sync import (
    best_lag,
    bootstrap,
    change_energy,
    closed,
    contact_frames,
    correlation,
    frame_loudness,
    largest_change,
    least_near,
    lip_intensity,
    mouth_loudness,
    mouth_timing,
    open_range,
    pause_frames,
    speech_frames,
    speech_lip_correlation,
    warping_path,
    word_alignment,
    word_errors,
)


def sound_of(levels: np.ndarray) -> np.ndarray:
    """Noise whose RMS in each video frame is as given."""
    noise = np.random.default_rng(0).normal(size=(len(levels), SAMPLES_PER_FRAME))
    noise /= np.sqrt(np.square(noise).mean(1, keepdims=True))
    return (noise * levels[:, None]).ravel().astype(np.float32)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a b c", "a b b c", 1),
        ("a b c", "", 3),
        ("", "a", 1),
        ("one two three four", "two three five four", 2),
    ],
)
def test_word_errors(said: str, heard: str, errors: int) -> None:
    assert word_errors(said.split(), heard.split()) == errors


def test_word_alignment_names_what_is_missing_and_added() -> None:
    assert word_alignment("a b c".split(), "a c".split()) == [(0, 0), (1, None), (2, 1)]
    assert word_alignment("a c".split(), "a b c".split()) == [(0, 0), (None, 1), (1, 2)]
    assert word_alignment("a b".split(), "a x".split()) == [(0, 0), (1, 1)]


def test_bootstrap_surrounds_the_ratio_and_narrows_with_more_sentences() -> None:
    rng = np.random.default_rng(1)
    errors = rng.binomial(10, 0.1, 400)
    low, high = bootstrap(errors, np.full(400, 10))
    assert low < errors.sum() / 4000 < high and high - low < 0.03
    few_low, few_high = bootstrap(errors[:20], np.full(20, 10))
    assert few_high - few_low > 2 * (high - low)


def test_contacts_lie_at_the_middle_of_p_b_and_m() -> None:
    assert contact_frames(" bæmp", (8, 4, 12, 2, 6), first=10).tolist() == [12, 16, 17]
    assert contact_frames(" a", (4, 4), first=0).tolist() == []


def test_a_short_closure_counts_one_frame_off_and_not_two() -> None:
    gap = np.full(9, 0.2)
    gap[4] = 0.01
    shut = closed(least_near(gap), opening=0.2)
    assert np.flatnonzero(shut).tolist() == [3, 4, 5]
    assert not closed(least_near(np.full(9, 0.04)), opening=0.2).any()


def test_open_range_looks_at_speech_alone() -> None:
    sound = sound_of(np.repeat([0.1, 1e-5], 50))
    gap = np.concatenate([np.linspace(0, 0.2, 50), np.ones(50)])
    assert open_range([gap], [sound]) == pytest.approx(0.19, abs=0.005)


def test_loudness_of_frames() -> None:
    levels = np.array([0.1, 0.01, 0.1, 1e-4])
    assert frame_loudness(sound_of(levels)) == pytest.approx(np.log(levels), abs=1e-2)
    assert speech_frames(sound_of(levels)).tolist() == [True, True, True, False]


def test_lips_that_follow_the_loudness_correlate_with_it_and_others_do_not() -> None:
    rng = np.random.default_rng(2)
    levels = np.exp(rng.uniform(-5, -2, 800))
    sound = sound_of(levels)
    assert mouth_loudness(np.log(levels) + 5, sound) == pytest.approx(1, abs=1e-6)
    assert mouth_loudness(-np.log(levels), sound) == pytest.approx(-1, abs=1e-6)
    assert abs(mouth_loudness(rng.uniform(size=800), sound)) < 0.1
    assert mouth_loudness(np.zeros(800), sound) == 0


def test_lips_in_silence_do_not_count() -> None:
    levels = np.where(np.arange(100) < 50, np.exp(np.sin(np.arange(100)) - 2), 1e-6)
    gap = np.where(np.arange(100) < 50, np.log(levels), 7.0)
    assert mouth_loudness(gap, sound_of(levels)) == pytest.approx(1, abs=1e-6)


def test_pauses_are_long_silences_without_their_margins() -> None:
    levels = np.full(60, 0.1)
    levels[20:30] = 0  # 400 ms
    levels[40:46] = 0  # 240 ms, too short
    levels[52:] = 0  # 320 ms up to the end, where no margin is needed
    assert np.flatnonzero(pause_frames(sound_of(levels))).tolist() == [24, 25, *range(56, 60)]


def test_timing_of_a_late_mouth_is_its_delay() -> None:
    time = np.arange(120)
    real = np.sin(time / 5) + 0.5 * np.sin(time / 11)
    late = np.sin((time - 3) / 5) + 0.5 * np.sin((time - 3) / 11)
    assert (mouth_timing(real, real) == 0).all() and len(mouth_timing(real, real)) > 5
    found = mouth_timing(real, late)
    assert len(found) > 4 and np.median(found) == 3
    assert len(mouth_timing(real, np.zeros(120))) == 0


def test_warping_path_runs_from_corner_to_corner_and_costs_least() -> None:
    path = warping_path(np.array([0.0, 1, 1, 2]), np.array([0.0, 1, 2, 2]))
    assert path[0] == (0, 0) and path[-1] == (3, 3)
    assert path == [(0, 0), (1, 1), (2, 1), (3, 2), (3, 3)]


def test_lip_intensity_is_the_rms_speed() -> None:
    steps = np.array([1.0, 0.0, 1.0, 0.0])
    points = np.zeros((5, 3, 3))
    points[1:, :, 1] = np.cumsum(steps)[:, None]
    assert lip_intensity(points) == pytest.approx(np.sqrt(0.5))


def test_slcc_is_one_when_louder_clips_move_more() -> None:
    clips = [sound_of(np.full(5, level)) for level in (0.05, 0.1, 0.2, 0.3)]
    assert speech_lip_correlation(clips, [0.5, 1, 2, 3]) == pytest.approx(1, abs=1e-4)
    assert speech_lip_correlation(clips, [3, 2, 1, 0.5]) < -0.9


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
