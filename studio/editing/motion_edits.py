"""What the lips page shows and does: lanes with the script's lines, a span made again beside what it was, stills"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.motion.keyframes import HANDLES
from studio.core.storage import read_json
from studio.editing import cast_edits
from studio.editor.motion_view import Lanes, frozen_scene, moves_alike, within
from studio.editor.picture_view import ink_on
from studio.export.motion_curves import CURVES
from studio.jobs.job import Job
from studio.jobs.queue import jobs
from studio.jobs.supervisor import worker_state
from studio.project.project import Project
from studio.scene.retakes import with_retake, with_retakes
from studio.scene.schema import Keyframe, Retake, Scene

WINDOW = 40.0
"""Most seconds that are shown at once."""
AMOUNTS = ("mouth", "head", "blink")
_HEAD = (-10.0, 10.0, "head")
_SHOWN = {"mouth": (0.0, 0.7, "mouth"), "blink": (0.0, 1.0, "blink"), "turn": _HEAD, "nod": _HEAD, "tilt": _HEAD}
"""Lowest and highest value that a lane has room for, less than a key may have, and the amount that scales it."""
_MOST_KEYS = 60


def widget_data(project: Project, lanes: Lanes, start: float, span: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the widget is to show, but for the sound's address and whether something is being made.

    Args:
        project: whose script and amounts.
        lanes: what was made.
        start: seconds at which the window begins.
        span: what is chosen, as :func:`read_span` gives it.
    """
    scene = project.scene
    known = dict(zip(project.line_ids(), scene.script, strict=True))
    names = [character.name for character in scene.cast]
    data = within(lanes.data, names, start, WINDOW)
    for person in data["people"]:
        index = names.index(person["name"])
        colour = scene.colour_of(index)
        amounts = {field: getattr(scene.cast[index], field) for field in AMOUNTS}
        person |= {"colour": colour, "ink": ink_on(colour), "amounts": amounts}
    lines = []
    for line in data["lines"]:
        written = known.get(line["id"])
        retakes = [] if written is None else [retake.model_dump(mode="json") for retake in written.retakes]
        text = "" if written is None else written.text
        lines.append({**line, "text": text, "retakes": retakes, "editable": written is not None})
    curves = {}
    for name, channel in CURVES.items():
        held = HANDLES[channel]
        low, high, amount = _SHOWN[name]
        curves[name] = {"channel": channel, "low": low, "high": high, "reach": held.reach, "amount": amount}
    return {**data, "lines": lines, "curves": curves, "span": span}


def read_span(project: Project, lanes: Lanes, data: object) -> dict[str, Any] | None:
    """A span as a browser sends it: ``line`` (its id), ``start`` and ``end`` in seconds of the line, ``keys``.

    Raises:
        ValueError: it is none, or of a line that is no longer there.
    """
    if data is None:
        return None
    if not isinstance(data, Mapping) or not isinstance(data.get("keys"), list) or len(data["keys"]) > _MOST_KEYS:
        raise ValueError("This span cannot be read; choose it again.")
    line = lanes.line(str(data.get("line")))
    if line is None or line["id"] not in project.line_ids():
        raise ValueError("This line is no longer in the script; look at the script again.")
    keys = []
    for key in data["keys"]:
        if not isinstance(key, Mapping) or str(key.get("channel")) not in HANDLES:
            raise ValueError("A key of this span cannot be read; set it again.")
        keys.append({"at": _number(key.get("at")), "channel": key["channel"], "value": _number(key.get("value"))})
    return {"line": line["id"], "start": _number(data.get("start")), "end": _number(data.get("end")), "keys": keys}


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e4:
        raise ValueError("A number of this span is missing or far too large; correct it.")
    return round(float(value), 3)


def due(project: Project) -> bool:
    """Whether everybody's motion should be made unasked: nothing else is waited for, and it was not tried before."""
    if worker_state(project.folder.parent) == "busy":
        return False
    known = jobs(project)
    tried = (job.kind == "move" and moves_alike(frozen_scene(job), project.scene) for job in known)
    return all(job.status().ended for job in known) and not any(tried)


