"""Voice activity: levels, the rule between speech and silence, and its thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from generation.audio.voice_activity import (
    frame_loudness,
    is_speech,
    loudness_track,
    quiet_frames,
    speech_frames,
)
from generation.core.clock import HOP, SAMPLES_PER_FRAME


def sound_of(levels: np.ndarray) -> np.ndarray:
    """Noise whose RMS in each video frame is as given."""
    noise = np.random.default_rng(0).normal(size=(len(levels), SAMPLES_PER_FRAME))
    noise /= np.sqrt(np.square(noise).mean(1, keepdims=True))
    return (noise * levels[:, None]).ravel().astype(np.float32)


def test_loudness_of_frames() -> None:
    levels = np.array([0.1, 0.01, 0.1, 1e-4])
    assert frame_loudness(sound_of(levels)) == pytest.approx(np.log(levels), abs=1e-2)
    assert speech_frames(sound_of(levels)).tolist() == [True, True, True, False]


def test_the_rule_counts_from_the_loud_frames_of_each_recording() -> None:
    level = np.array([-10.0, -10, -40, -43, -90])
    assert is_speech(level).tolist() == [True, True, True, False, False]
    assert (is_speech(level - 50) == is_speech(level)).all()
    assert is_speech(level, range_db=25).tolist() == [True, True, False, False, False]
    assert is_speech(np.array([0.0, -20, -20, -20, -50]), 35, loud_quantile=0.5).tolist() == [True] * 4 + [True]


def test_speech_and_quiet_frames_agree_on_a_pause() -> None:
    sound = sound_of(np.repeat([0.1, 1e-4, 0.1], 20))
    quiet = quiet_frames(sound, len(sound) // HOP).reshape(-1, 4)
    assert (~quiet.all(1) == speech_frames(sound))[[*range(18), *range(22, 38), *range(42, 60)]].all()
    assert speech_frames(sound).sum() == 40 and speech_frames(sound, HOP).sum() == 160


def test_loudness_falls_from_one_to_nothing_over_30_db() -> None:
    track = loudness_track(sound_of(np.repeat(10.0 ** np.array([-1, -1.75, -3]), 20)))
    assert track[[10, 30, 50]] == pytest.approx([1, 0.5, 0], abs=0.05)
