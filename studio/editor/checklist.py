"""The green and red list before a job: what the check found, said part by part in the reader's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from studio.project.project import Project
from studio.scene.document import Document, DocumentError, read_document
from studio.scene.schema import Scene
from studio.validation.scene_check import Report, check_scene

Mark = Literal["good", "warn", "bad"]
PARTS = ("picture", "permission", "voices", "script")
_PLACE = re.compile(r"^[^:]*?\.ya?ml(?: line (\d+))?: ")


@dataclass(frozen=True)
class Item:
    """One line of the list: whether it is well, and a sentence."""

    mark: Mark
    sentence: str


def examine(project: Project) -> tuple[Report, tuple[Item, ...]]:
    """The check of a project's scene and its list; remembered until the scene or a file of it changes."""
    named = [project.scene.picture, project.scene.rig, *(member.mask for member in project.scene.cast)]
    stamps = tuple((project.folder / name).is_file() for name in named if name)
    return _examined(project.scene_path, project.revision, stamps)


_ON_THE_PAGES = {
    "The picture has no file name; name one.": "There is no picture yet; add one on the page Cast.",
    "Say who is in the picture: add consent: drawn, me, agreed or public.":
        "Say who is in the picture, on the page Cast.",
    "The cast is empty; add at least one character with a name and a voice.":
        "The cast is empty; click a face on the page Cast.",
    "The script has no lines; add at least one, as NAME: text.":
        "The script has no lines yet; add one on the page Script.",
}  # fmt: skip
"""What the check says of a new project's file, and what that means in the editor."""


@lru_cache(maxsize=4)
def _examined(path: Path, revision: int, stamps: tuple[bool, ...]) -> tuple[Report, tuple[Item, ...]]:
    report = check_scene(path)
    try:
        document = read_document(path)
    except DocumentError:
        document = Document(path, {})
    return report, tuple(items(report, document))


def items(report: Report, document: Document) -> list[Item]:
    """A list with one green line for each part in which nothing is wrong, and every fault as a red one."""
    found: dict[str, list[str]] = {part: [] for part in PARTS}
    for problem in report.problems:
        found[_part(problem, document)].append(_plain(problem))
    made = []
    for part in PARTS:
        made += [Item("bad", sentence) for sentence in found[part]]
        if not found[part] and report.scene is not None:
            made.append(Item("good", _praise(part, report, report.scene)))
    return made + [Item("warn", _plain(warning)) for warning in report.warnings]


def _part(problem: str, document: Document) -> str:
    """To which part a sentence belongs, by the line of the file that it names."""
    match = _PLACE.match(problem)
    number = int(match[1]) if match and match[1] else 0
    places = [(line, len(place), place) for place, line in document.lines.items() if place and line <= number]
    place = max(places)[2] if places else ()
    if place[:1] == ("script",) or "the script" in problem[:40]:
        return "script"
    if "voice" in place or " voice" in problem:
        return "voices"
    if place[:1] in (("consent",), ("statement",)) or "consent" in problem:
        return "permission"
    return "picture"


def _plain(problem: str) -> str:
    """The sentence without the place in a file that the reader does not see."""
    sentence = _PLACE.sub("", problem)
    sentence = sentence[:1].upper() + sentence[1:]
    return _ON_THE_PAGES.get(sentence, sentence)


def _praise(part: str, report: Report, scene: Scene) -> str:
    if part == "picture":
        n = len(report.casting.seats) if report.casting else 0
        unclaimed = len(report.casting.bystanders) if report.casting else 0
        still = f"; {unclaimed} of nobody, which stay still" if unclaimed else ""
        return f"{_count(n, 'face')} found and claimed{still}."
    if part == "permission":
        return "It is noted who is in the picture."
    if part == "voices":
        return "Everybody who speaks has a voice."
    return f"{_count(len(scene.script), 'line')} can be spoken, about {report.seconds:.0f} s of video."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
