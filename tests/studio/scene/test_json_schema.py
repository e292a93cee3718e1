"""The JSON schema of scene files: it takes what the reader takes and refuses the unknown keys that it refuses."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from studio import cli
from studio.core.problems import DocumentError
from studio.scene.document import checked_scene
from studio.scene.json_schema import scene_schema

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = Draft202012Validator(scene_schema())
RETAKE = {"start": 0, "end": 1, "keys": [{"at": 0.5, "channel": "jawOpen", "value": 0.2}]}
SCENE: dict[str, Any] = {
    "version": 2,
    "picture": "tea room.png",
    "consent": "agreed",
    "statement": "Anna, by letter",
    "lexicon": {"Loughor": "lˈʌxɚ"},
    "label": False,
    "cast": [
        {"name": "ANNA", "colour": "#102030", "region": [10, 20, 110.5, 220], "voice": "heart", "styles": {"calm": 1}},
        {"name": "BOB", "region": [[0, 0], [50, 0], [50, 80]], "voice": {"clip": "bob.wav", "consent": "me"}},
        {"name": "CARL", "mask": "carl.png", "regions": [{"from": 1, "to": 2.5, "region": [0, 0, 9, 9]}]},
        {"name": "DORA", "eyes_and_mouth": [[1, 2], [3, 2], [2, 4]], "role": "silent"},
    ],
    "script": [
        "ANNA (pause 0.5): Hello.",
        {"BOB (pause 0.5, speed 1.1)": "Good morning."},
        {"who": ["ANNA", "BOB"], "face": "CARL", "text": "Both.", "overlap": 0.25, "retakes": [RETAKE]},
        {"who": "CARL", "recording": "carl.wav", "channel": "left", "text": None},
    ],
}
LEVELS: list[tuple[str | int, ...]] = [
    (), ("cast", 1), ("cast", 1, "voice"), ("cast", 2, "regions", 0), ("script", 2), ("script", 3),
    ("script", 2, "retakes", 0), ("script", 2, "retakes", 0, "keys", 0),
]  # fmt: skip


def refused(scene: dict[str, Any]) -> bool:
    """Whether the schema refuses it."""
    return not SCHEMA.is_valid(json.loads(json.dumps(scene)))


def test_every_form_that_is_read_is_in_the_schema() -> None:
    Draft202012Validator.check_schema(scene_schema())
    screenplay = {**SCENE, "script": "ANNA: Hello.\n(pause 1)\nBOB: You."}
    samples = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((ROOT / "assets/scenes").glob("*/*.yaml"))]
    scenes = [SCENE, screenplay, *(sample for sample in samples if "cast" in sample)]
    assert len(scenes) == 4
    for scene in scenes:
        checked_scene(scene)
        SCHEMA.validate(scene)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: ".".join(map(str, level)) or "scene")
def test_an_unknown_key_is_refused_by_both(level: tuple[str | int, ...]) -> None:
    scene = copy.deepcopy(SCENE)
    item: Any = scene
    for part in level:
        item = item[part]
    item["colr"] = "#ffffff"
    with pytest.raises(DocumentError, match="unknown key 'colr'"):
        checked_scene(scene)
    assert refused(scene)


@pytest.mark.parametrize(
    "change",
    [
        {"cast": None}, {"picture": 3}, {"seed": -1}, {"script": [{"text": "Nobody."}]},
        {"script": [["ANNA", "Hello"]]},
        {"cast": [{"name": "ANNA", "region": "left"}]}, {"cast": [{"name": "ANNA", "region": [1, 2, 3]}]},
        {"cast": [{"name": "ANNA", "mouth": 2}]}, {"consent": "yes"},
    ],
    ids=str,
)  # fmt: skip
def test_values_of_another_kind_are_refused(change: dict[str, Any]) -> None:
    assert refused({**SCENE, **change})


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == scene_schema()
    assert cli.main(["schema", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == scene_schema()
