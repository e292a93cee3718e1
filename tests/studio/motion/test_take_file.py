"""Take files: a scene's film drawn of one elsewhere is the film of the scene, and what is damaged is named."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from generation.audio.waveform import Audio, load_audio
from generation.core.motion import N_CHANNELS, ROTATION, MotionTrack
from generation.motion.quantised import TOLERANCE, motion_steps, quantised, restored
from generation.motion.rig import FaceRig
from generation.rendering.face import RenderFace
from masks.landmarks import FaceLandmarks
from studio.cli import main
from studio.export.provenance import make_record, verify
from studio.motion.take_file import PortableTake, read_take, write_take

PICTURE = np.ascontiguousarray(astronaut()[0:128, 100:260])
RECORD = make_record({"title": "T"}, Path(), {}, photograph=False)


def motion(n_frames: int = 40) -> np.ndarray:
    rng = np.random.default_rng(2)
    values = np.abs(np.cumsum(rng.normal(0, 0.03, (n_frames, N_CHANNELS)), axis=0)).clip(0, 1)
    values[:, ROTATION] *= -0.2
    return values.astype(np.float32)


def take(n_frames: int = 40) -> PortableTake:
    points = FaceRig.load().mean * [40, -40, -40] + [80, 60, 0]
    region = np.zeros((128, 160), np.float32)
    region[10:110, 20:140] = 1
    face = RenderFace(
        FaceLandmarks(points), region, False, np.linspace(0, 1, 128 * 160, dtype=np.float32).reshape(128, 160)
    )
    sound = np.sin(np.arange(960 * n_frames) / 20).astype(np.float32) * 0.3
    return PortableTake(PICTURE, [face], ["ANNA"], [MotionTrack(motion(n_frames))], Audio(sound, 24_000), RECORD)


def test_steps_lose_less_than_a_hundredth_of_a_pixel() -> None:
    values, steps = motion(), motion_steps(90.0)
    back = restored(quantised(values, steps), steps)
    assert back.shape == values.shape and (np.abs(back - values) <= 0.5001 * steps + 1e-7).all()
    moved = np.abs(np.tensordot(back[:, :51] - values[:, :51], FaceRig.load().basis, 1)[..., :2]) * 90
    assert moved.max() < 30 * TOLERANCE and np.median(moved.max((1, 2))) < 5 * TOLERANCE
    assert np.array_equal(quantised(back, steps), quantised(values, steps)), "a second time nothing is lost"


def test_a_take_comes_back(tmp_path: Path) -> None:
    made = take()
    sizes = write_take(made, tmp_path / "a.parley")
    back = read_take(tmp_path / "a.parley")
    assert np.array_equal(back.picture, PICTURE) and back.names == ["ANNA"] and back.record == RECORD
    assert np.array_equal(back.faces[0].landmarks.points, made.faces[0].landmarks.points)
    assert np.abs(back.faces[0].region - made.faces[0].region).max() == 0
    assert np.abs(back.faces[0].mask - made.faces[0].mask).max() <= 0.5 / 255 + 1e-6
    assert np.abs(back.motion[0].values - made.motion[0].values).max() < 1.1e-3
    assert len(back.sound) == len(made.sound)
    heard, played = back.sound.waveform[2400:-2400], made.sound.waveform[2400:-2400]
    assert np.corrcoef(heard, played)[0, 1] > 0.98
    assert sizes["sound.opus"] < 1.6 * 3000 * 1.6 + 1500


def test_the_pictures_own_file_goes_in_where_it_is_smaller(tmp_path: Path) -> None:
    flat = np.full((128, 160, 3), 7, np.uint8)
    cv2.imwrite(str(tmp_path / "flat.jpg"), flat)
    write_take(take(), tmp_path / "a.parley", tmp_path / "flat.jpg")
    with zipfile.ZipFile(tmp_path / "a.parley") as opened:
        assert "picture.webp" in opened.namelist(), "another picture"
    cv2.imwrite(str(tmp_path / "own.jpg"), PICTURE[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    own = np.ascontiguousarray(cv2.imread(str(tmp_path / "own.jpg"))[..., ::-1])
    write_take(replace(take(), picture=own), tmp_path / "b.parley", tmp_path / "own.jpg")
    with zipfile.ZipFile(tmp_path / "b.parley") as opened:
        assert opened.read("picture.jpg") == (tmp_path / "own.jpg").read_bytes()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("cut", "is not a take file that can be read"),
        ("project", "is not a take file, but 'parley project archive'"),
        ("lacks", "holds other files than its list says"),
        ("other", "which is no part of a take file"),
        ("bytes", "is damaged"),
        ("short", "a.parley lacks a part or has parts that do not fit; get it again."),
    ],
)
def test_what_is_damaged_is_named(change: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "a.parley"
    write_take(take(), path)
    with zipfile.ZipFile(path) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    manifest = json.loads(files["manifest.json"])
    if change == "project":
        manifest["format"] = "parley project archive"
    elif change == "lacks":
        del files["sound.opus"]
    elif change == "other":
        files["evil.sh"] = b"#"
        manifest["files"]["evil.sh"] = {"bytes": 1, "sha256": "0" * 64}
    elif change == "bytes":
        files["face-0.bin"] = bytes([files["face-0.bin"][0] ^ 1]) + files["face-0.bin"][1:]
    elif change == "short":
        files["face-0.bin"] = data = files["face-0.bin"][:-4]
        manifest["files"]["face-0.bin"] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    files["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=sentence):
        read_take(path)


def frames_of(path: Path) -> np.ndarray:
    video = cv2.VideoCapture(str(path))
    return np.stack([video.read()[1] for _ in range(int(video.get(cv2.CAP_PROP_FRAME_COUNT)))]).astype(int)


def test_its_film_is_the_scenes(tmp_path: Path, assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    face = astronaut()[0:256, 100:356, ::-1]
    cv2.imwrite(str(tmp_path / "one.png"), face)
    cast = [{"name": "ANNA", "voice": "Alice"}]
    scene = {"picture": "one.png", "consent": "drawn", "cast": cast, "script": ["ANNA: One."]}
    (tmp_path / "scene.json").write_text(json.dumps(scene))
    how = ["--steps", "1", "--device", "cpu", "--size", "128"]
    assert main(["render", str(tmp_path / "scene.json"), "-o", str(tmp_path / "film.mkv"), "--lossless", *how]) == 0
    assert main(["render", str(tmp_path / "scene.json"), "-o", str(tmp_path / "take.parley"), *how]) == 0
    away = tmp_path / "away"
    away.mkdir()
    (tmp_path / "take.parley").rename(away / "take.parley")
    assert main(["render", str(away / "take.parley"), "-o", str(away / "film.mkv"), "--lossless"]) == 0
    one, other = frames_of(tmp_path / "film.mkv"), frames_of(away / "film.mkv")
    assert one.shape == other.shape and np.abs(one - other).max() <= 4 and np.abs(one - other).mean() < 0.1
    assert np.abs(np.diff(one, axis=0)).max() > 30, "it moves"
    report = verify(away / "film.mkv")
    assert report.ok and report.record["scene"]["cast"][0]["name"] == "ANNA"
    heard, played = (load_audio(folder / "film.mkv").waveform for folder in (away, tmp_path))
    assert abs(len(heard) - len(played)) < 960
