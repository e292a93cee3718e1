"""A scene's motion as lanes to be shown: everybody's mouth, lids, head and loudness, the lines, and what changed"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from generation.core.clock import FPS, SAMPLES_PER_FRAME, seconds_from_frames
from generation.core.performance import Performance
from generation.motion.articulation import runs
from generation.motion.keyframes import HANDLES
from studio.core.storage import read_json
from studio.jobs.queue import Job, jobs
from studio.project.project import Project
from studio.scene.document import load_scene
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline, line_names

CURVES = {"mouth": "jawOpen", "blink": "blink", "turn": "headTurn", "nod": "headNod", "tilt": "headTilt"}
"""What a lane shows, and the handle that a key of it takes hold of."""
_LEVELS = 2
"""Values of loudness in each video frame."""


def lanes_of(scene: Scene, timeline: Timeline, performance: Performance) -> dict[str, Any]:
    """Everybody's lanes as plain data, before the amounts of their characters.

    It holds ``seconds``; ``people`` with ``name``, ``mouth`` and ``blink`` (0..1), ``turn``, ``nod`` and ``tilt``
    (degrees), each 25 a second, and ``level`` (loudness 0..1, 50 a second); ``lines`` with ``id``, ``who``, ``start``
    and ``end`` in seconds.
    """
    people = []
    for part in performance.characters:
        curves = {}
        for name, handle in CURVES.items():
            held = HANDLES[handle]
            values = part.motion.values[:, list(held.channels)].mean(1) / held.unit
            curves[name] = np.round(values.astype(np.float64), 3).tolist()
        loud = np.abs(part.speech).reshape(-1, SAMPLES_PER_FRAME // _LEVELS).max(1)
        people.append({"name": part.name, **curves, "level": np.round(loud.astype(np.float64), 3).tolist()})
    ids = line_names(scene, takes=False)
    lines = [
        {"id": name, "who": scene.cast[line.character].name, "start": seconds_from_frames(line.start),
         "end": seconds_from_frames(line.stop)}
        for name, line in zip(ids, timeline.lines, strict=True)
    ]  # fmt: skip
    return {"seconds": timeline.seconds, "people": people, "lines": lines}


def changes(before: Performance, after: Performance) -> list[dict[str, Any]]:
    """Where two performances of a scene differ: ``who``, ``what`` (motion, sound), ``start`` and ``end`` in seconds."""
    found = []
    for old, new in zip(before.characters, after.characters, strict=True):
        sound = (old.speech != new.speech).reshape(-1, SAMPLES_PER_FRAME).any(1)
        for what, differs in (("motion", (old.motion.values != new.motion.values).any(1)), ("sound", sound)):
            for first, stop in runs(differs):
                found.append({"who": new.name, "what": what, "start": first / FPS, "end": stop / FPS})
    return found


@dataclass(frozen=True)
class Lanes:
    """The lanes of one finished job.

    Attributes:
        job: which one.
        data: as :func:`lanes_of` has it.
        sound: the scene's sound; None where the job left none.
        current: whether the project's scene still moves like that.
    """

    job: Job
    data: dict[str, Any]
    sound: Path | None
    current: bool

    def line(self, line_id: str) -> dict[str, Any] | None:
        """The line of that id; None when the script was another."""
        return next((line for line in self.data["lines"] if line["id"] == line_id), None)


def newest_lanes(project: Project) -> Lanes | None:
    """The lanes of the last job whose scene moves as the project's does now; without one, the last job's.

    So what is undone shows its former lanes at once.
    """
    newest = None
    for job in jobs(project):
        status = job.status()
        path = status.results.get("lanes")
        if status.state != "done" or path is None or not path.is_file():
            continue
        now = moves_alike(frozen_scene(job), project.scene)
        if (now or newest is None) and (data := _data(path)):
            sound = status.results.get("sound") or status.results.get("video")
            newest = Lanes(job, data, sound if sound is not None and sound.is_file() else None, now)
        if now:
            break
    return newest


def frozen_scene(job: Job) -> Scene:
    """The scene that a job was handed in with; it never changes."""
    return _read(job.scene_path)


@lru_cache(maxsize=4)
def _data(path: Path) -> dict[str, Any]:
    """What a finished job wrote; it never changes, and is long in a long scene."""
    data = read_json(path)
    return data if isinstance(data, dict) else {}


@lru_cache(maxsize=64)
def _read(path: Path) -> Scene:
    return load_scene(path)[1]


def moves_alike(one: Scene, other: Scene) -> bool:
    """Whether everybody moves and sounds alike in two scenes, amounts aside."""
    return _moving(one) == _moving(other)


def _moving(scene: Scene) -> Scene:
    unseen = {"mouth": 1.0, "head": 1.0, "blink": 1.0, "colour": None}
    cast = tuple(character.model_copy(update=unseen) for character in scene.cast)
    return scene.model_copy(update={"cast": cast, "title": "", "consent": None, "statement": "", "label": True})


def within(data: dict[str, Any], names: Sequence[str], start: float, seconds: float) -> dict[str, Any]:
    """A window of the lanes: the people of those names, the curves and lines from ``start`` on for so many seconds."""
    seconds = min(seconds, data["seconds"] - start)
    first, stop = round(start * FPS), round((start + seconds) * FPS)
    people = []
    for person in data["people"]:
        if person["name"] in names:
            cut = {name: person[name][first:stop] for name in CURVES if name in person}  # older jobs have fewer
            level = person["level"][_LEVELS * first : _LEVELS * stop]
            people.append({"name": person["name"], **cut, "level": level})
    lines = [line for line in data["lines"] if line["end"] > start and line["start"] < start + seconds]
    return {"start": start, "seconds": seconds, "people": people, "lines": lines}
