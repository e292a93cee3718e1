"""``parley render -o film.glb``: the file by a reader of its own, the motion in it, and what it is refused for."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from glb_reader import read_glb
from scipy.spatial.transform import Rotation
from skimage.data import astronaut

from generation.core.motion import BLENDSHAPES, INDEX, N_CHANNELS, ROTATION
from generation.motion.arkit import write_motion_json
from studio.cli import main
from studio.export.provenance import verify


@pytest.fixture(autouse=True)
def use_tiny_assets(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


def scene_file(folder: Path, **more: object) -> Path:
    """ANNA to the left, BOB to the right and 30 pixels higher."""
    faces = (astronaut()[top : top + 256, 100:356, ::-1] for top in (0, 30))
    cv2.imwrite(str(folder / "two.png"), np.concatenate(list(faces), 1))
    cast = [{"name": "ANNA", "voice": "Alice", **more}, {"name": "BOB", "voice": "Arthur"}]
    scene = {"picture": "two.png", "consent": "drawn", "title": "Two", "cast": cast, "script": ["ANNA: One and two."]}
    (folder / "scene.json").write_text(json.dumps(scene))
    return folder / "scene.json"


def test_everybody_is_a_mesh_that_moves_as_in_the_film(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    values = np.zeros((20, N_CHANNELS), np.float32)
    values[:, INDEX["jawOpen"]] = np.linspace(0, 0.5, 20)
    values[:, ROTATION] = np.linspace(0, 0.05, 20)[:, None] * [0, 1, 0]
    write_motion_json(tmp_path / "take.json", values)
    scene = scene_file(tmp_path, motion={"mouth": "take.json", "head": "take.json"})
    target = tmp_path / "film.glb"
    assert main(["render", str(scene), "-o", str(target), "--steps", "1", "--device", "cpu"]) == 0
    assert "film.glb is ready" in capsys.readouterr().out
    document, arrays, pictures = read_glb(target)
    names = [node["name"] for node in document["nodes"]]
    assert names == ["ANNA head", "ANNA", "BOB head", "BOB"] and len(pictures) == 2
    for mesh in document["meshes"]:
        assert mesh["extras"]["targetNames"] == list(BLENDSHAPES)
    (animation,) = document["animations"]
    found = {
        (names[c["target"]["node"]], c["target"]["path"]): arrays[animation["samplers"][c["sampler"]]["output"]]
        for c in animation["channels"]
    }
    weights = found["ANNA head", "weights"].reshape(-1, 51)
    assert np.array_equal(weights[:20, BLENDSHAPES.index("jawOpen")], values[:, INDEX["jawOpen"]])
    turn = Rotation.from_quat(found["ANNA head", "rotation"][:20]).as_rotvec()
    assert np.abs(turn - values[:, ROTATION]).max() < 1e-6
    anna, bob = (document["nodes"][names.index(name)]["translation"] for name in ("ANNA", "BOB"))
    assert anna == [0, 0, 0] and bob[0] > 0.1 and 0.02 < bob[1] < 0.06, "y is up"
    assert cv2.imdecode(np.frombuffer(pictures[0], np.uint8), cv2.IMREAD_COLOR).shape[0] > 100
    assert document["asset"]["extras"]["parley"]["scene"]["title"] == "Two"
    assert verify(tmp_path / "film.wav").ok
    assert {path.name for path in tmp_path.glob("film.*")} == {"film.glb", "film.wav"}


def test_pictures_are_asked_of_no_mesh(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    scene = scene_file(tmp_path)
    assert main(["render", str(scene), "-o", str(tmp_path / "film.glb"), "--alpha"]) == 1
    assert "'film.glb' holds no frames of a film; leave out --lossless and --alpha." in capsys.readouterr().err
    assert not (tmp_path / "film.glb").exists()
