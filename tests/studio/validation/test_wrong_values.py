"""Every key of a scene with values of the wrong kind: one sentence that names the key, whatever stands there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from refusals import refused
from scene_fixtures import two_faces

HUGE = "9" * 5000
NUMBERS = {
    "mouth": ("cast", 0, "mouth"),
    "head": ("cast", 0, "head"),
    "blink": ("cast", 1, "blink"),
    "from": ("cast", 0, "regions", 0, "from"),
    "to": ("cast", 0, "regions", 0, "to"),
    "pause": ("script", 1, "pause"),
    "overlap": ("script", 0, "overlap"),
    "speed": ("script", 1, "speed"),
    "take": ("script", 1, "take"),
    "at": ("script", 0, "retakes", 0, "keys", 0, "at"),
    "seed": ("seed",),
}
"""Keys that take a number, and where they stand."""
NO_NUMBERS: dict[str, Any] = {
    "words": "much",
    "text that is nearly one": "²",
    "not a number": "nan",
    "infinite": "1e999",
    "thousands of digits": HUGE,
    "digits of JSON": int("7" * 300),
    "negative": -1,
    "a list": [1],
    "a mapping": {"much": 1},
}
TEXTS = {
    "title": ("title",),
    "picture": ("picture",),
    "rig": ("rig",),
    "statement": ("statement",),
    "colour": ("cast", 0, "colour"),
    "mask": ("cast", 0, "mask"),
    "rig_face": ("cast", 0, "rig_face"),
    "language": ("cast", 1, "language"),
    "role": ("cast", 0, "role"),
    "preset": ("cast", 1, "voice", "preset"),
    "looks": ("script", 1, "looks"),
    "face": ("script", 1, "face"),
    "recording": ("script", 2, "recording"),
    "text": ("script", 1, "text"),
    "channel": ("script", 0, "retakes", 0, "keys", 0, "channel"),
}
NO_TEXTS: dict[str, Any] = {
    "a list of numbers": [1, 2],
    "a mapping": {"a": "b"},
    "NUL": "a\0b",
    "an escape": "\x1b[31mred",
    "half a character": "a\ud800b",
    "a quarter of a megabyte": "x" * 250_000,
    "true": True,
}
LISTS = {"cast": ("cast",), "script": ("script",), "regions": ("cast", 0, "regions"), "keys": ("script", 0, "retakes")}
NO_LISTS: dict[str, Any] = {
    "a number": 5,
    "true": True,
    "a mapping": {"a": 1},
    "a list of numbers": [5],
    "null": [None],
}


def full_scene(folder: Path) -> dict:
    scene = two_faces(folder)
    scene["cast"][1]["voice"] = {"preset": scene["cast"][1]["voice"]}
    scene["cast"][0]["regions"] = [{"from": 1, "to": 2, "region": [0, 0, 250, 256]}]
    scene["script"][0]["retakes"] = [
        {"start": 0.1, "end": 0.4, "keys": [{"at": 0.2, "channel": "jawOpen", "value": 0}]}
    ]
    return scene


def check_with(value: object, place: tuple[str | int, ...], folder: Path, capsys, key: str) -> None:
    scene = full_scene(folder)
    if key != "recording":  # to listen to one takes most of a check's time
        scene["script"][2] = {"who": "ANNA", "text": "Good bye."}
    node: Any = scene
    for part in place[:-1]:
        node = node[part]
    node.pop("pause", None) if key == "overlap" else None
    node[place[-1]] = value
    (folder / "scene.json").write_text(json.dumps(scene))
    sentence = refused(["check", folder / "scene.json"], capsys, "scene.json")
    item = {"cast": "character", "script": "script line"}.get(str(place[0]), key)
    assert key in sentence or item in sentence, sentence


@pytest.mark.parametrize("kind", NO_NUMBERS)
@pytest.mark.parametrize("key", NUMBERS)
def test_numbers(key: str, kind: str, tmp_path: Path, capsys) -> None:
    check_with(NO_NUMBERS[kind], NUMBERS[key], tmp_path, capsys, key)


@pytest.mark.parametrize("kind", NO_TEXTS)
@pytest.mark.parametrize("key", TEXTS)
def test_texts(key: str, kind: str, tmp_path: Path, capsys) -> None:
    check_with(NO_TEXTS[kind], TEXTS[key], tmp_path, capsys, key)


@pytest.mark.parametrize("kind", NO_LISTS)
@pytest.mark.parametrize("key", LISTS)
def test_lists(key: str, kind: str, tmp_path: Path, capsys) -> None:
    check_with(NO_LISTS[kind], LISTS[key], tmp_path, capsys, key)
