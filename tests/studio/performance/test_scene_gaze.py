"""Gaze that the script asks for, from a line's ``looks`` to the eyes of the finished motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gaze_fixtures import across, cut, scene

from generation.core.performance import Line, StoredPerformance
from studio.performance.scene_gaze import scripted_gaze_targets, write_scene_eyes
from studio.scene.schema import Scene
from studio.timeline.segments import Segment
from studio.timeline.timeline import Timeline

SIDES = np.array([-0.7, 0.1, 0.8], np.float32)


def written(*looks: str | None) -> tuple[Scene, Timeline]:
    """Lines of four seconds, one a second after the other's end, all by A."""
    cast = [{"name": name, "voice": "v"} for name in "ABC"]
    script = [{"who": "A", "text": "Hello.", "looks": look} for look in looks]
    lines = tuple(Line(f"A-{i}", 0, 125 * i + 12, 100, " ", (400,)) for i in range(len(looks)))
    data = {"picture": "", "cast": cast, "script": script}
    return Scene.model_validate(data), Timeline(lines, ("Hello.",) * len(looks), 125 * len(looks))


def test_a_line_says_whom_its_speaker_looks_at() -> None:
    scene_, timeline = written("C", "viewer", "away", None, "b")
    aims = scripted_gaze_targets(scene_, timeline, SIDES)
    asked = [aims[0, 125 * i + 12 : 125 * i + 112] for i in range(5)]
    assert asked[0][:, 0] == pytest.approx(0.45) and asked[4][:, 0] == pytest.approx(0.45 * 0.8)
    assert not asked[1].any() and (asked[2][:, 0] > 0.2).all() and (asked[2][:, 1] < 0).all()
    assert np.isnan(asked[3]).all() and np.isnan(aims[1:]).all() and np.isnan(aims[0, 112:137]).all()


def test_the_eyes_of_the_scene_follow_the_script(tmp_path: Path) -> None:
    scene_, timeline = written("C", "viewer", "away")
    before = scene(cut([5.0] * 3))
    performance, made = (StoredPerformance.still(before.names, before.n_frames, tmp_path) for _ in range(2))
    for stored, sound in zip(performance.speech, before.speech, strict=True):
        stored[: len(sound)] = sound
    segments = [Segment(125 * i, 125, (timeline.lines[i],), 0, 0, (0, 0)) for i in range(3)]
    gazes = []
    for seed in range(4):
        list(write_scene_eyes(performance, made, scene_, timeline, segments, SIDES, seed))
        gaze = across(made.motion[0][:])
        gazes.append([gaze[125 * i + 15 : 125 * i + 110].mean() for i in range(3)])
    at_c, at_viewer, away = np.mean(gazes, 0)
    assert at_c > 0.35 and abs(at_viewer) < 0.05 and away > 0.2


def test_the_face_that_says_a_line_looks_where_the_line_says() -> None:
    """Fails when `looks` moves the eyes of the voice's own face."""
    cast = [{"name": name, "voice": "v"} for name in "ABC"]
    line = {"who": "A", "face": "B", "text": "Hello.", "looks": "C"}
    scene_ = Scene.model_validate({"picture": "", "cast": cast, "script": [line]})
    timeline = Timeline((Line("A-0", 0, 12, 100, " ", (400,)),), ("Hello.",), 125)
    targets = scripted_gaze_targets(scene_, timeline, SIDES)
    assert targets[1, 12:112, 0] == pytest.approx(0.45 * 0.7) and np.isnan(targets[[0, 2]]).all()
