"""The lips page without a browser: spans as a browser sends them, what they make of a scene, and the page itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generation.core.clock import samples_from_frames
from generation.core.motion import INDEX, MotionTrack
from generation.core.performance import CharacterPerformance, Performance
from studio import launch
from studio.editing import motion_edits
from studio.editing.actions import SetAmount, Span, read_motion_action
from studio.editor.motion_view import Lanes, newest_lanes
from studio.export.motion_curves import motion_curves
from studio.jobs.job import Job, JobStatus
from studio.jobs.queue import jobs, submit
from studio.project.project import Project
from studio.project.projects import Projects
from studio.timeline.timeline import Speaker, build_timeline
from studio.validation.script_check import AverageDurations


@pytest.fixture
def cafe(tmp_path: Path) -> Project:
    return Projects(tmp_path / "projects").create_sample("Café")


def finish(project: Project, job: Job, **more: bytes) -> Job:
    """A finished job to move, as the worker leaves it: lanes of somebody's motion, and what else is named."""
    scene = project.scene
    timeline = build_timeline(scene, [Speaker(None)] * len(scene.cast), AverageDurations(), lambda name: np.zeros(0))
    rng = np.random.default_rng(len(jobs(project)))
    parts = []
    for character in scene.cast:
        values = rng.uniform(0, 0.4, (timeline.n_frames, len(INDEX))).astype(np.float32)
        speech = rng.uniform(-1, 1, samples_from_frames(timeline.n_frames)).astype(np.float32)
        parts.append(CharacterPerformance(character.name, speech, MotionTrack(values)))
    lanes = motion_curves(scene, timeline, Performance(tuple(parts), timeline.n_frames))
    files = {"lanes.json": json.dumps(lanes).encode(), "sound.wav": b"RIFF", **more}
    (job.folder / "out").mkdir()
    for name, data in files.items():
        (job.folder / "out" / name).write_bytes(data)
    (project.folder.parent / ".worker/queue" / job.id).unlink()
    found = {name.split(".")[0]: job.folder / "out" / name for name in files}
    job.write_status("token", JobStatus("done", share=1.0, results=found))
    return job


def moved(project: Project) -> Lanes:
    finish(project, submit(project, "move"))
    lanes = newest_lanes(project)
    assert lanes is not None and lanes.current
    return lanes


def sent_span(project: Project, index: int = 0, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"line": project.line_ids()[index], "start": 0.4, "end": 1.0, "keys": [], **more}


def span(project: Project, index: int = 0, **more: Any) -> Span:  # noqa: ANN401
    return Span.model_validate(sent_span(project, index, **more))


def amount(who: str, field: str, value: float) -> SetAmount:
    return SetAmount(who=who, field=field, value=value)


def test_a_span_becomes_an_edit_and_a_job(cafe: Project) -> None:
    lanes = moved(cafe)
    keys = [{"at": 0.6, "channel": "jawOpen", "value": 0.8}]
    told = motion_edits.new_retake(cafe, lanes, span(cafe, keys=keys))
    assert told == {"line": cafe.line_ids()[0], "take": 1, "before": []}
    (made,) = Project(cafe.folder).scene.script[0].retakes
    assert (made.start, made.end, made.take, made.keys[0].value) == (0.4, 1.0, 1, 0.8)
    assert cafe.undoable == "Lips of line 1"
    assert not newest_lanes(cafe).current, "what is shown is from before"
    submit(cafe, "move", **told)
    cafe.undo()
    assert newest_lanes(cafe).current and not cafe.scene.script[0].retakes
    again = motion_edits.new_retake(cafe, lanes, span(cafe))
    assert again["take"] == 2, "after undo it is other motion, not the same once more"


def test_what_was_made_again_is_compared_and_taken_back(cafe: Project) -> None:
    lanes = moved(cafe)
    assert motion_edits.compared(cafe) is None
    told = motion_edits.new_retake(cafe, lanes, span(cafe, 2))
    changes = [{"who": "June", "what": "motion", "start": 9.0, "end": 9.4}]
    job = submit(cafe, "move", **told)
    assert motion_edits.compared(cafe) is None, "not done yet"
    finish(cafe, job, **{"before.mp4": b"1", "after.mp4": b"2", "changes.json": json.dumps(changes).encode()})
    made = motion_edits.compared(cafe)
    assert made.title == "June, line 3, 0.40 to 1.00 s" and made.after.read_bytes() == b"2"
    assert made.sentence.startswith("In the film June from 9.00 to 9.40 s moves in another way, nobody else.")
    motion_edits.taken_back(cafe, made.job)
    assert cafe.scene.script[2].retakes == () and motion_edits.compared(cafe) is None
    assert newest_lanes(cafe).job.id == lanes.job.id, "the lanes of before are shown at once"


