"""Videos as people bring them: rotated, of varying rate, 10 bit, bright, without sound, damaged; and their frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from generation.core.ffmpeg import run_ffmpeg
from generation.video.frames import video_frames
from generation.video.probe import VideoFacts, facts_of, probe_video

BARS = ["-f", "lavfi", "-i", "smptebars=size=128x96:rate=25:duration=1"]

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a video of colour bars, a second long, with these options of ffmpeg."""

    def write(name: str, *options: str, source: list[str] = BARS) -> Path:
        path = tmp_path / name
        run_ffmpeg([*source, *options, str(path)], "no video")
        return path

    return write


def read(path: Path) -> tuple[VideoFacts, list[np.ndarray]]:
    facts = probe_video(path)
    return facts, list(video_frames(path, facts))


def test_an_ordinary_video(make: Make) -> None:
    path = make("a.mp4", "-c:v", "libx264", "-crf", "5", "-pix_fmt", "yuv420p")
    facts, frames = read(path)
    assert facts == VideoFacts(128, 96, 25.0, 1.0, 8, hdr=False, interlaced=False, sound=False)
    assert len(frames) == 25
    assert frames[0].shape == (96, 128, 3) and frames[0].dtype == np.uint8
    np.testing.assert_allclose(frames[0][10, 9], [180, 180, 180], atol=16)  # grey bar at the left
    np.testing.assert_allclose(frames[0][10, 126], [16, 16, 180], atol=24)  # blue bar at the right


def test_frames_are_the_same_wherever_reading_begins(make: Make) -> None:
    path = make("a.mp4", source=["-f", "lavfi", "-i", "testsrc=size=96x64:rate=30:duration=1"])
    facts, frames = read(path)
    part = list(video_frames(path, facts, 11, 17))
    assert len(frames) == 25 and len(part) == 6
    for whole, again in zip(frames[11:17], part, strict=True):
        np.testing.assert_array_equal(whole, again)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-pix_fmt", "yuv420p10le", "-c:v", "libx264"], {"bits": 10, "hdr": False}),
        (["-r", "60", "-c:v", "libx264"], {"fps": 60.0}),
        (["-vf", "setsar=3/2"], {"width": 192, "height": 96}),
        (["-vf", "select=not(mod(n\\,3))+not(mod(n\\,5))", "-fps_mode", "vfr"], {}),
        (["-vf", "setfield=tff,format=yuv420p", "-c:v", "mpeg2video", "-flags", "+ilme+ildct"], {"interlaced": True}),
    ],
)
def test_other_kinds_are_read_at_25_a_second(make: Make, options: list[str], expected: dict[str, object]) -> None:
    facts, frames = read(make("a.mkv", *options))
    assert {name: getattr(facts, name) for name in expected} == expected
    assert abs(len(frames) - 25) <= 1
    assert {frame.shape for frame in frames} == {(facts.height, facts.width, 3)}
    np.testing.assert_allclose(frames[5][20, 4], [180, 180, 180], atol=24)


def test_a_turned_phone_video_is_upright(make: Make, tmp_path: Path) -> None:
    flat = make("flat.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p")
    turned = make("turned.mp4", "-c", "copy", source=["-display_rotation", "90", "-i", str(flat)])
    facts, frames = read(turned)
    assert (facts.width, facts.height) == (96, 128)
    np.testing.assert_allclose(frames[0], np.rot90(read(flat)[1][0]), atol=3)


def test_bright_light_is_brought_to_ordinary_light(make: Make) -> None:
    marks = "format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc"
    path = make("a.mp4", "-vf", marks, "-c:v", "libx265", "-x265-params", "log-level=none")
    facts, frames = read(path)
    assert facts.hdr and facts.bits == 10
    gray = frames[0][10, 9].astype(int)
    assert np.ptp(gray) < 12 and 120 < gray.mean() < 254


def test_what_is_no_video_is_refused_in_one_sentence(make: Make, tmp_path: Path) -> None:
    sound = make("a.wav", source=["-f", "lavfi", "-i", "sine=duration=0.2"])
    text = tmp_path / "b.mp4"
    text.write_text("not a video")
    for path in (sound, text):
        with pytest.raises(ValueError, match=r"^\w\.\w+ cannot be read as a video; export it as MP4"):
            probe_video(path)
    with pytest.raises(ValueError, match=r"^c\.mp4 is missing"):
        probe_video(tmp_path / "c.mp4")


def test_damaged_ends_are_left_out(make: Make, tmp_path: Path) -> None:
    whole = make("a.mkv", "-c:v", "libx264", "-g", "5", source=["-f", "lavfi", "-i", "testsrc=size=96x64:duration=1"])
    cut = tmp_path / "b.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    facts = probe_video(cut)
    assert 0 < len(list(video_frames(cut, facts))) < 25


HEADER = "  Duration: {}, start: 0\n  Stream #0:0: Video: h264, yuv420p(tv, bt709), {}, 25 fps, 25 tbr\n"


@pytest.mark.parametrize(
    ("length", "size", "fault"),
    [
        ("00:00:05.00", "48x40", "at least 64 pixels"),
        ("00:00:05.00", "7680x4320", "at most 4096 pixels"),
        ("03:00:05.00", "640x360", "3.0 hours long; cut it to at most 2 hours"),
    ],
)
def test_what_is_too_small_large_or_long_is_refused(length: str, size: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        facts_of("a.mp4", HEADER.format(length, size))


def test_a_cover_picture_is_no_video() -> None:
    header = (
        "  Duration: 00:01:00.00\n  Stream #0:0: Audio: mp3\n  Stream #0:1: Video: png, rgb24, 500x500 (attached pic)\n"
    )
    with pytest.raises(ValueError, match="cannot be read as a video"):
        facts_of("a.mp3", header)
