"""The sound mark: found after a codec, a cut and a change of level, not found elsewhere, and below what is heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import RATE, babble

from generation.audio.sound_file import stream_mono
from generation.audio.sound_mark import find_sound_mark, mark_blocks, mark_sound
from generation.core.ffmpeg import run_ffmpeg


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return babble(8, seed=1).waveform


@pytest.fixture(scope="module")
def marked(clean: np.ndarray) -> np.ndarray:
    return mark_sound(clean)


def test_it_is_found_in_three_seconds_after_a_codec_and_not_in_a_clean_sound(
    clean: np.ndarray, marked: np.ndarray, tmp_path: Path
) -> None:
    for sound, there in ((marked, True), (clean, False)):
        soundfile.write(tmp_path / "a.wav", 0.1 * sound, RATE, subtype="FLOAT")
        options = ["-ss", "2.345", "-t", "3", "-i", str(tmp_path / "a.wav"), "-ar", "48000", "-b:a", "64k"]
        run_ffmpeg([*options, str(tmp_path / "a.m4a")], "no encoder")
        assert find_sound_mark(stream_mono(tmp_path / "a.m4a", 1, 60)).found == there


def test_it_lies_below_the_sound_and_silence_stays_silence(clean: np.ndarray, marked: np.ndarray) -> None:
    assert len(marked) == len(clean) and marked.dtype == np.float32
    assert 25 < 10 * np.log10(np.sum(clean**2) / np.sum((marked - clean) ** 2)) < 40
    assert not mark_sound(np.zeros(RATE, np.float32)).any()
    for length in (0, 1, 255, 256, 513):
        assert len(mark_sound(clean[:length])) == length


def test_blocks_of_any_length_are_marked_as_the_whole(clean: np.ndarray, marked: np.ndarray) -> None:
    cuts = np.sort(np.random.default_rng(0).integers(0, len(clean), 30))
    np.testing.assert_allclose(np.concatenate([*mark_blocks(np.split(clean, cuts))]), marked, rtol=0, atol=1e-6)


def test_the_part_of_a_long_sound_that_holds_it_is_told(clean: np.ndarray) -> None:
    half = babble(20, seed=2).waveform
    finding = find_sound_mark(iter([*np.split(half, 8), mark_sound(half[: 10 * RATE])]))
    assert finding.found and 9 <= finding.marked_seconds < 20 < finding.seconds
    assert find_sound_mark([np.zeros(RATE, np.float32)]).score == 0 and not find_sound_mark([]).found
