"""Findings of a scene check: problems and warnings as they are collected, each at its place in the file."""

from __future__ import annotations

from typing import Any

from studio.cast.clip_people import SceneClip
from studio.cast.face_assignment import FaceAssignment
from studio.core.problems import Location, Part, Problem
from studio.scene.document import Document
from studio.scene.schema import Scene


class Findings:
    """What is found in one scene; parts of the check derive from it and add to ``problems`` and ``warnings``.

    Args:
        document: the file.
        scene: what could be read of it.
        problems: what reading it has found.
    """

    def __init__(self, document: Document, scene: Scene, problems: list[Problem]) -> None:
        self.document, self.scene, self.problems = document, scene, problems
        self.folder = document.path.parent
        self._well_formed = not problems
        self.warnings: list[Problem] = [document.notice] if document.notice else []
        self.assignment: FaceAssignment | None = None
        self.clip: SceneClip | None = None
        self.lexicon: dict[str, str] = {}
        self.seconds = 0.0
        self.line_seconds: dict[int, float] = {}

    def _say(
        self, where: Location, what: str, repair: str = "", *, part: Part | None = None, warning: bool = False
    ) -> None:
        """Add a problem of an item of the file."""
        target = self.warnings if warning else self.problems
        target.append(self.document.problem(where, what, repair, part))

    def _say_of_line(self, problem: Problem) -> None:
        """Add what another module found wrong with a line of the script."""
        self._say(problem.where or ("script",), problem.what, problem.repair)

    def _cast_at(self, index: int, key: str | None = None) -> Location:
        """Where a character stands in the file, by its name: faulty items before it may have been left out."""
        items = self.document.data.get("cast")
        name = self.scene.cast[index].name
        for number, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict) and " ".join(str(item.get("name")).split()) == name and number >= index:
                return ("cast", number, key) if key else ("cast", number)
        return ("cast",)

    def _is_empty(self, key: str) -> bool:
        """Whether a list has no items, and not because all of them were left out as faulty."""
        return self.document.data.get(key) == [] or (not getattr(self.scene, key) and self._well_formed)

    def _faulty(self, location: Location, key: str) -> bool:
        """Whether the file gives that key, though it was left out of the scene as faulty."""
        data: Any = self.document.data
        for part in location:
            data = data[part]
        return isinstance(data, dict) and data.get(key) is not None

    def _cast_is_whole(self) -> bool:
        """Whether nobody was left out of the cast for a fault; else a name may belong to one of those."""
        items = self.document.data.get("cast")
        return isinstance(items, list) and len(items) == len(self.scene.cast) > 0
