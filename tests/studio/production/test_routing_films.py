"""Films in which voices come out of other faces: the mouths that the scene names move, the others are still."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from skimage.data import astronaut
from sounds import RATE, syllables

from generation.core.motion import INDEX
from generation.motion.motion_files import read_motion_file
from studio.production.render import render_scene
from studio.production.settings import RenderSettings

BOB = [256, 0, 512, 256]
"""His half of the picture."""
SECONDS = 1.2
FPS = 25


@pytest.fixture(autouse=True)
def use_tiny_assets(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


def film(folder: Path, script: list[dict], **of_anna: object) -> dict[str, np.ndarray]:
    """How far each mouth is open in each frame of a film, (T,), by name."""
    face = astronaut()[0:256, 100:356, ::-1]
    cv2.imwrite(str(folder / "two.png"), np.concatenate([face, face[:, ::-1]], 1))
    soundfile.write(folder / "hm.wav", syllables(SECONDS), RATE)
    cast = [
        {"name": "ANNA", "voice": "Alice", "region": [0, 0, 256, 256], **of_anna},
        {"name": "BOB", "voice": "Arthur", "region": BOB},
        {"name": "GUIDE", "role": "narrator", "voice": "Alice"},
    ]
    scene = {"picture": "two.png", "consent": "drawn", "label": False, "cast": cast, "script": script}
    path = folder / "scene.json"
    path.write_text(json.dumps(scene))
    render_scene(path, folder / "film.mp4", RenderSettings(steps=1, height=128, device="cpu"))
    return {n: read_motion_file(folder / f"film.{n}.json").track.values[:, INDEX["jawOpen"]] for n in ("ANNA", "BOB")}


def moves(found: dict[str, np.ndarray], first: float, last: float) -> set[str]:
    """Whose mouth moves between two seconds; the others are shut."""
    span = slice(round(FPS * first), round(FPS * last))
    widest = {name: float(jaw[span].max()) for name, jaw in found.items()}
    assert all(most > 0.02 or most <= 1e-3 for most in widest.values()), widest
    return {name for name, most in widest.items() if most > 0.02}


def test_a_line_comes_out_of_the_face_that_it_names(tmp_path: Path) -> None:
    said = {"who": "ANNA", "recording": "hm.wav"}
    found = film(tmp_path, [{**said, "start": 0.4}, {**said, "face": "BOB", "start": 2.4}])
    assert moves(found, 0.4, 0.4 + SECONDS) == {"ANNA"} and moves(found, 2.4, 2.4 + SECONDS) == {"BOB"}


def test_a_narrator_speaks_through_two_faces_and_through_none(tmp_path: Path) -> None:
    said = {"who": "GUIDE", "recording": "hm.wav"}
    found = film(tmp_path, [{**said, "start": 0.4}, {**said, "face": ["ANNA", "BOB"], "start": 2.4}])
    assert moves(found, 0.4, 0.4 + SECONDS) == set() and moves(found, 2.4, 2.4 + SECONDS) == {"ANNA", "BOB"}


def test_a_line_said_together_is_heard_from_both_and_moves_both(tmp_path: Path) -> None:
    found = film(tmp_path, [{"who": ["ANNA", "BOB"], "text": "We say this line together now.", "start": 0.4}])
    heard = [soundfile.read(tmp_path / f"film.{name}.wav")[0] for name in ("ANNA", "BOB")]
    assert min(np.abs(sound).max() for sound in heard) > 0.01 and not np.allclose(*heard)
    assert moves(found, 0.4, 1.4) == {"ANNA", "BOB"}
    assert "ANNA and BOB:" in (tmp_path / "film.srt").read_text()


def test_several_voices_share_a_face(tmp_path: Path) -> None:
    said = {"recording": "hm.wav", "face": "BOB", "start": 0.4}
    found = film(tmp_path, [{**said, "who": "ANNA"}, {**said, "who": "GUIDE"}])
    assert moves(found, 0.4, 0.4 + SECONDS) == {"BOB"}


def test_a_place_that_changes_takes_the_voice_along(tmp_path: Path) -> None:
    """While she says her second line ANNA is where BOB is, and her voice comes out of his face."""
    said = {"who": "ANNA", "recording": "hm.wav"}
    regions = [{"from": 2, "to": 9, "region": BOB}]
    found = film(tmp_path, [{**said, "start": 0.4}, {**said, "start": 2.4}], regions=regions)
    assert moves(found, 0.4, 0.4 + SECONDS) == {"ANNA"} and moves(found, 2.4, 2.4 + SECONDS) == {"BOB"}