def made_again(project: Project, lanes: Lanes, span: Mapping[str, Any]) -> dict[str, Any]:
    """Edit the scene so that a span is made again.

    Args:
        project: whose scene.
        lanes: what the span was chosen in.
        span: as :func:`read_span` gives it.

    Returns:
        What the job that makes it is to be told.

    Raises:
        ValueError: it cannot be made again; one sentence.
    """
    project.reload_if_changed()
    if span["line"] not in project.line_ids():
        raise ValueError("This line is no longer in the script; look at the script again.")
    index = project.line_ids().index(span["line"])
    line = lanes.line(span["line"])
    assert line is not None
    former = project.scene.script[index].retakes
    tried = [int(job.options.get("take", 0)) for job in jobs(project) if job.options.get("line") == span["line"]]
    take = max([0, *tried, *(retake.take for retake in former)]) + 1
    keys = [Keyframe.model_validate(key) for key in span["keys"]]
    length = line["end"] - line["start"]
    scene = with_retake(project.scene, index, span["start"], span["end"], keys, length, take)
    project.edit(scene, f"Lips of line {index + 1}")
    return {"line": span["line"], "take": take, "before": [retake.model_dump(mode="json") for retake in former]}


def with_amount(scene: Scene, who: object, field: object, value: object) -> Scene:
    """The scene with another amount of somebody's mouth, head or blinks.

    Raises:
        ValueError: nobody is called so, or no such amount.
    """
    index = scene.find(str(who))
    if index is None or field not in AMOUNTS:
        raise ValueError("That cannot be changed here; look at the page Cast.")
    if not isinstance(value, int | float) or not 0 <= value <= 1.5:
        raise ValueError(f"The {field} should be between 0 and 150 %.")
    return cast_edits.changed(scene, index, **{str(field): round(float(value), 2)})


@dataclass(frozen=True)
class Compared:
    """A span that was made again, beside what it was.

    Attributes:
        job: which made it.
        title: whose, and where.
        before: the line as it was, a video.
        after: the line as it is now.
        sentence: what has changed, and what has not.
    """

    job: Job
    title: str
    before: Path
    after: Path
    sentence: str


def compared(project: Project) -> Compared | None:
    """What was made again last, if the scene is still the one it was made for."""
    for job in jobs(project):
        if job.kind != "move" or "take" not in job.options:
            continue
        results = job.status().results
        if not {"before", "after", "changes"} <= results.keys() or not moves_alike(frozen_scene(job), project.scene):
            return None
        ids = project.line_ids()
        index = ids.index(job.options["line"])
        line = project.scene.script[index]
        span = next((retake for retake in line.retakes if retake.take == job.options.get("take")), None)
        where = "" if span is None else f", {span.start:.2f} to {span.end:.2f} s"
        title = f"{line.who}, line {index + 1}{where}"
        return Compared(job, title, results["before"], results["after"], _change(read_json(results["changes"]) or []))
    return None


def _change(found: list[dict[str, Any]]) -> str:
    """What differs, in one or two sentences."""
    moved: dict[str, list[float]] = {}
    for item in found:
        if item["what"] == "motion":
            moved.setdefault(item["who"], []).extend((item["start"], item["end"]))
    parts = [f"{who} from {min(times):.2f} to {max(times):.2f} s" for who, times in moved.items()]
    sound = sorted({item["who"] for item in found if item["what"] == "sound"})
    said = f"The sound of {' and '.join(sound)} changed." if sound else "The sound is the same to the last sample."
    if not parts:
        return f"Nothing moves in another way. {said}"
    return f"In the film {' and '.join(parts)} moves in another way, nobody else. {said}"


def taken_back(project: Project, job: Job) -> None:
    """Give a line the retakes that it had before a job; an edit.

    Raises:
        ValueError: the line is no longer in the script.
    """
    project.reload_if_changed()
    ids = project.line_ids()
    if job.options["line"] not in ids:
        raise ValueError("This line is no longer in the script; look at the script again.")
    index = ids.index(job.options["line"])
    former = [Retake.model_validate(data) for data in job.options["before"]]
    project.edit(with_retakes(project.scene, index, former), f"Lips of line {index + 1} as before")


def stills(project: Project, index: int) -> Path | None:
    """The newest stills of somebody, if they were made with the amounts that hold now."""
    member = project.scene.cast[index]
    for job in jobs(project):
        if job.kind == "move" and job.options.get("who") == member.name:
            path, then = job.status().results.get("stills"), frozen_scene(job)
            at = then.find(member.name)
            alike = at is not None and all(getattr(then.cast[at], f) == getattr(member, f) for f in AMOUNTS)
            return path if alike and path is not None and path.is_file() else None
    return None
