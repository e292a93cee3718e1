"""Checklist before a job: the problems and warnings of a scene, grouped by part for the page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from studio.core.problems import Problem
from studio.project.project import Project
from studio.scene.schema import Scene, masks_of
from studio.validation.scene_check import Report, check_scene

Mark = Literal["good", "warn", "bad"]
PARTS = ("picture", "permission", "voices", "script")


@dataclass(frozen=True)
class Item:
    """A line of the checklist: whether it is well, and a sentence."""

    mark: Mark
    sentence: str


def examine(project: Project) -> tuple[Report, tuple[Item, ...]]:
    """The check of a project's scene and its list; remembered until the scene or a file of it changes."""
    named = [
        project.scene.picture,
        project.scene.rig,
        *(mask for member in project.scene.cast for mask in masks_of(member)),
    ]
    stamps = tuple((project.folder / name).is_file() for name in named if name)
    return _examined(project.scene_path, project.revision, stamps)


_FIRST_STEPS = {
    "picture": "There is no picture yet; add one on the page Cast.",
    "consent": "Say who is in the picture, on the page Cast.",
    "cast": "The cast is empty; click a face on the page Cast.",
    "script": "The script has no lines yet; add one on the page Script.",
}
"""What is to be done in the editor where a new scene has nothing yet, by the scene's key."""
_GROUPS = {"picture": "picture", "file": "picture", "output": "picture", "cast": "picture", "permission": "permission",
           "voices": "voices", "script": "script"}  # fmt: skip


@lru_cache(maxsize=4)
def _examined(path: Path, revision: int, stamps: tuple[bool, ...]) -> tuple[Report, tuple[Item, ...]]:
    report = check_scene(path)
    return report, tuple(items(report))


def items(report: Report) -> list[Item]:
    """A list with one green line for each part in which nothing is wrong, and every fault as a red one."""
    found: dict[str, list[str]] = {part: [] for part in PARTS}
    for problem in report.problems:
        found[_GROUPS[problem.part]].append(_sentence(problem, report.scene))
    made = []
    for part in PARTS:
        made += [Item("bad", sentence) for sentence in found[part]]
        if not found[part] and report.scene is not None:
            made.append(Item("good", _praise(part, report, report.scene)))
    return made + [Item("warn", warning.sentence) for warning in report.warnings]


def _sentence(problem: Problem, scene: Scene | None) -> str:
    """What the reader of a page is told: the first step where there is nothing yet, else what is wrong."""
    key = problem.where[0] if len(problem.where) == 1 else None
    if scene is not None and key in _FIRST_STEPS and not getattr(scene, key):
        return _FIRST_STEPS[key]
    return problem.sentence


def _praise(part: str, report: Report, scene: Scene) -> str:
    if part == "picture":
        n = len(report.assignment.assigned) if report.assignment else 0
        unclaimed = len(report.assignment.bystanders) if report.assignment else 0
        still = f"; {unclaimed} of nobody, which stay still" if unclaimed else ""
        return f"{_count(n, 'face')} found and claimed{still}."
    if part == "permission":
        return "It is noted who is in the picture."
    if part == "voices":
        return "Everybody who speaks has a voice."
    return f"{_count(len(scene.script), 'line')} can be spoken, about {report.seconds:.0f} s of video."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