def test_stills_hold_for_the_amounts_that_they_were_made_with(cafe: Project) -> None:
    cafe.edit(motion_edits.with_amount(cafe.scene, amount("Theo", "mouth", 0.5)), "Theo's mouth")
    finish(cafe, submit(cafe, "move", who="Theo"), **{"stills.jpg": b"jpg"})
    assert motion_edits.stills(cafe, 1).read_bytes() == b"jpg" and motion_edits.stills(cafe, 0) is None
    assert newest_lanes(cafe).current
    cafe.edit(motion_edits.with_amount(cafe.scene, amount("Theo", "mouth", 0.6)), "Theo's mouth")
    assert motion_edits.stills(cafe, 1) is None and newest_lanes(cafe).current, "amounts change no motion"


@pytest.mark.parametrize(
    "sent",
    [
        "abc",
        {"line": "nobody", "start": 0.4, "end": 1.0, "keys": []},
        {"start": "0.4"},
        {"start": float("nan")},
        {"end": 1e9},
        {"end": None},
        {"keys": "jawOpen"},
        {"keys": [{"at": 0.5, "channel": "tongueOut", "value": 1}]},
        {"keys": [{"at": 0.5, "channel": ["jawOpen"], "value": 1}]},
        {"keys": [{"at": 0.5, "channel": "jawOpen", "value": float("inf")}]},
        {"keys": [{"at": 0.5, "channel": "jawOpen", "value": 0.5}] * 100},
    ],
)
def test_what_a_browser_sends_is_not_trusted(cafe: Project, sent: Any) -> None:  # noqa: ANN401
    lanes = moved(cafe)
    message = {"kind": "again", "span": {**sent_span(cafe), **sent} if isinstance(sent, dict) else sent}
    with pytest.raises(ValueError):
        motion_edits.require_line(cafe, lanes, read_motion_action(message).span)


def test_amounts_of_nobody_are_refused(cafe: Project) -> None:
    with pytest.raises(ValueError, match="page Cast"):
        motion_edits.with_amount(cafe.scene, amount("Eve", "mouth", 1))


def test_blinks_and_attitude_are_those_of_one_and_bounded(cafe: Project) -> None:
    changed = motion_edits.with_listening(cafe.scene, "Theo", 12, "positive")
    theo = cafe.scene.find("Theo")
    assert theo is not None
    assert (changed.cast[theo].blinks, changed.cast[theo].attitude) == (12, "positive")
    others = [n for n in range(len(changed.cast)) if n != theo]
    assert all(changed.cast[n] == cafe.scene.cast[n] for n in others)
    assert motion_edits.with_listening(changed, "Theo", None, "neutral") == cafe.scene
    for bad in (("Eve", 12, "positive"), ("Theo", 61, "positive"), ("Theo", 12, "rapt")):
        with pytest.raises(ValueError):
            motion_edits.with_listening(cafe.scene, *bad)


def test_the_widget_is_told_lines_amounts_and_what_was_made_again(cafe: Project) -> None:
    lanes = moved(cafe)
    motion_edits.new_retake(cafe, lanes, span(cafe))
    script = list(cafe.scene.script)
    script[1] = script[1].model_copy(update={"text": "Other words."})
    cafe.edit(cafe.scene.model_copy(update={"script": tuple(script)}), "Words")
    data = motion_edits.widget_data(cafe, lanes, 0.0, None)
    assert [person["name"] for person in data["people"]] == ["Nora", "Theo", "June"]
    assert data["people"][1]["colour"] == "#2f6f73" and data["people"][1]["amounts"]["head"] == 1.0
    assert [line["editable"] for line in data["lines"]] == [True, False, True, True, True]
    assert [done["start"] for done in data["lines"][0]["retakes"]] == [0.4]
    assert data["curves"]["turn"] == {"channel": "headTurn", "low": -10.0, "high": 10.0, "reach": 10, "amount": "head"}
    json.dumps(data)


