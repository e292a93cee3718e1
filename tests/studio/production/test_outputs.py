"""Films in other formats than MP4, decoded again: what they promise holds in the file, and they carry the mark."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import yaml
from imageio_ffmpeg import get_ffmpeg_exe
from skimage.data import astronaut

from generation.audio.loudness import mix
from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE
from generation.core.performance import Performance
from studio.cast.face_assignment import assign_faces
from studio.cast.geometry import SceneGeometry
from studio.core.problems import DocumentError
from studio.export.provenance import verify
from studio.performance.performer import ScenePerformer
from studio.production.observer import RenderObserver
from studio.production.render import render_scene
from studio.production.settings import RenderSettings
from studio.scene.document import load_scene
from studio.timeline.timeline import Timeline

ROWS = 95
"""An odd number: formats that need an even one would add a row."""


@pytest.fixture(autouse=True)
def use_tiny_assets(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "one.png"), astronaut()[0:256, 100:356, ::-1])
    data = {"picture": "one.png", "consent": "drawn", "label": False,
            "cast": [{"name": "EILEEN", "voice": "Alice"}], "script": [{"who": "EILEEN", "text": "One."}]}  # fmt: skip
    path = tmp_path / "scene.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


class Watch(RenderObserver):
    """Keeps what a render makes."""

    def __init__(self) -> None:
        self.frames: list[np.ndarray] = []

    def spoken(
        self, performer: ScenePerformer, timeline: Timeline, performance: Performance, places: SceneGeometry
    ) -> None:
        self.performance, self.places = performance, places

    def frame(self, frame: np.ndarray) -> None:
        self.frames.append(frame)


def run_ffmpeg(*arguments: str) -> bytes:
    return subprocess.run([get_ffmpeg_exe(), "-v", "error", *arguments], capture_output=True, check=True).stdout


def facts(path: Path) -> str:
    return subprocess.run([get_ffmpeg_exe(), "-i", str(path)], capture_output=True, text=True, check=False).stderr


def decoded(path: Path, shape: tuple[int, ...], *decoder: str) -> np.ndarray:
    """(T, H, W, C) uint8."""
    layout = "rgba" if shape[2] == 4 else "rgb24"
    raw = run_ffmpeg(*decoder, "-i", str(path), "-f", "rawvideo", "-pix_fmt", layout, "pipe:1")
    return np.frombuffer(raw, np.uint8).reshape(-1, *shape)


def test_lossless_changes_nothing_outside_the_motion_regions(scene: Path, tmp_path: Path) -> None:
    target, seen = tmp_path / "film.mkv", Watch()
    render_scene(scene, target, RenderSettings(steps=1, height=ROWS, device="cpu", lossless=True), observer=seen)
    frames = decoded(target, seen.frames[0].shape)
    outside = np.max(seen.places.regions, 0) == 0
    picture = assign_faces(load_scene(scene), tmp_path)[0].resized(ROWS).picture
    assert frames.shape[1] == ROWS and outside.mean() > 0.2 and len(np.unique(picture[outside], axis=0)) > 100
    apart = np.abs(frames.astype(int) - picture)
    assert apart[:, outside].max() == 0, "grey levels outside after decoding"
    assert apart[:, ~outside].max() > 0, "and inside it moves"
    speech = [Audio(part.speech, SAMPLE_RATE) for part in seen.performance.whole().characters]
    heard = np.frombuffer(run_ffmpeg("-i", str(target), "-f", "s32le", "pipe:1"), np.int32) >> 8
    soundfile.write(tmp_path / "mix.wav", mix(speech, marked=True).waveform, SAMPLE_RATE, subtype="PCM_24")
    np.testing.assert_array_equal(heard, soundfile.read(tmp_path / "mix.wav", dtype="int32")[0] >> 8)
    told = facts(target)
    assert "flac" in told and "24000 Hz" in told and "25 fps" in told and "AI-generated" in told
    report = verify(target)
    assert report.ok and report.record["scene"]["cast"][0]["name"] == "EILEEN"
    damaged = bytearray(target.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    target.write_bytes(damaged)
    assert verify(target).marked and not verify(target).intact


def test_a_transparent_background_is_in_every_format(scene: Path, tmp_path: Path) -> None:
    settings = RenderSettings(steps=1, height=ROWS, device="cpu", alpha=True)
    drawn, later = Watch(), Watch()
    (tmp_path / "film.00800.png").touch()  # of an earlier, longer film
    render_scene(scene, tmp_path / "film.png", settings, observer=drawn)
    frames = np.stack(drawn.frames)
    height, width = frames.shape[1:3]
    opacity = frames[..., 3]
    assert frames.shape[1:] == (ROWS, ROWS, 4) and len(np.unique(opacity)) > 50, "hair is soft"
    assert opacity[:, : height // 3, :3].max() == 0 and (opacity[:, height // 2, width // 2] == 255).all()
    pictures = sorted(tmp_path.glob("film.*.png"))
    assert [path.name for path in pictures] == [f"film.{i:05}.png" for i in range(len(frames))]
    np.testing.assert_array_equal([cv2.imread(str(p), -1)[..., [2, 1, 0, 3]] for p in pictures], frames)
    damaged = bytearray(pictures[0].read_bytes())
    for at in (len(damaged) // 3, len(damaged) - 14):  # among the pixels, and in the mark's own check sum
        (tmp_path / "damaged.png").write_bytes(damaged[:at] + bytes([damaged[at] ^ 1]) + damaged[at + 1 :])
        assert not verify(tmp_path / "damaged.png").intact
    sound = verify(tmp_path / "film.wav")
    assert verify(pictures[0]).ok and sound.ok and {path.name for path in pictures} <= sound.signature.files.keys()
    for suffix, told, decoder, sound in (
        (".mov", r"prores \(4444\).*yuva444p1\w+\(tv, bt709", [], "pcm_s24le"),
        (".webm", r"vp9.*\(tv, bt709.*alpha_mode +: 1", ["-c:v", "libvpx-vp9"], "opus"),
    ):
        target = tmp_path / f"film{suffix}"
        render_scene(scene, target, settings, observer=later)
        assert later.drawn == 0, "drawn once for all formats"
        assert re.search(told, facts(target), re.DOTALL) and sound in facts(target) and verify(target).ok
        found = decoded(target, frames.shape[1:], *decoder).astype(int)
        assert found.shape == frames.shape
        assert np.abs(found[..., 3] - opacity).mean() < 1, "opacity"
        assert np.abs(found[opacity == 255] - frames[opacity == 255]).mean() < 6, "colours"
        assert found[..., 3][opacity == 0].max() < 30


def test_nobody_in_the_picture_is_no_transparent_film(scene: Path, tmp_path: Path) -> None:
    data = yaml.safe_load(scene.read_text())
    data["cast"][0]["role"] = "narrator"
    scene.write_text(yaml.safe_dump(data))
    with pytest.raises(DocumentError, match="Nobody of the cast is in the picture"):
        render_scene(scene, tmp_path / "film.mov", RenderSettings(alpha=True, height=ROWS))


def test_a_name_that_is_not_the_formats_is_a_sentence(scene: Path, tmp_path: Path) -> None:
    for name, how, expected in (
        ("film.mp4", {"lossless": True}, ".mkv"),
        ("film.mkv", {}, ".mp4"),
        ("film.mp4", {"alpha": True}, ".mov or .webm or .png"),
    ):
        with pytest.raises(DocumentError, match=f"{name}.* should end in {expected}"):
            render_scene(scene, tmp_path / name, RenderSettings(**how))
