"""The beginning of a film while the rest is made: whole at each moment, the film's own frames, each drawn once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from scene_fixtures import write_photograph_and_hum

from generation.core.motion import INDEX, N_CHANNELS
from generation.core.performance import StoredPerformance
from generation.rendering.controls import closing_share
from studio.cli import main
from studio.export.provenance import verify
from studio.production import beginning
from studio.production.beginning import FilmBeginning
from studio.production.observer import RenderObserver
from studio.production.render import render_scene
from studio.production.settings import RenderSettings

QUICK = RenderSettings(steps=1, height=64, device="cpu")


@pytest.fixture(autouse=True)
def use_tiny_assets(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    write_photograph_and_hum(tmp_path, 2.0)
    line = {"who": "EILEEN", "recording": "hm.wav", "pause": 0.5}
    nod = {**line, "curves": [{"channel": "headNod", "points": [[0.5, 0], [0.8, 10], [1.2, 0]]}]}
    cast = [{"name": "EILEEN", "voice": "Alice"}]
    data = {"picture": "one.png", "consent": "drawn", "cast": cast, "script": [line, nod, line, line]}
    path = tmp_path / "scene.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(data))))
    return path


def frames_of(film: Path) -> np.ndarray:
    video, frames = cv2.VideoCapture(str(film)), []
    while (frame := video.read())[0]:
        frames.append(frame[1])
    return np.stack(frames)


def test_what_is_finished_can_be_watched_and_is_drawn_once(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when nothing is written before the end, when it differs from the film, or when frames are drawn twice."""
    monkeypatch.setattr(beginning, "_GROWTH", 1.5)
    early, film = tmp_path / "early.mp4", tmp_path / "film.mp4"

    class Watch(RenderObserver):
        drawn_frames = 0
        seen: list[tuple[float, np.ndarray]] = []

        def frame(self, frame: np.ndarray) -> None:
            self.drawn_frames += 1

        def watchable(self, seconds: float) -> None:
            assert not film.exists() and verify(early).ok
            self.seen.append((seconds, frames_of(early)))

    watch = Watch()
    render_scene(scene, film, replace(QUICK, beginning=early), observer=watch)
    whole = frames_of(film)
    assert watch.drawn_frames <= len(whole)
    assert len(watch.seen) >= 2 and watch.seen[0][0] >= 2 and watch.seen[-1][0] < len(whole) / 25
    for seconds, frames in watch.seen:
        assert len(frames) == round(25 * seconds)
        assert np.array_equal(frames, whole[: len(frames)]), "frame by frame those of the film"
    plain = tmp_path / "plain"
    render_scene(scene, plain / "film.mp4", QUICK)
    assert np.array_equal(frames_of(plain / "film.mp4"), whole)


def test_nothing_is_drawn_that_what_comes_next_would_change(tmp_path: Path) -> None:
    """Fails when frames are drawn whose mouth closes or stays as it is by motion that is not made yet."""
    finished, asked = 200, []

    def draw(performance: StoredPerformance, finished: int, most: int) -> tuple[list[Path], int]:
        asked.append(most)
        return [], 0

    performance = StoredPerformance.still(["ANNA"], 400, tmp_path)
    FilmBeginning(tmp_path / "early.mp4", draw, {}, print).grow(performance, finished)
    (most,) = asked
    still = np.zeros((400, N_CHANNELS), np.float32)
    speaking = still.copy()
    speaking[finished:, INDEX["jawOpen"]] = 0.5
    before, after = closing_share(still), closing_share(speaking)
    assert np.array_equal(before[:most], after[:most]) and most > 100
    assert not np.array_equal(before[:finished], after[:finished]), "frames up to what is finished would change"


def test_the_command_says_what_can_be_watched_and_refuses_a_bad_place(
    scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = ["render", str(scene), "-o", str(tmp_path / "film.mp4"), "--steps", "1", "--size", "64", "--device", "cpu"]
    assert main([*film, "--beginning", str(tmp_path / "film.mp4")]) == 1
    assert "--beginning needs a name of its own that ends in .mp4" in capsys.readouterr().err
    assert main([*film[:3], str(tmp_path / "film.mkv"), "--lossless", "--beginning", str(tmp_path / "early.mp4")]) == 1
    assert "--beginning needs an ordinary film" in capsys.readouterr().err
    assert main([*film[:3], str(tmp_path / "film.glb"), "--beginning", str(tmp_path / "early.mp4")]) == 1
    assert "--beginning needs an ordinary film" in capsys.readouterr().err and not list(tmp_path.glob("film.*"))
    assert main([*film, "--beginning", str(tmp_path / "early.mp4")]) == 0
    assert "early.mp4 can be watched: " in capsys.readouterr().out and (tmp_path / "early.mp4").is_file()
