"""``parley motion``: a person out of a video, upright, at 25 frames a second, with the right one of several faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image
from skimage.data import astronaut

from generation.core.ffmpeg import run_ffmpeg
from generation.core.motion import ROTATION, TRANSLATION
from generation.motion import tracking
from generation.motion.motion_files import read_motion_file
from generation.motion.video_tracking import faces_at_first, track_person
from masks.landmarks import FaceLandmarker
from studio.cli import main

FACE = np.ascontiguousarray(astronaut()[0:256, 100:356])
N_FRAMES, STEP = 20, 2
"""Frames of a video, and pixels to the right that its face moves from each to the next."""


def write_video(path: Path, frames: list[np.ndarray], fps: float = 25) -> Path:
    height, width = frames[0].shape[:2]
    writer = imageio_ffmpeg.write_frames(str(path), (width, height), fps=fps, macro_block_size=2, quality=9)
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame))
    writer.close()
    return path


def moving(shrink: float = 1.0) -> list[np.ndarray]:
    picture = cv2.resize(FACE, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return [
        cv2.warpAffine(picture, np.float32([[1, 0, 20 + STEP * k], [0, 1, 0]]), (384, 256)) for k in range(N_FRAMES)
    ]


def travel(values: np.ndarray) -> float:
    """How far the head goes to the right, inter-ocular distances."""
    return float(values[-2, TRANSLATION][0] - values[1, TRANSLATION][0])


def test_somebody_is_tracked_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    video = write_video(tmp_path / "one.mp4", moving(), fps=50)
    assert main(["motion", str(video), "-o", str(tmp_path / "track.json")]) == 0
    told = capsys.readouterr()
    assert "track.json is ready: 0.4 s." in told.out and "faces" not in told.out
    values = read_motion_file(tmp_path / "track.json").track.values
    eyes = FaceLandmarker().detect(moving()[0])[0].inter_ocular
    assert len(values) == 10 and travel(values) == pytest.approx(2 * STEP * 7 / eyes, rel=0.15)
    assert np.abs(values[:, ROTATION]).max() < 0.06
    assert main(["motion", str(video), "-o", str(tmp_path / "track.csv")]) == 0
    assert np.array_equal(read_motion_file(tmp_path / "track.csv").track.values[:, :51], values[:, :51])


def test_a_video_of_a_turned_phone_is_upright(tmp_path: Path) -> None:
    lying = write_video(tmp_path / "lying.mp4", [np.rot90(frame) for frame in moving()])
    turned = tmp_path / "turned.mp4"
    run_ffmpeg(["-display_rotation", "-90", "-i", str(lying), "-c", "copy", str(turned)], "The video")
    seen = faces_at_first(turned)
    upright = faces_at_first(write_video(tmp_path / "up.mp4", moving()))
    assert np.abs(np.array(seen.box) - upright.box).max() < 2


def test_the_largest_or_the_one_in_the_region(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    still = FACE[:, 20:220]
    frames = [np.concatenate([still, frame], 1) for frame in moving(0.8)]
    video = write_video(tmp_path / "two.mp4", frames)
    assert main(["motion", str(video), "-o", str(tmp_path / "large.json")]) == 0
    assert "two.mp4 shows 2 faces; the largest, at" in capsys.readouterr().out
    assert abs(travel(read_motion_file(tmp_path / "large.json").track.values)) < 0.05
    assert main(["motion", str(video), "-o", str(tmp_path / "small.json"), "--region", "200,0,584,256"]) == 0
    assert "faces" not in capsys.readouterr().out
    assert travel(read_motion_file(tmp_path / "small.json").track.values) > 0.5
    assert main(["motion", str(video), "-o", str(tmp_path / "none.json"), "--region", "0,200,60,256"]) == 1
    assert "none in the region" in capsys.readouterr().err and not (tmp_path / "none.json").exists()


@pytest.mark.parametrize(
    ("name", "output", "sentence"),
    [
        ("wall.mp4", "a.csv", "wall.mp4 shows no face in its first ten seconds"),
        ("text.mp4", "a.csv", "text.mp4 cannot be read as a video"),
        ("gone.mp4", "a.csv", "the video 'gone.mp4' does not exist"),
        ("wall.mp4", "a.fbx", "the motion file 'a.fbx' should end in .csv or .json"),
    ],
)
def test_what_cannot_be_tracked_is_named(
    name: str, output: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write_video(tmp_path / "wall.mp4", [np.full((128, 128, 3), 90, np.uint8)] * 3)
    (tmp_path / "text.mp4").write_text("no video")
    assert main(["motion", str(tmp_path / name), "-o", str(tmp_path / output)]) == 1
    assert sentence.casefold() in capsys.readouterr().err.casefold()
    assert not (tmp_path / output).exists()


def test_blocks_give_what_one_piece_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = write_video(tmp_path / "one.mp4", moving())
    whole = track_person(video, None, tmp_path).motion[:]
    monkeypatch.setattr(tracking, "_BLOCK", 7)
    monkeypatch.setattr(tracking, "_REACH", 6)
    assert np.abs(track_person(video, None, tmp_path).motion[:] - whole).max() < 0.02


def test_frames_without_the_face_are_filled_evenly(tmp_path: Path) -> None:
    frames = moving()
    for k in range(8, 12):
        frames[k] = np.zeros_like(frames[k])
    found = track_person(write_video(tmp_path / "gap.mp4", frames), None, tmp_path)
    assert (found.n_frames, found.unseen) == (N_FRAMES, 4)
    way = np.diff(found.motion[:][2:-2, TRANSLATION][:, 0])
    assert way.min() > 0 and way.max() < 2.5 * way.mean()


def test_somebody_else_after_a_cut_is_not_followed(tmp_path: Path) -> None:
    """Fails when whoever is nearest to the last place is taken for the same person."""
    with get_sample_data("grace_hopper.jpg") as file:
        other = np.asarray(Image.open(file).convert("RGB"))[0:500, 6:506]
    other = np.hstack(
        [cv2.resize(other, (256, 256), interpolation=cv2.INTER_AREA), np.full((256, 128, 3), 60, np.uint8)]
    )
    frames = [*moving()[:10], *[np.roll(other, 40, 1)] * 8, *moving()[10:]]
    found = track_person(write_video(tmp_path / "cut.mp4", frames), None, tmp_path)
    assert (found.n_frames, found.unseen) == (N_FRAMES + 8, 8)
    assert np.diff(found.motion[:][2:-2, TRANSLATION][:, 0]).min() > 0
