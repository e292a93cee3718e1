"""Sound: reading files, resampling, loudness against ffmpeg's own meter, and the mix of a scene."""

from __future__ import annotations

import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe

from generation.audio.waveform import Audio, load_audio, loudness, mix, true_peak

RATE = 24_000


def tone(hertz: float, seconds: float, level: float = 0.5, rate: int = RATE) -> Audio:
    return Audio(level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate), rate)


def babble(seconds: float, seed: int, level: float = 0.1) -> Audio:
    """Noise with the spectrum and the syllables of speech, roughly: peaks 15 dB and more above its loudness."""
    random = np.random.default_rng(seed)
    n = round(seconds * RATE)
    spectrum = np.fft.rfft(random.standard_normal(n))
    hertz = np.fft.rfftfreq(n, 1 / RATE)
    noise = np.fft.irfft(spectrum / (1 + (hertz / 500) ** 2), n)
    syllables = np.abs(np.sin(2 * np.pi * 2 * np.arange(n) / RATE + random.uniform(0, 6))) ** 3
    return Audio(level * noise / np.abs(noise).max() * syllables, RATE)


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


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
def test_resampling_keeps_tones_and_length(rate: int) -> None:
    there = tone(1000, 1.0, 0.5, rate).resampled(RATE)
    assert len(there) == RATE
    middle = slice(RATE // 4, 3 * RATE // 4)
    assert np.abs(there.waveform - tone(1000, 1.0).waveform)[middle].max() < 2e-3


def test_resampling_lets_no_alias_through() -> None:
    assert np.abs(tone(15_000, 1.0, 0.9, 48_000).resampled(RATE).waveform[2000:-2000]).max() < 1e-3


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
