"""Motion files over a finished performance: their regions exactly, nothing of the others, and where they end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.core.motion import CHANNELS, INDEX, REGION_CHANNELS
from generation.core.performance import Line, StoredPerformance
from generation.motion.arkit import write_arkit_csv, write_motion_json
from generation.motion.keyframes import FADE
from studio.performance.given_motion import write_given_motion
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

N_FRAMES = 60


def columns(*regions: str) -> list[int]:
    return [INDEX[name] for region in regions for name in REGION_CHANNELS[region]]


def others(*regions: str) -> list[int]:
    return [place for place in range(len(CHANNELS)) if place not in columns(*regions)]


def moved(folder: Path, cast: list[dict], script: list[dict], lines: list[Line]) -> tuple[list, list]:
    """Everybody's motion (T, 57) before and after; made up, with nothing of it zero."""
    scene = Scene.model_validate({"picture": "a.png", "cast": cast, "script": script})
    performance = StoredPerformance.still([character.name for character in scene.cast], N_FRAMES, folder)
    rng = np.random.default_rng(5)
    for track in performance.motion:
        track[:] = rng.uniform(0.3, 0.5, (N_FRAMES, len(CHANNELS)))
    before = [track[:] for track in performance.motion]
    write_given_motion(performance, scene, folder, Timeline(tuple(lines), ("",) * len(lines), N_FRAMES))
    return before, [track[:] for track in performance.motion]


def take(n_frames: int) -> np.ndarray:
    return np.random.default_rng(6).uniform(0, 1, (n_frames, len(CHANNELS))).astype(np.float32)


def line(start: int, stop: int, who: int = 0, name: str = "a") -> Line:
    return Line(name, who, start, stop - start, " ", (4 * (stop - start),))


ANNA, BOB = {"name": "ANNA"}, {"name": "BOB"}


def test_a_file_moves_its_regions_and_nothing_else(tmp_path: Path) -> None:
    values = take(N_FRAMES)
    write_motion_json(tmp_path / "take.json", values)
    cast = [{**ANNA, "motion": {"mouth": "voice", "brows": "take.json", "head": "take.json"}}, BOB]
    before, after = moved(tmp_path, cast, [], [])
    own = columns("brows", "head")
    assert np.array_equal(after[0][:, own], values[:, own])
    assert np.array_equal(after[0][:, others("brows", "head")], before[0][:, others("brows", "head")])
    assert np.array_equal(after[1], before[1])


def test_a_table_leaves_the_head_where_the_voice_moves_it(tmp_path: Path) -> None:
    values = 0.5 * take(N_FRAMES)
    write_arkit_csv(tmp_path / "take.csv", values)
    before, after = moved(tmp_path, [{**ANNA, "motion": {"head": "take.csv"}}], [], [])
    turn, place = columns("head")[:3], columns("head")[3:]
    assert np.abs(after[0][:, turn] - values[:, turn]).max() < 1e-6
    assert np.array_equal(after[0][:, place], before[0][:, place])


def test_a_shorter_file_passes_into_what_the_voice_gives(tmp_path: Path) -> None:
    values = take(20)
    write_motion_json(tmp_path / "take.json", values)
    before, after = moved(tmp_path, [{**ANNA, "motion": {"eyes": "take.json"}}], [], [])
    own = columns("eyes")
    assert np.array_equal(after[0][:20, own], values[:, own])
    fading = after[0][20 : 20 + FADE, own]
    low, high = np.minimum(before[0][20 : 20 + FADE, own], values[-1, own]), np.maximum(before[0], 1)[:1, :1]
    assert (fading >= low - 1e-6).all() and (fading <= high).all()
    assert (fading != before[0][20 : 20 + FADE, own]).all()
    assert np.array_equal(after[0][20 + FADE :], before[0][20 + FADE :])


def test_a_longer_file_is_cut_at_the_end(tmp_path: Path) -> None:
    values = take(N_FRAMES + 30)
    write_motion_json(tmp_path / "take.json", values)
    after = moved(tmp_path, [{**ANNA, "motion": {"eyes": "take.json"}}], [], [])[1]
    assert np.array_equal(after[0][:, columns("eyes")], values[:N_FRAMES, columns("eyes")])


def test_a_line_has_its_own_file_and_gives_regions_back(tmp_path: Path) -> None:
    """One file of the character, one of a line over it, and a line in which the voice moves the brows."""
    whole, own = take(N_FRAMES), 0.25 * take(40)
    write_motion_json(tmp_path / "whole.json", whole)
    write_motion_json(tmp_path / "line.json", own)
    cast = [{**ANNA, "motion": {"brows": "whole.json"}}]
    script = [
        {"who": "ANNA", "text": "a", "motion": {"brows": "line.json"}},
        {"who": "ANNA", "text": "b", "motion": {"brows": "voice"}},
    ]
    before, after = moved(tmp_path, cast, script, [line(10, 25), line(40, 50, name="b")])
    brows = columns("brows")
    assert np.array_equal(after[0][: 10 - FADE, brows], whole[: 10 - FADE, brows])
    assert np.array_equal(after[0][10:25, brows], own[:15, brows])
    assert np.array_equal(after[0][25 + FADE : 40, brows], whole[25 + FADE : 40, brows])
    assert np.array_equal(after[0][40 + FADE : 50 - FADE, brows], before[0][40 + FADE : 50 - FADE, brows])
    assert np.array_equal(after[0][50:, brows], whole[50:, brows])
    assert np.array_equal(after[0][:, others("brows")], before[0][:, others("brows")])


def test_a_line_moves_the_faces_that_say_it(tmp_path: Path) -> None:
    values = take(15)
    write_motion_json(tmp_path / "line.json", values)
    script = [{"who": "ANNA", "face": "BOB", "text": "a", "motion": {"mouth": "line.json"}}]
    before, after = moved(tmp_path, [ANNA, BOB], script, [line(10, 25)])
    assert np.array_equal(after[0], before[0])
    assert np.array_equal(after[1][10:25, columns("mouth")], values[:, columns("mouth")])


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the motion file 'take.csv' does not exist"):
        moved(tmp_path, [{**ANNA, "motion": {"eyes": "take.csv"}}], [], [])
