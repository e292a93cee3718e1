"""Stretches of a film: kept by what they show, drawn once, joined exactly, found again wherever they have moved."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE, SAMPLES_PER_FRAME
from studio.export.encoder import join_video
from studio.production.frame_cache import MAX_FRAMES, MIN_FRAMES, FrameCache, split_frames, trim_frames

N = 400
PICTURE = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)


def motion(n: int = N, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 5), np.float32)


def frame_of(row: np.ndarray) -> np.ndarray:
    """A frame that its row alone decides."""
    frame = PICTURE.copy()
    frame[8:24, 8:40] = np.uint8(255 * np.resize(row, (16, 32, 1)) * [1, 0.7, 0.4])
    return frame


class Drawer:
    """Draws rows and remembers which."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows, self.drawn = rows, []

    def __call__(self, numbers: Sequence[int]) -> Iterator[np.ndarray]:
        for number in numbers:
            self.drawn.append(number)
            yield frame_of(self.rows[number])


def make(folder: Path, rows: np.ndarray, look: str = "", every: int = 1) -> tuple[list[Path], list[int]]:
    draw = Drawer(rows)
    paths = FrameCache(folder, rows, look, every=every, watermark=False).make(draw, PICTURE, lambda done, total: None)
    return paths, draw.drawn


def packets(path: Path) -> list[list[str]]:
    """Time and hash of each packet of pictures."""
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy", "-f", "framemd5", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [[part.strip() for part in line.split(",")] for line in said.splitlines() if not line.startswith("#")]


def test_segments_cover_the_film_and_are_neither_short_nor_long() -> None:
    made = split_frames(motion(), "")
    assert made[0].first == 0 and made[-1].stop == N
    assert all(a.stop == b.first for a, b in zip(made, made[1:], strict=False))
    assert (
        all(MIN_FRAMES <= s.stop - s.first <= MAX_FRAMES for s in made[:-1])
        and len({s.stop - s.first for s in made}) > 3
    )


@pytest.mark.parametrize("longer", [0, 7])
def test_a_change_costs_the_segments_that_it_touches(longer: int, tmp_path: Path) -> None:
    rows = motion()
    before, drawn = make(tmp_path, rows)
    assert drawn == list(range(N))
    other = np.concatenate([rows[:200], motion(20 + longer, seed=2), rows[220:]])
    after, drawn = make(tmp_path, other)
    assert set(range(200, 220 + longer)) <= set(drawn) and len(drawn) <= 20 + longer + 3 * MAX_FRAMES
    assert after[0] == before[0] and after[-1] == before[-1] and after != before
    assert make(tmp_path, rows) == (before, [])


def test_a_film_of_kept_segments_is_the_film_to_the_last_byte(tmp_path: Path) -> None:
    rows = motion()
    other = np.concatenate([rows[:100], motion(30, seed=2), rows[120:]])
    make(tmp_path / "kept", rows)
    sound = Audio(0.1 * np.sin(0.1 * np.arange(len(other) * SAMPLES_PER_FRAME)), SAMPLE_RATE)
    for name in ("kept", "fresh"):
        paths, drawn = make(tmp_path / name, other)
        join_video(paths, len(other), sound, tmp_path / f"{name}.mp4")
        assert (len(drawn) == len(other)) == (name == "fresh")
    assert (tmp_path / "kept.mp4").read_bytes() == (tmp_path / "fresh.mp4").read_bytes()
    times = [packet[2] for packet in packets(tmp_path / "kept.mp4")]
    assert times == [str(512 * i) for i in range(len(other))]  # 40 ms each on a clock of 12800 Hz


def test_pictures_that_stay_the_same_are_drawn_once(tmp_path: Path) -> None:
    paths, drawn = make(tmp_path, np.zeros((5 * MAX_FRAMES, 3), np.float32))
    assert len(drawn) <= MAX_FRAMES and len(set(paths)) == 1


def test_another_look_rate_or_label_is_another_film(tmp_path: Path) -> None:
    rows = motion(60)
    assert len({tuple(make(tmp_path, rows, look, every)[0]) for look in "ab" for every in (1, 2)}) == 4
    keys = [FrameCache(tmp_path, rows, "a", watermark=label).missing for label in (False, True)]
    assert keys[0] == [] and keys[1]


def test_a_stop_keeps_what_was_finished_and_nothing_else(tmp_path: Path) -> None:
    rows, draw = motion(), Drawer(motion())

    def stop(done: int, total: int) -> None:
        assert total == N
        if done == 250:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FrameCache(tmp_path, rows, "", watermark=False).make(draw, PICTURE, stop)
    kept = list(tmp_path.iterdir())
    assert kept and all(path.suffix == ".mp4" and not path.name.startswith(".") for path in kept)
    drawn = make(tmp_path, rows)[1]
    assert len(drawn) == N - sum(s.stop - s.first for s in split_frames(rows, "")[: len(kept)]) and drawn[-1] == N - 1


def test_a_damaged_segment_is_drawn_again(tmp_path: Path) -> None:
    paths, _ = make(tmp_path, motion())
    whole = paths[1].read_bytes()
    for damage in (whole[:-10], b"", whole[: len(whole) // 2], bytes(100)):
        paths[1].write_bytes(damage)
        assert 0 < len(make(tmp_path, motion())[1]) <= MAX_FRAMES and paths[1].read_bytes() == whole


def test_a_faulty_frame_is_named_and_never_kept(tmp_path: Path) -> None:
    def draw(numbers: Sequence[int]) -> Iterator[np.ndarray]:
        return (PICTURE * (number != 130) for number in numbers)

    with pytest.raises(ValueError, match=r"Frame 130 \(5\.20 s\) is black"):
        FrameCache(tmp_path, motion(), "").make(draw, PICTURE, lambda done, total: None)
    with pytest.raises(ValueError, match="Frame 0 is missing"):
        FrameCache(tmp_path / "none", motion(), "").make(lambda numbers: iter(()), PICTURE, lambda done, total: None)


def test_the_folder_stays_bounded(tmp_path: Path) -> None:
    paths, _ = make(tmp_path, motion())
    for age, path in enumerate(reversed(paths)):
        os.utime(path, (1e9 - age, 1e9 - age))
    (tmp_path / ".parley-x.tmp").mkdir()
    os.utime(tmp_path / ".parley-x.tmp", (1e9, 1e9))
    trim_frames(tmp_path, sum(path.stat().st_size for path in paths[-2:]))
    assert sorted(tmp_path.iterdir()) == sorted(paths[-2:])