def page(project: Project, monkeypatch: pytest.MonkeyPatch):  # noqa: ANN202
    from streamlit.testing.v1 import AppTest

    from studio.jobs import supervisor

    monkeypatch.setattr(supervisor, "COMMAND", (sys.executable, "-c", "pass"))  # no model in these tests
    monkeypatch.setenv(launch.ROOT_VARIABLE, str(project.folder.parent))
    code = "import streamlit as st\nfrom studio import app\nfrom studio.views import motion\n"
    test = AppTest.from_string(f"{code}st.session_state['pages'] = {{}}\napp._with_project(motion.show)",
                               default_timeout=120)  # fmt: skip
    test.query_params["project"] = project.name
    return test


def shown(test) -> str:  # noqa: ANN001
    parts = [item.value for kind in ("markdown", "caption", "warning") for item in getattr(test, kind)]
    return " ".join([*parts, *(str(item.proto.body) for item in test.get("html"))])


def test_the_page_makes_the_motion_by_itself_once(cafe: Project, monkeypatch) -> None:
    test = page(cafe, monkeypatch).run()
    assert not test.exception and "Motion is being made" in shown(test)
    assert [(job.kind, job.options) for job in jobs(cafe)] == [("move", {})]
    test.run()
    assert len(jobs(cafe)) == 1 and not [b for b in test.button if b.label == "Show how everybody moves"]
    jobs(cafe)[0].cancel()
    test.run()
    assert len(jobs(cafe)) == 1 and "Nothing has moved yet" in shown(test), "what was stopped is not begun again"
    next(button for button in test.button if button.label == "Show how everybody moves").click().run()
    assert len(jobs(cafe)) == 2


def test_lanes_of_another_script_are_brought_up_to_date_when_nothing_else_is_waited_for(cafe: Project) -> None:
    moved(cafe)
    assert not motion_edits.should_make_motion(cafe), "they are current"
    script = list(cafe.scene.script)
    script[1] = script[1].model_copy(update={"text": "Other words."})
    cafe.edit(cafe.scene.model_copy(update={"script": tuple(script)}), "Words")
    assert motion_edits.should_make_motion(cafe)
    cafe.edit(motion_edits.with_amount(cafe.scene, amount("Theo", "mouth", 0.5)), "Theo's mouth")
    film = submit(cafe, "render", steps=1)
    assert not motion_edits.should_make_motion(cafe), "the film is waited for"
    film.cancel()
    assert motion_edits.should_make_motion(cafe)


def test_numbers_are_as_good_as_dragging(cafe: Project, monkeypatch) -> None:
    moved(cafe)
    test = page(cafe, monkeypatch).run()
    assert not test.exception, test.exception
    next(box for box in test.selectbox if box.label == "Line").set_value(cafe.line_ids()[2]).run()
    for label, value in (("From (s)", 0.6), ("To (s)", 1.2)):
        next(field for field in test.number_input if field.label == label).set_value(value)
    next(button for button in test.button if button.label == "Make this span again").click().run()
    assert not test.exception, test.exception
    (made,) = Project(cafe.folder).scene.script[2].retakes
    assert (made.start, made.end) == (0.6, 1.2)
    assert jobs(cafe)[0].options == {"line": cafe.line_ids()[2], "take": 1, "before": []}


def test_a_span_that_cannot_be_is_one_sentence(cafe: Project, monkeypatch) -> None:
    moved(cafe)
    test = page(cafe, monkeypatch).run()
    next(field for field in test.number_input if field.label == "To (s)").set_value(0.08)
    next(button for button in test.button if button.label == "Make this span again").click().run()
    assert "is too short; let it last at least 0.2 s" in shown(test)
    assert len(jobs(cafe)) == 1 and not Project(cafe.folder).scene.script[0].retakes


def test_keeping_and_taking_back_on_the_page(cafe: Project, monkeypatch) -> None:
    lanes = moved(cafe)
    job = submit(cafe, "move", **motion_edits.new_retake(cafe, lanes, span(cafe)))
    finish(cafe, job, **{"before.mp4": b"1", "after.mp4": b"2", "changes.json": b"[]"})
    test = page(cafe, monkeypatch).run()
    assert not test.exception, test.exception
    assert "Theo, line 1, 0.40 to 1.00 s" in shown(test)
    next(button for button in test.button if button.label == "Back to before").click().run()
    assert not Project(cafe.folder).scene.script[0].retakes
    assert "Theo, line 1, 0.40" not in shown(test)
