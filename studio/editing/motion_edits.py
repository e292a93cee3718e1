"""Retakes and amounts of motion: what the Lips page shows, and the edits made there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.motion.keyframes import HANDLES
from studio.acting.marks import Keyframe, Retake
from studio.core.storage import read_json
from studio.editing import cast_edits
from studio.editing.actions import SetAmount, Span
from studio.editor.motion_view import Lanes, same_performance, within
from studio.editor.picture_view import ink_on
from studio.export.motion_curves import CURVES
from studio.jobs.job import Job
from studio.jobs.queue import frozen_scene, jobs
from studio.jobs.supervisor import worker_state
from studio.project.project import Project
from studio.scene.retakes import LINE_GONE, with_retake, with_retakes
from studio.scene.schema import Scene

WINDOW = 40.0
"""Most seconds that are shown at once."""
AMOUNTS = ("mouth", "head", "blink", "expression")
_HEAD = (-10.0, 10.0, "head")
_SHOWN = {"mouth": (0.0, 0.7, "mouth"), "blink": (0.0, 1.0, "blink"), "turn": _HEAD, "nod": _HEAD, "tilt": _HEAD}
"""Lowest and highest value that a lane has room for, less than a key may have, and the amount that scales it."""


def widget_data(project: Project, lanes: Lanes, start: float, span: Span | None) -> dict[str, Any]:
    """What the widget is to show, but for the sound's address and whether something is being made.

    Args:
        project: whose script and amounts.
        lanes: what was made.
        start: seconds at which the window begins.
        span: what is chosen.
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
    return {**data, "lines": lines, "curves": curves, "span": None if span is None else span.as_data()}


def require_line(project: Project, lanes: Lanes, span: Span) -> Span:
    """The span, if its line is in the script and in what is shown.

    Raises:
        ValueError: it is not.
    """
    if lanes.line(span.line) is None or span.line not in project.line_ids():
        raise ValueError(LINE_GONE)
    return span


def should_make_motion(project: Project) -> bool:
    """Whether everybody's motion should be made unasked: nothing else is waited for, and it was not tried before."""
    if worker_state(project.folder.parent) == "busy":
        return False
    known = jobs(project)
    tried = (job.kind == "move" and same_performance(frozen_scene(job), project.scene) for job in known)
    return all(job.status().ended for job in known) and not any(tried)


def new_retake(project: Project, lanes: Lanes, span: Span) -> dict[str, Any]:
    """Edit the scene so that a span is made again.

    Args:
        project: whose scene.
        lanes: what the span was chosen in.
        span: what is to be made again.

    Returns:
        What the job that makes it is to be told.

    Raises:
        ValueError: it cannot be made again; one sentence.
    """
    project.reload_if_changed()
    index = _index(project, require_line(project, lanes, span).line)
    line = lanes.line(span.line)
    assert line is not None
    former = project.scene.script[index].retakes
    tried = [int(job.options.get("take", 0)) for job in jobs(project) if job.options.get("line") == span.line]
    take = max([0, *tried, *(retake.take for retake in former)]) + 1
    keys = [Keyframe(at=key.at, channel=key.channel, value=key.value) for key in span.keys]
    length = line["end"] - line["start"]
    scene = with_retake(project.scene, index, span.start, span.end, keys, length, take)
    project.edit(scene, f"Lips of line {index + 1}")
    return {"line": span.line, "take": take, "before": [retake.model_dump(mode="json") for retake in former]}


def with_amount(scene: Scene, action: SetAmount) -> Scene:
    """The scene with another amount of somebody's mouth, head, blinks or expression.

    Raises:
        ValueError: nobody is called so.
    """
    index = scene.find(action.who)
    if index is None:
        raise ValueError(SetAmount.refused)
    return cast_edits.changed(scene, index, **{action.field: round(action.value, 2)})


def with_listening(scene: Scene, who: str, blinks: float | None, attitude: str) -> Scene:
    """The scene with other blinks a minute of somebody, None = as they speak, and another attitude as a listener.

    Raises:
        ValueError: nobody is called so, or a value that cannot be.
    """
    index = scene.find(who)
    if index is None:
        raise ValueError(SetAmount.refused)
    return cast_edits.changed(scene, index, blinks=blinks, attitude=attitude)


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
        if not {"before", "after", "changes"} <= results.keys():
            return None
        if not same_performance(frozen_scene(job), project.scene):
            return None
        ids = project.line_ids()
        index = ids.index(job.options["line"])
        line = project.scene.script[index]
        span = next((retake for retake in line.retakes if retake.take == job.options.get("take")), None)
        where = "" if span is None else f", {span.start:.2f} to {span.end:.2f} s"
        title = f"{line.speaker_label}, line {index + 1}{where}"
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
    index = _index(project, job.options["line"])
    former = [Retake.model_validate(data) for data in job.options["before"]]
    project.edit(with_retakes(project.scene, index, former), f"Lips of line {index + 1} as before")


def _index(project: Project, line_id: str) -> int:
    if line_id not in (ids := project.line_ids()):
        raise ValueError(LINE_GONE)
    return ids.index(line_id)


def stills(project: Project, index: int) -> Path | None:
    """The newest stills of somebody, if they were made with the amounts that hold now."""
    member = project.scene.cast[index]
    for job in jobs(project):
        if job.kind == "move" and job.options.get("who") == member.name:
            path, then = job.status().results.get("stills"), frozen_scene(job)
            at = None if then is None else then.find(member.name)
            if then is None or at is None or any(getattr(then.cast[at], f) != getattr(member, f) for f in AMOUNTS):
                return None
            return path if path is not None and path.is_file() else None
    return None
