"""Sound: reading files and resampling."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe
from sounds import RATE, babble, tone

from generation.audio.waveform import Audio, load_audio, resampled_blocks


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
def test_resampling_keeps_tones_and_length(rate: int) -> None:
    there = tone(1000, 1.0, 0.5, rate).resampled(RATE)
    assert len(there) == RATE
    middle = slice(RATE // 4, 3 * RATE // 4)
    assert np.abs(there.waveform - tone(1000, 1.0).waveform)[middle].max() < 2e-3


def test_resampling_lets_no_alias_through() -> None:
    assert np.abs(tone(15_000, 1.0, 0.9, 48_000).resampled(RATE).waveform[2000:-2000]).max() < 1e-3


def test_files_of_all_kinds_are_read_alike(tmp_path: Path) -> None:
    speech = babble(2, 5, 0.5).resampled(44_100)
    soundfile.write(tmp_path / "a.wav", np.stack([speech.waveform, 0 * speech.waveform], 1), 44_100)
    for name in ("a.mp3", "a.m4a", "a.flac", "a.mp4"):
        command = [get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "a.wav")]
        subprocess.run([*command, "-b:a", "192k", str(tmp_path / name)], check=True)
    expected = speech.resampled(RATE).waveform / 2
    for name in ("a.wav", "a.flac", "a.mp3", "a.m4a", "a.mp4"):
        read = load_audio(tmp_path / name)
        assert read.sampling_rate == RATE and abs(read.seconds - 2) < 0.06, name
        n = min(len(read), len(expected))
        assert np.corrcoef(read.waveform[:n], expected[:n])[0, 1] > 0.98, name
        assert np.std(read.waveform) == pytest.approx(np.std(expected), rel=0.05), name


def write_nan(path: Path) -> None:
    soundfile.write(path, np.full(1000, math.nan, np.float32), RATE, subtype="FLOAT")


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "does not exist"),
        (lambda path: path.write_bytes(b""), "empty file"),
        (lambda path: path.write_bytes(b"not sound at all" * 99), "cannot be read as sound"),
        (lambda path: soundfile.write(path, np.zeros(0), RATE), "no samples"),
        (lambda path: soundfile.write(path, np.zeros(RATE), RATE), "silent"),
        (write_nan, "not numbers"),
        (lambda path: path.write_text("#EXTM3U\nhttp://localhost/a.wav\n"), "cannot be read as sound"),
    ],
)
def test_what_is_no_recording_is_named(make, part: str, tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    make(path)
    with pytest.raises(ValueError, match=rf"voice\.wav.*{part}"):
        load_audio(path)


def test_a_raw_file_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "voice.raw").write_bytes(b"\1\2" * 999)
    with pytest.raises(ValueError, match=r"voice\.raw cannot be read as sound"):
        load_audio(tmp_path / "voice.raw")


def test_sound_refuses_wrong_shapes_and_values() -> None:
    with pytest.raises(ValueError, match="one channel"):
        Audio(np.zeros((2, 10)), RATE)
    with pytest.raises(ValueError, match="sample 3"):
        Audio(np.array([0, 0, 0, np.inf]), RATE)


@pytest.mark.parametrize("rate", [48_000, 44_100, 16_000])
def test_sound_is_resampled_by_blocks_as_in_one_piece(rate: int) -> None:
    audio = Audio(np.random.default_rng(0).normal(0, 0.1, 30_011), 24_000)
    pieces = list(resampled_blocks(audio, rate, 7_000))
    assert len(pieces) > 3
    np.testing.assert_allclose(np.concatenate(pieces), audio.resampled(rate).waveform, rtol=0, atol=1e-6)
