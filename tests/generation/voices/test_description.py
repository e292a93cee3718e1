"""What is heard of a voice: pitch, pace, loudness and whisper, of sounds whose facts are known."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import syllables

from generation.audio.waveform import Audio
from generation.voices.description import describe_voice
from generation.voices.vocabulary import read_description


def test_pitch_gender_and_words_that_a_design_takes() -> None:
    low, high = (describe_voice(Audio(syllables(6.0, pitch), 24_000)) for pitch in (100.0, 190.0))
    assert low.hertz == pytest.approx(100, rel=0.05) and high.hertz == pytest.approx(190, rel=0.05)
    assert low.syllables == pytest.approx(3.85, abs=0.5), "one each 0.26 s"
    assert (low.gender, low.pitch) == ("man", "low") and (high.gender, high.pitch) == ("woman", "middle")
    for found in (low, high):
        wanted = read_description(found.words)
        assert (wanted.gender, wanted.pitch, wanted.pace) == (found.gender, found.pitch, found.pace)


def test_loudness_is_that_of_the_speech() -> None:
    sound = syllables(6.0, 120.0)
    loud, soft = (describe_voice(Audio(gain * sound / np.abs(sound).max(), 24_000)) for gain in (0.9, 0.03))
    assert loud.decibels - soft.decibels == pytest.approx(29.5, abs=0.5) and soft.loudness == "soft"


def test_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody's voice"):
        describe_voice(Audio(np.zeros(48_000, np.float32), 24_000))
