"""Edit history of a project on disk: atomic edits, undo, redo, and merging of edits from several windows."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from studio.core.problems import DocumentError, Problem
from studio.core.storage import json_bytes, read_json, write_whole
from studio.scene.document import checked_scene, dump_scene, load_scene, scene_data
from studio.scene.schema import Scene

log = logging.getLogger(__name__)

MOST_ENTRIES = 200
"""Edits that can be undone; older ones are forgotten."""
SCENE_FILE = "scene.yaml"


class EditConflict(ValueError):
    """Another window changed the same thing meanwhile; nothing was written."""


@dataclass(frozen=True)
class Entry:
    """One edit: number of its snapshot, what was done, and when (ISO 8601, UTC)."""

    number: int
    what: str
    when: str


class History:
    """The snapshots of one project; the caller holds the project's lock around everything that writes.

    The scene file, its newest snapshot and the index are renamed together; should the machine stop between the renames,
    or somebody edit the scene file by hand, :meth:`adopt` takes the scene file as a further edit.

    Args:
        folder: the project's folder.

    Attributes:
        entries: oldest first.
        position: index of the entry that holds.
        revision: grows with every change, undo and redo included.
    """

    def __init__(self, folder: Path) -> None:
        self.scene_path = folder / SCENE_FILE
        self._folder = folder / "history"
        self._index = self._folder / "index.json"
        self.entries: list[Entry] = []
        self.position = -1
        self.revision = 0
        self._seen: tuple[object, ...] = ()
        self.load()

    def load(self) -> None:
        """Read the index again."""
        self._seen = self.state()
        data = read_json(self._index)
        try:
            self.entries = [Entry(int(e["number"]), str(e["what"]), str(e["when"])) for e in data["entries"]]
            self.position, self.revision = int(data["position"]), int(data["revision"])
            if not 0 <= self.position < len(self.entries):
                raise ValueError(self.position)
        except (TypeError, KeyError, ValueError):
            self.entries, self.position, self.revision = [], -1, 0

    def state(self) -> tuple[object, ...]:
        """What changes when anybody writes: cheap enough to be asked at each turn of a page."""
        seen: list[object] = []
        for path in (self._index, self.scene_path):
            try:
                stat = path.stat()
                seen += [stat.st_mtime_ns, stat.st_size, stat.st_ino]
            except OSError:
                seen.append(None)
        return tuple(seen)

    @property
    def changed(self) -> bool:
        """Whether somebody wrote since this object last read or wrote."""
        return self.state() != self._seen

    @property
    def undoable(self) -> str | None:
        """What would be undone."""
        return self.entries[self.position].what if self.position > 0 else None

    @property
    def redoable(self) -> str | None:
        """What would be redone."""
        after = self.position + 1
        return self.entries[after].what if 0 < after < len(self.entries) else None

    def current(self) -> Scene:
        """The scene that holds.

        Raises:
            DocumentError: no snapshot can be read.
        """
        return load_scene(self._snapshot(self.entries[self.position]))

    def add(self, scene: Scene, what: str) -> None:
        """Write a scene as the next edit; what could be redone is forgotten.

        Raises:
            StorageError: nothing has changed.
        """
        number = max((entry.number for entry in self.entries), default=0) + 1
        entry = Entry(number, what, datetime.now(UTC).isoformat(timespec="seconds"))
        kept = [*self.entries[: self.position + 1], entry][-MOST_ENTRIES:]
        text = dump_scene(scene).encode()
        self._write(kept, len(kept) - 1, {self._snapshot(entry): text, self.scene_path: text})

    def move(self, steps: int) -> Scene:
        """Undo (-1) or redo (+1).

        Raises:
            ValueError: there is nothing to undo or redo.
            StorageError: nothing has changed.
        """
        position = self.position + steps
        if not 0 <= position < len(self.entries):
            raise ValueError(f"There is nothing to {'undo' if steps < 0 else 'redo'}.")
        scene = load_scene(self._snapshot(self.entries[position]))
        self._write(self.entries, position, {self.scene_path: dump_scene(scene).encode()})
        return scene

    def rewrite(self, also: Mapping[Path, bytes]) -> None:
        """Write the scene that holds in the current version, together with other files.

        Raises:
            DocumentError: its snapshot cannot be read.
            StorageError: nothing has changed.
        """
        text = dump_scene(self.current()).encode()
        snapshot = self._snapshot(self.entries[self.position])
        self._write(self.entries, self.position, {snapshot: text, self.scene_path: text, **also})

    def adopt(self) -> str | None:
        """Bring scene file and history together where they differ.

        Returns:
            A sentence for the reader when the scene file could not be used and was set aside.

        Raises:
            DocumentError: neither the scene file nor the history can be read.
            StorageError: nothing has changed.
        """
        known = self._snapshot(self.entries[self.position]) if self.entries else None
        text = self.scene_path.read_bytes() if self.scene_path.is_file() else None
        if known is not None and known.is_file() and text == known.read_bytes():
            return None
        try:
            if text is None:
                raise DocumentError([Problem("file", "the scene file is missing")])
            scene = load_scene(self.scene_path)
        except DocumentError as error:
            return self._fall_back(error, text)
        try:
            same = known is not None and self.current() == scene
        except DocumentError:
            same = False
        if not same:
            self.add(scene, "Opened" if not self.entries else "Changed outside the editor")
        return None

    def _fall_back(self, error: DocumentError, text: bytes | None) -> str:
        """Take the newest snapshot that can be read, and keep the unreadable scene file under another name."""
        for position in range(self.position, -1, -1):
            try:
                scene = load_scene(self._snapshot(self.entries[position]))
            except DocumentError:
                continue
            aside = self.scene_path.with_name("scene-unreadable.txt")
            files = {self.scene_path: dump_scene(scene).encode()}
            self._write(self.entries, position, files | ({} if text is None else {aside: text}))
            log.warning("The scene file could not be read: %s", error)
            return f"{error.problems[0].sentence} The last scene that worked is open; the file is kept as {aside.name}."
        raise error

    def _snapshot(self, entry: Entry) -> Path:
        return self._folder / f"{entry.number:06}.yaml"

    def _write(self, entries: list[Entry], position: int, files: Mapping[Path, bytes]) -> None:
        index = {
            "revision": self.revision + 1,
            "position": position,
            "entries": [vars(entry) for entry in entries],
        }
        write_whole({**files, self._index: json_bytes(index)})
        forgotten = {entry.number for entry in self.entries} - {entry.number for entry in entries}
        self.entries, self.position, self.revision = list(entries), position, self.revision + 1
        self._seen = self.state()
        for number in forgotten:
            (self._folder / f"{number:06}.yaml").unlink(missing_ok=True)


def merged(base: Scene, mine: Scene, theirs: Scene) -> Scene:
    """Two edits of one scene as one: whatever only one side changed is taken from that side.

    Characters and lines are compared one by one where nobody added or removed any.

    Raises:
        EditConflict: both changed the same thing differently.
        DocumentError: the two do not fit together.
    """
    return checked_scene(_merged(scene_data(base), scene_data(mine), scene_data(theirs), ""))


def _merged(base: Any, mine: Any, theirs: Any, where: str) -> Any:  # noqa: ANN401 - any JSON value
    if mine == theirs or theirs == base:
        return mine
    if mine == base:
        return theirs
    if isinstance(mine, dict) and isinstance(theirs, dict) and isinstance(base, dict | None):
        base = base or {}
        keys = [*theirs, *(key for key in mine if key not in theirs)]
        both = {key: _merged(base.get(key), mine.get(key), theirs.get(key), where or key) for key in keys}
        return {key: value for key, value in both.items() if value is not None}
    if all(isinstance(value, list) for value in (base, mine, theirs)) and len(base) == len(mine) == len(theirs):
        items = enumerate(zip(base, mine, theirs, strict=True), 1)
        return [_merged(*three, f"{where} {number}") for number, three in items]
    noun = {"cast": "the cast", "script": "the script", "": "the scene"}.get(where, where.replace("script", "line"))
    raise EditConflict(f"Another window changed {noun} meanwhile; your change was not saved, look and make it again.")
