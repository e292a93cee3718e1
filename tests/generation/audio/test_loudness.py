"""Loudness against ffmpeg's own meter, true peaks, and the mix of a scene."""

from __future__ import annotations

import re
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe
from sounds import RATE, babble, tone

from generation.audio.loudness import loudness, mix, true_peak
from generation.audio.waveform import Audio, StoredAudio, sound_of
from generation.core.stored_array import StoredArray


def measured_by_ffmpeg(audio: Audio, path: Path) -> tuple[float, float]:
    soundfile.write(path, audio.waveform, audio.sampling_rate, subtype="FLOAT")
    command = [get_ffmpeg_exe(), "-nostats", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    summary = log[log.rindex("Summary:") :]
    return float(re.search(r"I:\s+(\S+) LUFS", summary)[1]), float(re.search(r"Peak:\s+(\S+) dBFS", summary)[1])


def test_full_scale_sine_has_the_loudness_of_the_standard() -> None:
    assert loudness(tone(997, 5, 1.0, 48_000)) == pytest.approx(-3.01, abs=0.05)


def test_meters_agree_with_ffmpeg(tmp_path: Path) -> None:
    audio = babble(6, seed=1, level=0.7)
    lufs, peak = measured_by_ffmpeg(audio, tmp_path / "a.wav")
    assert loudness(audio) == pytest.approx(lufs, abs=0.2)
    assert true_peak(audio) == pytest.approx(peak, abs=0.3)


def test_true_peak_lies_between_samples() -> None:
    quarter = Audio(np.sin(np.pi / 2 * np.arange(4800) + np.pi / 4), RATE)
    assert np.abs(quarter.waveform).max() < 0.71
    assert true_peak(quarter) == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_mix_is_at_level_and_never_clips(count: int, tmp_path: Path) -> None:
    tracks = [babble(4, seed, level=0.02 + 0.3 * (seed % 3)) for seed in range(count)]
    mixed = mix(tracks)
    lufs, peak = measured_by_ffmpeg(mixed, tmp_path / "mix.wav")
    assert lufs == pytest.approx(-16, abs=0.3) and loudness(mixed) == pytest.approx(-16, abs=0.2)
    assert peak <= -0.9 and true_peak(mixed) <= -1 + 1e-3


def test_mix_makes_quiet_and_loud_people_equally_loud() -> None:
    gap = np.zeros(5 * RATE, np.float32)
    quiet = Audio(np.concatenate([babble(5, 1, 0.01).waveform, gap]), RATE)
    loud = Audio(np.concatenate([gap, babble(5, 1, 0.9).waveform]), RATE)
    mixed = mix([quiet, loud]).waveform
    first, second = (loudness(Audio(half, RATE)) for half in (mixed[: 5 * RATE], mixed[5 * RATE :]))
    assert first == pytest.approx(second, abs=0.3)


def test_limiter_acts_at_the_peak_only() -> None:
    """A click in a tone is turned down; the tone 40 ms from it keeps its level to a hundredth of a decibel."""
    clicked = tone(300, 4, 0.3).waveform.copy()
    clicked[2 * RATE] += 3.0
    mixed = mix([Audio(clicked, RATE)]).waveform
    away = np.ones(len(clicked), bool)
    away[2 * RATE - round(0.04 * RATE) : 2 * RATE + round(0.04 * RATE)] = False
    away &= np.abs(clicked) > 0.1
    gains = mixed[away] / clicked[away]
    assert gains.max() / gains.min() < 1.0012
    assert abs(mixed[2 * RATE]) <= 10 ** (-1 / 20) < gains.mean() * abs(clicked[2 * RATE])


def test_mix_of_silence_is_silence_and_lengths_may_differ() -> None:
    silence = Audio(np.zeros(RATE, np.float32), RATE)
    assert not mix([silence, silence]).waveform.any()
    assert len(mix([silence, babble(3, 1)])) == 3 * RATE


def test_mix_needs_tracks_at_one_rate() -> None:
    with pytest.raises(ValueError, match="one rate"):
        mix([tone(100, 1), tone(100, 1, rate=48_000)])
    with pytest.raises(ValueError, match="none"):
        mix([])


@pytest.mark.parametrize("size", [4_096, 10_001])
def test_a_mix_by_blocks_in_files_is_the_mix_of_whole_arrays(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks = [babble(3, seed, level=0.1 + 0.4 * seed) for seed in range(2)]
    tracks[1].waveform[10_000] = 0.99  # for the limiter
    whole, level, peak = mix(tracks), loudness(tracks[0]), true_peak(tracks[0])
    stored = [StoredArray((len(track),), tmp_path) for track in tracks]
    for target, track in zip(stored, tracks, strict=True):
        target[:] = track.waveform
    monkeypatch.setattr("generation.audio.loudness._BLOCK", size)
    mixed = mix([sound_of(samples, RATE) for samples in stored], folder=tmp_path)
    assert isinstance(mixed, StoredAudio)
    np.testing.assert_allclose(mixed.waveform[:], whole.waveform, rtol=0, atol=1e-6)
    assert loudness(tracks[0]) == pytest.approx(level, abs=1e-9)
    assert true_peak(tracks[0]) == pytest.approx(peak, abs=1e-4)


def test_a_mix_in_files_holds_no_whole_track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.audio.loudness._BLOCK", 4_096)
    tracks = [sound_of(StoredArray((12 * RATE,), tmp_path), RATE)]
    mix(tracks, folder=tmp_path)  # once, for what is imported
    tracemalloc.start()
    mix(tracks, folder=tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * 4 * len(tracks[0])
