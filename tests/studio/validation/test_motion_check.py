"""Motion files in a scene: each fault is one sentence of ``parley check`` that names the character and the place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scene_fixtures import check, two_faces, write

from generation.core.motion import INDEX, N_CHANNELS
from generation.motion.arkit import write_arkit_csv, write_motion_json
from studio.validation.scene_check import check_scene


@pytest.fixture
def scene(tmp_path: Path) -> dict:
    """A sound scene of some six seconds, and motion files beside it."""
    values = np.full((150, N_CHANNELS), 0.125, np.float32)
    write_arkit_csv(tmp_path / "take.csv", values)
    write_motion_json(tmp_path / "take.json", values)
    text = (tmp_path / "take.csv").read_text()
    (tmp_path / "nan.csv").write_text(text.replace("0.125", "nan", 1))
    (tmp_path / "unknown.csv").write_text(text.replace("JawOpen", "JawOpne", 1))
    (tmp_path / "wide.csv").write_text(text.replace("0.125", "1.5", 1))
    (tmp_path / "cut.csv").write_text(text.replace(",0.125", "", 1))
    (tmp_path / "jaw.csv").write_text("Frame,JawOpen\n0,0.1\n1,0.2\n")
    (tmp_path / "short.json").write_text('{"fps": 25, "channels": ["browInnerUp"], "values": [[0.5]]}')
    return two_faces(tmp_path)


def test_a_scene_with_sound_motion_files_is_sound(scene: dict, tmp_path: Path, capsys) -> None:
    scene["cast"][0]["motion"] = {"mouth": "voice", "brows": "take.csv", "eyes": "take.csv", "head": "take.json"}
    scene["script"][0]["motion"] = {"brows": "voice"}
    assert check(write(scene, tmp_path), capsys) == (0, [])


@pytest.mark.parametrize(
    ("motion", "needles"),
    [
        ({"brows": "tak.csv"}, ["tak.csv", "does not exist", "did you mean 'take.csv'"]),
        ({"brows": "two.png"}, ["two.png is no motion file", ".csv"]),
        ({"brows": "nan.csv"}, ["nan.csv, line 2", "nan", "not a finite number"]),
        ({"mouth": "unknown.csv"}, ["'JawOpne'", "is JawOpen meant?"]),
        ({"mouth": "wide.csv"}, ["wide.csv, line 2", "between 0 and 1"]),
        ({"mouth": "cut.csv"}, ["cut.csv, line 2: 62 cells", "63 columns"]),
        ({"mouth": "jaw.csv"}, ["jaw.csv lacks CheekPuff and 28 others", "export the recording"]),
        ({"head": "jaw.csv"}, ["jaw.csv lacks the head's rotation"]),
        ({"nose": "take.csv"}, ["unknown key 'nose'"]),
        ("take.csv", ["should be keys with values"]),
    ],
)
def test_faults_are_named_with_their_place(motion: object, needles: list[str], scene: dict, tmp_path: Path) -> None:
    for where, label in ((scene["cast"][1], "BOB"), (scene["script"][1], "script line 2 (BOB)")):
        where["motion"] = motion
        problems = check_scene(write(scene, tmp_path)).problems
        assert len(problems) == 1, problems
        assert all(needle in str(problems[0]) for needle in [*needles, label]), str(problems[0])
        assert problems[0].line is not None and problems[0].where[2] == "motion"
        del where["motion"]


def test_one_fault_of_a_file_is_said_once(scene: dict, tmp_path: Path) -> None:
    scene["cast"][0]["motion"] = dict.fromkeys(("mouth", "brows", "eyes"), "nan.csv")
    assert len(check_scene(write(scene, tmp_path)).problems) == 1


def test_a_narrator_has_no_face_to_move(scene: dict, tmp_path: Path) -> None:
    scene["cast"].append({"name": "GUIDE", "role": "narrator", "motion": {"eyes": "take.csv"}})
    (problem,) = check_scene(write(scene, tmp_path)).problems
    assert "GUIDE is a narrator, who has no face to move" in str(problem)


def test_a_file_of_another_length_than_the_scene_is_a_warning(scene: dict, tmp_path: Path) -> None:
    write_motion_json(tmp_path / "brief.json", np.zeros((25, N_CHANNELS)))
    write_motion_json(tmp_path / "long.json", np.zeros((900, N_CHANNELS)))
    scene["cast"][0]["motion"] = {"eyes": "brief.json", "brows": "brief.json"}
    scene["script"][2]["motion"] = {"head": "long.json"}
    report = check_scene(write(scene, tmp_path))
    assert report.problems == ()
    first, second = (str(w) for w in report.warnings)
    assert "ANNA: brief.json lasts 1.0 s and the scene about" in first
    assert first.endswith("then the voice moves brows and eyes again.")
    assert "script line 3 (ANNA): long.json lasts 36.0 s and the line about 3.0 s; the rest of it is left" in second


def test_an_edited_file_is_read_anew(scene: dict, tmp_path: Path) -> None:
    scene["cast"][0]["motion"] = {"eyes": "take.json"}
    path = write(scene, tmp_path)
    assert check_scene(path).problems == ()
    values = np.zeros((150, N_CHANNELS))
    values[3, INDEX["eyeBlinkLeft"]] = 4
    write_motion_json(tmp_path / "take.json", values)
    assert "frame 3: eyeBlinkLeft is 4" in str(check_scene(path).problems[0])
