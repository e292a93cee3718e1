"""Any document at all: the check answers in sentences, whatever stands in the scene (property-based)."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from refusals import INSIDES
from scene_fixtures import two_faces

from studio.scene.document import MOST_PROBLEMS
from studio.validation.scene_check import check_scene

KEYS = (
    "picture", "consent", "statement", "rig", "title", "cast", "script", "lexicon", "seed", "label", "version", "name",
    "colour", "role", "region", "regions", "mask", "rig_face", "voice", "preset", "clip", "language", "styles", "mouth",
    "manners", "who", "face", "text", "recording", "channel", "pause", "overlap", "start", "end", "from", "to", "speed",
    "take", "looks", "retakes", "keys", "at", "value", "note", "ANNA", "BOB (pause 1)",
)  # fmt: skip
WORDS = st.sampled_from(
    ["", " ", "auto", "ANNA", "ANNA + BOB", "ANNA: Hello.", "two.png", "hello.wav", "gone.png", "nan", "-inf", "1e999",
     "drawn", "agreed", "narrator", "silent", "viewer", "Alice", "{a|b}", "{", "[laughs]", "$5", "9" * 5000, "a\0b",
     "\ud800", "\u202e", "../x", "/etc/passwd", "x" * 300, "²"],
)  # fmt: skip
TEXTS = WORDS | st.text(max_size=40) | st.text(st.characters(), max_size=12)
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 2**31, 10**400, 0.5, 1e308])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | TEXTS, inner, max_size=4),
    max_leaves=12,
)
CHANGES = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(KEYS), VALUES, st.booleans()), min_size=1, max_size=4
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scene")


@pytest.fixture(scope="module")
def sound(folder: Path) -> dict:
    scene = two_faces(folder)
    scene["cast"][0] |= {"region": [0, 0, 250, 256], "regions": [{"from": 1, "to": 2, "region": [0, 0, 250, 256]}]}
    scene["script"][0]["retakes"] = [
        {"start": 0.1, "end": 0.4, "keys": [{"at": 0.2, "channel": "jawOpen", "value": 0}]}
    ]
    return scene


def items(data: Any) -> list[dict | list]:
    """The scene and every list and mapping in it, in a fixed order."""
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return [data, *(item for value in inner for item in items(value))] if isinstance(data, dict | list) else []


def changed(scene: dict, changes: list[tuple[int, str, Any, bool]]) -> dict:
    """The scene with some values set, at places that numbers choose; a new key, or one that is there."""
    scene = copy.deepcopy(scene)
    for number, key, value, new in changes:
        holders = [item for item in items(scene) if item]
        if not holders:
            break
        holder = holders[number % len(holders)]
        if isinstance(holder, list):
            holder[number % len(holder)] = value
        else:
            holder[key if new else list(holder)[number % len(holder)]] = value
    return scene


def check_any(scene: Any, folder: Path) -> None:
    path = folder / "scene.json"
    path.write_text(json.dumps(scene), encoding="utf-8")
    report = check_scene(path)
    for problem in report.problems:
        sentence = str(problem)
        assert sentence.isprintable() and len(sentence) < 1000, ascii(sentence)
        assert not [word for word in INSIDES if word in sentence], sentence
    assert len(report.problems) <= 2 * MOST_PROBLEMS + 1
    assert report.scene is not None or report.problems


EXAMPLES = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}


@given(CHANGES)
@settings(max_examples=100, phases=(Phase.generate,), **EXAMPLES)
def test_a_hundred_changed_scenes(sound: dict, folder: Path, changes: list) -> None:
    check_any(changed(sound, changes), folder)


@pytest.mark.slow
@given(st.one_of(CHANGES.map(lambda changes: ("changed", changes)), VALUES.map(lambda value: ("other", value))))
@settings(max_examples=2000, **EXAMPLES)
def test_two_thousand_documents(sound: dict, folder: Path, made: tuple[str, Any]) -> None:
    kind, value = made
    check_any(changed(sound, value) if kind == "changed" else value, folder)
