"""Each measure on signals whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from generation.core.clock import SAMPLES_PER_FRAME
from generation.metrics.lip_sync import (
    closed,
    contact_frames,
    least_near,
    lip_intensity,
    mouth_loudness,
    mouth_timing,
    open_range,
    pause_frames,
    speech_lip_correlation,
    warping_path,
)


def sound_of(levels: np.ndarray) -> np.ndarray:
    """Noise whose RMS in each video frame is as given."""
    noise = np.random.default_rng(0).normal(size=(len(levels), SAMPLES_PER_FRAME))
    noise /= np.sqrt(np.square(noise).mean(1, keepdims=True))
    return (noise * levels[:, None]).ravel().astype(np.float32)


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
