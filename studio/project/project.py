"""A project on disk: a folder with scene, media, history and takes, shared by any number of windows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from studio.core.storage import folder_name, inside, json_bytes, read_json, safe_name, write_json, write_whole
from studio.project.history import History, merged
from studio.project.restore import MissingMedia, media_names, sha256
from studio.project.takes import Take, read_takes
from studio.project.uploads import check_upload
from studio.scene.document import checked_scene, scene_data
from studio.scene.line_names import line_names
from studio.scene.retakes import LINE_GONE
from studio.scene.schema import Scene
from studio.scene.upgrade import VERSION, check_version, upgrade_notice

log = logging.getLogger(__name__)

VERSION_FILE = "project.json"
LOCK_SECONDS = 10


@dataclass(frozen=True)
class Version:
    """A named state of the scene and when it was saved (ISO 8601, UTC)."""

    name: str
    when: str


class Project:
    """A project, as one window sees it; every edit is on disk when the call returns.

    Several objects, in one process or several, may stand for the same folder: a lock keeps their writes apart, and an
    edit that was made on an older state is merged with what was written meanwhile, or refused.

    Args:
        folder: the project's folder.

    Attributes:
        scene: what this window last read or wrote.
        notice: one sentence when the scene file had to be set aside or the project was upgraded, else None.

    Raises:
        ValueError: neither its scene nor its history can be read, or a later program made it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / ".lock", timeout=LOCK_SECONDS)
        with self._lock:
            self._history = History(folder)
            version = self._version()
            self.notice = self._history.adopt()
            if version != VERSION:
                self._history.rewrite({folder / VERSION_FILE: json_bytes({"version": VERSION})})
                self.notice = self.notice or f"This project {upgrade_notice(version)}"
            self.scene = self._history.current()

    def _version(self) -> int:
        """The version in which the project is written; the first had no file that says so."""
        data = read_json(self.folder / VERSION_FILE)
        try:
            return check_version(data["version"]) if isinstance(data, dict) and "version" in data else 1
        except ValueError as error:
            raise ValueError(f"The project {self.name!r}: {error}") from None

    @property
    def name(self) -> str:
        """The project's name."""
        return self.folder.name

    @property
    def scene_path(self) -> Path:
        """The scene file, which ``parley render`` takes at any time."""
        return self._history.scene_path

    @property
    def work(self) -> Path:
        """Folder of cached segments."""
        return self.folder / "work"

    @property
    def revision(self) -> int:
        """Grows with each change, undo and redo included."""
        return self._history.revision

    @property
    def undoable(self) -> str | None:
        """What :meth:`undo` would take back; None when there is nothing."""
        return self._history.undoable

    @property
    def redoable(self) -> str | None:
        """What :meth:`redo` would do again; None when there is nothing."""
        return self._history.redoable

    def reload_if_changed(self) -> bool:
        """Read what other windows, or a text editor, wrote; says whether there was anything."""
        if not self._history.changed:
            return False
        before = self.revision
        with self._lock:
            self._reload()
        return self.revision != before

    def _reload(self) -> None:
        self._history.load()
        self.notice = self._history.adopt() or self.notice
        self.scene = self._history.current()

    def edit(self, scene: Scene, what: str) -> None:
        """Write a changed scene.

        Args:
            scene: the new scene, made from :attr:`scene`.
            what: the edit in a few words, for the undo button.

        Raises:
            EditConflict: another window changed the same thing meanwhile; :attr:`scene` is then what that one wrote.
            ValueError: the scene is not valid, or names a file outside the project.
            StorageError: the disk is full; nothing has changed.
        """
        scene = checked_scene(scene_data(scene))
        for relative in media_names(scene):
            inside(self.folder, relative)
        with self._lock:
            base = self.scene
            if self._history.changed:
                self._reload()
                scene = merged(base, scene, self.scene)
            if scene == self.scene:
                return
            self._history.add(scene, what)
            self.scene = scene

    def undo(self) -> None:
        """Take back the last edit of any window.

        Raises:
            ValueError: there is none.
        """
        self._move(-1)

    def redo(self) -> None:
        """Do again what was taken back last.

        Raises:
            ValueError: there is nothing.
        """
        self._move(1)

    def _move(self, steps: int) -> None:
        with self._lock:
            if self._history.changed:
                self._reload()
            self.scene = self._history.move(steps)

    def save_version(self, name: str) -> None:
        """Keep the scene under a name; an earlier version of that name is replaced.

        Raises:
            ValueError: a name that cannot be one.
        """
        name = folder_name(name)
        data = {"name": name, "when": _now(), "scene": scene_data(self.scene)}
        with self._lock:
            write_json(self.folder / "versions" / f"{safe_name(name + '.json')}", data)

    def versions(self) -> list[Version]:
        """The named versions, the newest first."""
        found = [read_json(path) for path in (self.folder / "versions").glob("*.json")]
        made = [Version(data["name"], data["when"]) for data in found if isinstance(data, dict)]
        return sorted(made, key=lambda version: version.when, reverse=True)

    def restore_version(self, name: str) -> None:
        """Make a version the scene, as an edit that can be undone.

        Raises:
            ValueError: there is no version of that name.
        """
        data = read_json(self.folder / "versions" / f"{safe_name(folder_name(name) + '.json')}")
        if not isinstance(data, dict):
            raise ValueError(f"There is no version {name!r}.")
        self.reload_if_changed()
        self.edit(checked_scene(data["scene"]), f"Version {data['name']}")

    def add_media(self, data: bytes, filename: str) -> str:
        """Add a picture, a mask, a recording, a rig file or an adapter.

        Returns:
            The name that a scene uses for it. Files are never changed or replaced: equal contents get the same name.

        Raises:
            ValueError: of another kind, too large, too many pixels, or broken; one sentence.
            StorageError: the disk is full; nothing has changed.
        """
        name = safe_name(filename)
        check_upload(data, name)
        stem, _, suffix = name.rpartition(".")
        with self._lock:
            number, free = 1, f"media/{name}"
            while (path := inside(self.folder, free)).exists():
                if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
                    return free
                number += 1
                free = f"media/{stem}-{number}.{suffix}"
            write_whole({path: data})
        return free

    def media_path(self, relative: str) -> Path:
        """Where a file that the scene names lies; it need not exist.

        Raises:
            ValueError: it lies outside the project.
        """
        return inside(self.folder, relative)

    def missing(self) -> list[MissingMedia]:
        """Files of a restored scene that are still to be supplied."""
        wanted = [MissingMedia(**item) for item in read_json(self.folder / "missing.json") or ()]
        named = set(media_names(self.scene))
        return [item for item in wanted if item.name in named and not inside(self.folder, item.name).is_file()]

    def supply(self, item: MissingMedia, data: bytes) -> None:
        """Give one of the :meth:`missing` files.

        Raises:
            ValueError: it cannot be read, or is not the file that the video was made with.
        """
        check_upload(data, safe_name(item.name))
        if item.sha256 is not None and sha256(data) != item.sha256:
            raise ValueError(f"This is not the {Path(item.name).name} that the video was made with; choose that file.")
        write_whole({inside(self.folder, item.name): data})

    def search(self, root: Path) -> None:
        """Take what is :meth:`missing` from other projects and the samples, where a file has its hash."""
        from generation.core.assets import assets_root

        for item in self.missing():
            name = Path(item.name).name
            for place in (root, assets_root() / "scenes"):
                for path in place.rglob(name) if item.sha256 else ():
                    if path.is_file() and not path.is_symlink() and sha256(data := path.read_bytes()) == item.sha256:
                        write_whole({inside(self.folder, item.name): data})

    # Takes: a line's number of a take is part of the scene; what was made of it is noted beside.

    def line_ids(self) -> list[str]:
        """Name of each line of the script; it stays while who says what, and how fast, stays."""
        return line_names(self.scene, takes=False)

    def takes(self, line_id: str) -> list[Take]:
        """The takes of a line that were made, the oldest first."""
        return read_takes(self.folder, line_id)

    def new_take(self, line_id: str) -> str:
        """Have a line spoken anew: a number that it has not had yet; an edit. Returns the take's id.

        Raises:
            ValueError: there is no such line.
        """
        self.reload_if_changed()
        used = [take.seed for take in self.takes(line_id)] + [self.scene.script[self._index(line_id)].take]
        number = max(used) + 1
        self._set_take(line_id, number, "New take")
        return str(number)

    def keep_take(self, line_id: str, take_id: str) -> None:
        """Choose a take of a line; an edit.

        Raises:
            ValueError: there is no such line or take.
        """
        self.reload_if_changed()
        if take_id not in {take.id for take in self.takes(line_id)}:
            raise ValueError(f"There is no take {take_id!r} of this line.")
        self._set_take(line_id, int(take_id), "Another take")

    def _index(self, line_id: str) -> int:
        names = self.line_ids()
        if line_id not in names:
            raise ValueError(LINE_GONE)
        return names.index(line_id)

    def _set_take(self, line_id: str, number: int, what: str) -> None:
        index = self._index(line_id)
        script = list(self.scene.script)
        script[index] = script[index].model_copy(update={"take": number})
        self.edit(self.scene.model_copy(update={"script": tuple(script)}), f"{what} of line {index + 1}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
