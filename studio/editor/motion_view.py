"""Newest motion curves of a project, and whether they still belong to its scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from generation.core.clock import FPS
from studio.core.storage import read_json
from studio.export.motion_curves import CURVES, LEVELS_PER_FRAME
from studio.jobs.job import Job
from studio.jobs.queue import frozen_scene, jobs
from studio.project.project import Project
from studio.scene.schema import Scene


@dataclass(frozen=True)
class Lanes:
    """The lanes of one finished job.

    Attributes:
        job: which one.
        data: as :func:`studio.export.motion_curves.motion_curves` has it.
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
        now = same_performance(frozen_scene(job), project.scene)
        if (now or newest is None) and (data := _data(path)):
            sound = status.results.get("sound") or status.results.get("video")
            newest = Lanes(job, data, sound if sound is not None and sound.is_file() else None, now)
        if now:
            break
    return newest


@lru_cache(maxsize=4)
def _data(path: Path) -> dict[str, Any]:
    """What a finished job wrote; it never changes, and is long in a long scene."""
    data = read_json(path)
    return data if isinstance(data, dict) else {}


def same_performance(one: Scene | None, other: Scene) -> bool:
    """Whether everybody moves and sounds alike in two scenes, amounts aside."""
    return one is not None and _moving(one) == _moving(other)


def _moving(scene: Scene) -> Scene:
    unseen = {"mouth": 1.0, "head": 1.0, "blink": 1.0, "expression": 1.0, "colour": None}
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
            level = person["level"][LEVELS_PER_FRAME * first : LEVELS_PER_FRAME * stop]
            people.append({"name": person["name"], **cut, "level": level})
    lines = [line for line in data["lines"] if line["end"] > start and line["start"] < start + seconds]
    return {"start": start, "seconds": seconds, "people": people, "lines": lines}
