"""Motion out and in again: a film whose exported table comes back moves as it did, an edited cell as edited."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from generation.core.motion import INDEX, REGION_CHANNELS
from generation.motion.motion_files import read_motion_file
from studio.production.render import render_scene
from studio.production.settings import RenderSettings


@pytest.fixture(autouse=True)
def use_tiny_assets(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


def frames_of(path: Path) -> np.ndarray:
    video = cv2.VideoCapture(str(path))
    return np.stack([video.read()[1] for _ in range(int(video.get(cv2.CAP_PROP_FRAME_COUNT)))]).astype(int)


def film(folder: Path, name: str, **motion: str) -> np.ndarray:
    """The motion (T, 57) of a film of one person who says three words."""
    cast = [{"name": "ANNA", "voice": "Alice", "motion": motion}]
    scene = {"picture": "one.png", "consent": "drawn", "label": False, "cast": cast, "script": ["ANNA: One and two."]}
    path = folder / "scene.json"
    path.write_text(json.dumps(scene))
    render_scene(path, folder / f"{name}.mp4", RenderSettings(steps=1, height=96, device="cpu"))
    return read_motion_file(folder / f"{name}.ANNA.json").track.values


def test_an_edited_cell_is_in_the_film_and_nothing_else_changed(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), astronaut()[0:256, 100:356, ::-1])
    before = film(tmp_path, "a")
    table = tmp_path / "a.ANNA.csv"
    rows = list(csv.reader(table.read_text().splitlines()))
    at = len(before) // 2
    rows[1 + at][rows[0].index("BrowInnerUp")] = "0.875"
    rows[1 + at][rows[0].index("EyeBlinkLeft")] = "1"
    (tmp_path / "edited.csv").write_text("\n".join(map(",".join, rows)))
    again = film(tmp_path, "b", **dict.fromkeys(REGION_CHANNELS, "a.ANNA.csv"))
    assert np.array_equal(again[:, :51], before[:, :51]) and np.abs(again - before).max() < 1e-6
    after = film(tmp_path, "c", brows="edited.csv", eyes="edited.csv", mouth="voice")
    changed = {(at, INDEX["browInnerUp"]): 0.875, (at, INDEX["eyeBlinkLeft"]): 1.0}
    assert {tuple(place): after[tuple(place)] for place in np.argwhere(after != before)} == changed
    differs = np.abs(frames_of(tmp_path / "c.mp4") - frames_of(tmp_path / "a.mp4")).max((1, 2, 3))
    assert differs.argmax() == at and differs[at] > 30
