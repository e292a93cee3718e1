"""Sound files: what the header says, what is there, and what of it cannot be read."""

from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe
from sounds import RATE, babble, tone

from generation.audio.sound_file import read_sound, sound_facts, stream_mono
from generation.audio.waveform import load_audio


def encoded(path: Path, seconds: float = 4.0, *options: str) -> Path:
    """Syllables of noise in a file of the kind that its name says."""
    soundfile.write(path.with_suffix(".plain.wav"), babble(seconds, 1, 0.5).waveform, RATE)
    command = [get_ffmpeg_exe(), "-y", "-v", "error", "-i", str(path.with_suffix(".plain.wav")), *options, str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.m4a"])
def test_facts_and_a_whole_file(name: str, tmp_path: Path) -> None:
    path = encoded(tmp_path / name)
    facts, sound = sound_facts(path), read_sound(path, 120)
    assert facts.seconds == pytest.approx(4, abs=0.1) and (facts.sampling_rate, facts.channels) == (RATE, 1)
    assert len(sound.samples) / sound.sampling_rate == pytest.approx(4, abs=0.1) and sound.faults == ()


def test_two_joined_files_are_played_to_the_end_of_the_second(tmp_path: Path) -> None:
    first, second = (encoded(tmp_path / f"{name}.mp3", seconds) for name, seconds in (("a", 3.0), ("b", 2.0)))
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    sound = read_sound(joined, 120)
    assert len(sound.samples) / sound.sampling_rate == pytest.approx(5, abs=0.15) and sound.faults == ()
    wave = tmp_path / "joined.wav"
    wave.write_bytes((tmp_path / "a.plain.wav").read_bytes() + (tmp_path / "b.plain.wav").read_bytes())
    assert "another file behind its end" in read_sound(wave, 120).faults[0]


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_a_file_cut_to_a_third_is_named(name: str, tmp_path: Path) -> None:
    path = encoded(tmp_path / name, 9.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 10])
    sound = read_sound(path, 120)
    assert 0.2 < len(sound.samples) / sound.sampling_rate < 6
    assert len(sound.faults) == 1 and ("cut off" in sound.faults[0] or "damaged" in sound.faults[0])


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.m4a"])
def test_garbage_inside_a_file_is_named(name: str, tmp_path: Path) -> None:
    path = encoded(tmp_path / name)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 1500] = np.random.default_rng(0).bytes(1500)
    path.write_bytes(data)
    assert "damaged" in read_sound(path, 120).faults[0]


def small_file_of_long_silence(path: Path) -> None:
    """Silence that is next to nothing in a file, for too long."""
    subprocess.run(
        [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "150",
         "-b:a", "8k", str(path)], check=True,
    )  # fmt: skip


def lying_flac(path: Path) -> None:
    """Four seconds whose header says 795 hours."""
    packed = io.BytesIO()
    soundfile.write(packed, babble(4, 1).waveform, RATE, format="FLAC")
    data = bytearray(packed.getvalue())
    data[21] |= 0x0F  # the upper bits of the number of samples
    data[22:26] = b"\xff" * 4
    path.write_bytes(data)


@pytest.mark.parametrize("make", [small_file_of_long_silence, lying_flac])
def test_a_long_one_is_refused_from_its_header(make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ("long.flac" if make is lying_flac else "long.m4a")
    make(path)
    monkeypatch.setattr("generation.audio.sound_file.read_sound_stream", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(ValueError, match=rf"{path.name} lasts \d+ (s|h).*at most 120 s"):
        read_sound(path, 120)


def test_a_header_without_a_length_bounds_what_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "stream.aac"
    encoded(path, 9.0)
    with pytest.raises(ValueError, match="stream.aac lasts"):
        read_sound(path, 5)


def test_a_length_that_was_never_filled_in_is_no_fault(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.wav")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    for size in (0, 0xFFFFFFFF):
        data[at : at + 4] = struct.pack("<I", size)
        path.write_bytes(data)
        sound = read_sound(path, 120)
        assert len(sound.samples) / RATE == pytest.approx(4, abs=0.1) and sound.faults == ()


@pytest.mark.parametrize(
    ("rate", "channels", "values", "part"),
    [
        (999_983, 1, 0.5, "999983 samples a second"),
        (500, 1, 0.5, "500 samples a second"),
        (8000, 12, 0.5, "12 channels"),
        (8000, 1, 3e38, r"values up to 3e\+38 where 1 is full scale"),
        (8000, 1, np.nan, "not numbers"),
    ],
)
def test_what_no_recording_is_like_is_named(rate: int, channels: int, values: float, part: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.wav"
    soundfile.write(path, np.full((800, channels), values, np.float32), rate, subtype="FLOAT")
    with pytest.raises(ValueError, match=rf"odd\.wav .*{part}"):
        load_audio(path)


def test_opposite_channels_are_heard_and_a_channel_can_be_chosen(tmp_path: Path) -> None:
    left, right = tone(300, 1.0).waveform, tone(700, 1.0, 0.25).waveform
    soundfile.write(tmp_path / "apart.wav", np.stack([left, right], 1), RATE, subtype="FLOAT")
    for channel, wanted in (("left", left), ("right", right), (2, right), (None, (left + right) / 2)):
        np.testing.assert_allclose(load_audio(tmp_path / "apart.wav", RATE, channel).waveform, wanted, atol=1e-6)
    soundfile.write(tmp_path / "opposite.wav", np.stack([left, -left], 1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(tmp_path / "opposite.wav").waveform, left, atol=1e-6)
    for name, wanted in (("opposite", left), ("apart", (left + right) / 2)):  # in blocks as at once
        heard = np.concatenate(list(stream_mono(tmp_path / f"{name}.wav", 1, 60.0)))
        assert np.abs(heard).max() == pytest.approx(np.abs(wanted).max(), rel=0.02)
    with pytest.raises(ValueError, match="opposite.wav is silent"):
        load_audio(tmp_path / "opposite.wav", RATE, "mix")
    with pytest.raises(ValueError, match=r"apart\.wav has 2 channels and no channel 3"):
        load_audio(tmp_path / "apart.wav", RATE, 3)
