"""A scene drawn by a tiny random backbone through the command line, and what is refused before any work."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import soundfile
import yaml
from skimage.data import astronaut

from generation.backbones import weights
from scripts.tiny_backbone import write_tiny_backbone
from studio import cli
from studio.export.provenance import verify


@pytest.fixture(autouse=True)
def use_tiny_assets(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("weights")
    return {kind: write_tiny_backbone(kind, root / kind) for kind in weights.KINDS}


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    face = astronaut()[0:256, 100:356, ::-1]
    cv2.imwrite(str(tmp_path / "two.png"), np.hstack([face, face[:, ::-1]]))
    data = {
        "picture": "two.png",
        "consent": "public",
        "statement": "E. Collins, portrait by NASA",
        "cast": [
            {"name": "EILEEN", "voice": "Alice", "region": [30, 0, 226, 256]},
            {"name": "COLLINS", "voice": "Arthur", "region": [286, 0, 482, 256]},
        ],
        "script": [{"EILEEN": "One."}, {"COLLINS": "Two."}],
    }
    (tmp_path / "scene.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    return tmp_path / "scene.yaml"


def render(scene: Path, kind: str, folder: Path, *more: str) -> int:
    target = str(scene.parent / "out" / "film.mp4")
    how = ["--size", "96", "--device", "cpu", "--steps", "1"]
    return cli.main(["render", str(scene), "-o", target, "--backbone", kind, "--weights", str(folder), *how, *more])


@pytest.mark.parametrize("kind", weights.KINDS)
def test_a_backbone_renders_a_scene_with_all_that_belongs_to_it(
    scene: Path, folders: dict[str, Path], kind: str, capsys, monkeypatch
) -> None:
    assert render(scene, kind, folders[kind], "--keep-background") == 0
    said = capsys.readouterr()
    assert ("Wan has no audio input" in said.out) is (kind == "wan")
    target = scene.parent / "out" / "film.mp4"
    endings = {".mp4", ".srt", ".vtt", ".otio", ".EILEEN.wav", ".COLLINS.wav"}
    assert {path.name.removeprefix("film") for path in target.parent.glob("film*")} == endings
    report = verify(target)
    assert report.ok and report.record["settings"]["backbone"] == kind and report.record["settings"]["keep_background"]
    video = cv2.VideoCapture(str(target))
    n_frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    speech, _ = soundfile.read(target.with_name("film.EILEEN.wav"))
    assert len(speech) == n_frames * 960
    frames = [video.read()[1] for _ in range(n_frames)]
    assert frames[0].shape == (96, 192, 3)
    still = cv2.resize(cv2.imread(str(scene.parent / "two.png")), (192, 96), interpolation=cv2.INTER_AREA)
    moved = np.abs(frames[-1].astype(int) - still).max(2)
    assert moved[89:, :6].max() < 40 < moved[15:52, 30:60].max()  # a sleeve, a face

    def refuse(*arguments: object) -> None:
        raise AssertionError("loaded although every frame is kept")

    monkeypatch.setattr("generation.backbones.loading.load_pipeline", refuse)
    monkeypatch.setattr(f"generation.backbones.{kind}.load_pipeline", refuse)
    assert render(scene, kind, folders[kind], "--keep-background") == 0


def damaged(folder: Path, tmp_path: Path, part: str) -> Path:
    copy = tmp_path / "damaged"
    shutil.copytree(folder, copy)
    shutil.rmtree(copy / part)
    return copy


def test_a_wrong_folder_is_refused_in_a_sentence(scene: Path, folders: dict[str, Path], tmp_path: Path, capsys) -> None:
    textual = tmp_path / "textual"
    shutil.copytree(folders["wan"], textual)
    config = json.loads((textual / "transformer" / "config.json").read_text())
    (textual / "transformer" / "config.json").write_text(json.dumps(config | {"in_channels": 16}))
    cases = [
        ("ltx2", tmp_path / "gone", "does not exist; download LTX-2 and name its folder."),
        ("ltx2", tmp_path, "holds no model in diffusers' layout"),
        ("ltx2", folders["wan"], "not LTX-2; use --backbone wan."),
        ("wan", folders["ltx2"], "not Wan; use --backbone ltx2."),
        ("ltx2", damaged(folders["ltx2"], tmp_path, "audio_vae"), "has no audio_vae; LTX-2 needs text_encoder"),
        ("wan", textual, "holds a Wan that takes no picture; name Wan 2.2 image to video (A14B)."),
    ]
    for kind, folder, sentence in cases:
        assert render(scene, kind, folder) == 1
        said = capsys.readouterr()
        assert sentence in said.err and len(said.err.splitlines()) == 1 and not said.out
    assert not (scene.parent / "out").exists()


def test_too_long_and_too_large_are_refused_before_work(
    scene: Path, folders: dict[str, Path], monkeypatch, capsys
) -> None:
    small = psutil.virtual_memory()._replace(available=1000)
    with monkeypatch.context() as patched:
        patched.setattr(psutil, "virtual_memory", lambda: small)
        assert render(scene, "ltx2", folders["ltx2"]) == 1
    assert "The backbone needs about 0 GiB of memory on cpu and 0 GiB are free" in capsys.readouterr().err
    text = scene.read_text()
    scene.write_text(text + 4 * ("- EILEEN: " + "One two three four five. " * 22 + "\n"))
    assert render(scene, "ltx2", folders["ltx2"]) == 1
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "%" not in line]
    assert "s long and LTX-2 makes up to 60 s; split it." in said
    assert not list(scene.parent.glob("**/*.mp4"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--weights", "x"], "--weights and --keep-background need --backbone."),
        (["--keep-background"], "--weights and --keep-background need --backbone."),
        (["--backbone", "ltx2"], "--backbone needs --weights; name the folder of its weights."),
    ],
)
def test_options_that_belong_together(scene: Path, arguments: list[str], sentence: str, capsys) -> None:
    assert cli.main(["render", str(scene), "-o", "film.mp4", *arguments]) == 1
    assert capsys.readouterr().err.strip() == sentence


def test_other_weights_have_another_key(folders: dict[str, Path], tmp_path: Path) -> None:
    before = weights.weights_key(folders["wan"])
    assert weights.weights_key(folders["wan"]) == before
    other = write_tiny_backbone("wan", tmp_path / "wan", seed=1)
    assert weights.weights_key(other) != before
    n_bytes = sum(file.stat().st_size for file in (folders["wan"] / "transformer").glob("*.safetensors"))
    assert weights.needed_bytes(folders["wan"], "wan", 4) > 2 * n_bytes
