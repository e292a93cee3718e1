"""Messages of the browser's widgets: each action is read as it is sent, and what is none is refused in one sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import studio.widgets
from studio.editing import script_edits
from studio.editing.actions import (
    LineAction,
    MotionAction,
    PictureAction,
    read_line_action,
    read_motion_action,
    read_picture_action,
)
from studio.scene.schema import Scene

ROW = {"index": 1, "line": "THEO-1", "n": 1_700_000_000_000}
SPAN = {"line": "THEO-1", "start": 0.4, "end": 1, "keys": [{"at": 0.6, "channel": "jawOpen", "value": 0.8}]}
LINE = [
    {**ROW, "kind": "text", "text": "Other words."},
    {**ROW, "kind": "sound", "word": "Siobhan", "sound": "shi-VAWN"},
    {**ROW, "kind": "replace", "word": "Tuesday", "to": "Thursday"},
    {**ROW, "kind": "who", "value": ["Nora", "Theo"]},
    {**ROW, "kind": "language", "value": "es"},
    {**ROW, "kind": "face", "value": ["Theo"]},
    {**ROW, "kind": "speed", "value": 1.5},
    {**ROW, "kind": "styles", "value": "whisper 0.8 + weary"},
    {**ROW, "kind": "direction", "value": "nods, then looks at Nora"},
    {**ROW, "kind": "pause", "value": 2, "text": "typed before"},
    {**ROW, "kind": "overlap", "value": 0.25},
    {**ROW, "kind": "start", "value": 3.5},
    {**ROW, "kind": "add"},
    {**ROW, "kind": "remove"},
    {**ROW, "kind": "move", "by": -1},
    {**ROW, "kind": "hear", "pair": True},
    {**ROW, "kind": "take"},
    {**ROW, "kind": "keep_take", "take": "0"},
    {**ROW, "kind": "play_take", "take": "1"},
    {**ROW, "kind": "compare_takes"},
]
PICTURE = [
    {"kind": "claim", "face": 0, "n": 1},
    {"kind": "select", "character": 2, "n": 1},
    {"kind": "stroke", "points": [[1, 2.5], [3, 4]], "radius": 5.5, "erase": False, "n": 1},
    {"kind": "box", "box": [1, 2, 30.5, 40], "n": 1},
    {"kind": "points", "points": {"mouth_left": [1, 2]}, "n": 1},
]
MOTION = [
    {"kind": "span", "span": SPAN, "n": 1},
    {"kind": "span", "span": None, "n": 1},
    {"kind": "again", "span": SPAN, "n": 1},
    {"kind": "amount", "who": "Theo", "field": "mouth", "value": 0.5, "n": 1},
]
FAMILIES = [
    (read_line_action, LINE, LineAction, ["lines.js"]),
    (read_picture_action, PICTURE, PictureAction, ["picture.js"]),
    (read_motion_action, MOTION, MotionAction, ["lanes.js"]),
]
HOSTILE: list[Any] = [
    None, True, -1, 0, 1e9, 10**400, -(10**400), float("nan"), float("inf"), 0.5, "", "1", "x" * 100_000, "<script>",
    "../../etc/passwd", b"1", [], [[]], [1] * 30_000, [float("nan")], [[1, 2]] * 30_000, {}, {"kind": "remove"},
    {"line": "x"}, {1: 2}, object(), ["jawOpen"],
]  # fmt: skip


@pytest.mark.parametrize(("read", "messages", "union", "scripts"), FAMILIES)
def test_every_action_is_read_as_it_is_sent(read: Any, messages: list[dict], union: Any, scripts: list[str]) -> None:  # noqa: ANN401
    for message in messages:
        action = read(json.loads(json.dumps(message)))
        assert action.model_dump(exclude_unset=True, exclude={"span"}) == {
            k: v for k, v in message.items() if k != "span"
        }
        if message.get("span"):
            assert action.span.as_data() == SPAN
        for other, *_ in FAMILIES:
            if other is not read:
                with pytest.raises(ValueError, match="reload it"):
                    other(message)
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(union)}
    assert {message["kind"] for message in messages} == kinds
    source = "".join((Path(studio.widgets.__file__).parent / name).read_text(encoding="utf-8") for name in scripts)
    sent = set(re.findall(r'kind: "(\w+)"', source))
    assert sent <= kinds and kinds - sent <= {"pause", "overlap", "start"}, "the last three come from a choice"


def changed(message: Any) -> Iterator[Any]:  # noqa: ANN401
    """The message with one value of it, wherever it stands, replaced by each hostile one, left out or added."""
    yield from HOSTILE
    if isinstance(message, dict):
        yield {**message, "more": 1}
        for key, value in message.items():
            yield {name: other for name, other in message.items() if name != key}
            yield from ({**message, key: other} for other in changed(value))
    elif isinstance(message, list):
        yield from ([other, *message[1:]] for other in changed(message[0]))


@pytest.mark.parametrize(("read", "messages"), [family[:2] for family in FAMILIES])
def test_what_is_no_action_is_refused_in_one_sentence(read: Any, messages: list[dict]) -> None:  # noqa: ANN401
    scene = Scene.model_validate({
        "picture": "a.png", "cast": [{"name": "Nora", "voice": "Alice"}, {"name": "Theo", "voice": "Arthur"}],
        "script": ["Nora: One.", "Theo: Two.", "Nora: Three."],
    })  # fmt: skip
    read_ones = refused = 0
    for message in messages:
        for sent in changed(message):
            try:
                action = read(sent)
                read_ones += 1
                if read is read_line_action:
                    edited, _ = script_edits.apply_line_action(scene, action)
                    assert Scene.model_validate(edited.model_dump()) == edited, sent
            except ValueError as error:
                refused += 1
                assert re.fullmatch(r"[A-Z][^\n]*[.]", str(error)) and len(str(error)) < 200, (sent, str(error))
    assert read_ones > 5 and refused > 20 * len(messages)


@pytest.mark.parametrize(
    ("read", "message", "sentence"),
    [
        (read_line_action, {**ROW, "kind": "speed", "value": 9}, "The speed should be between 0.5 and 2."),
        (read_line_action, {**ROW, "kind": "pause", "value": float("nan")}, "The pause should be between 0 and 60."),
        (read_line_action, {**ROW, "kind": "start", "value": "1"}, "The start should be between 0 and 360000."),
        (read_motion_action, {**MOTION[3], "value": 7}, "The amount should be between 0 and 1.5."),
        (read_motion_action, {**MOTION[3], "field": "name"}, "look at the page Cast."),
        (read_picture_action, {**PICTURE[2], "points": [[1, True]]}, "draw it again."),
        (read_picture_action, {**PICTURE[0], "face": "0"}, "click again."),
        (read_line_action, {**ROW, "kind": "recording", "value": "/etc/passwd"}, "reload it and try again."),
    ],
)
def test_sentences_say_what_to_do(read: Any, message: dict, sentence: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=re.escape(sentence)):
        read(message)
