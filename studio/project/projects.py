"""Projects of one folder: names, creation, the sample project, and projects from finished videos."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from studio.core.storage import folder_name, inside, write_json, write_whole
from studio.project.history import SCENE_FILE, History
from studio.project.project import VERSION_FILE, Project
from studio.project.restore import MissingMedia, media_names, scene_of_video
from studio.scene.document import load_scene
from studio.scene.schema import Scene
from studio.scene.upgrade import VERSION

SAMPLE = "scenes/cafe/scene.yaml"


class Projects:
    """All projects of one folder.

    Args:
        root: the folder; made when it is missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)

    def names(self) -> list[str]:
        """Names of the projects, the last changed first."""
        found = [path for path in self.root.glob(f"*/{SCENE_FILE}") if not path.parent.name.startswith(".")]
        return [path.parent.name for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]

    def open(self, name: str) -> Project:
        """Open a project.

        Raises:
            ValueError: there is none of that name, or its scene cannot be read.
        """
        folder = self.root / folder_name(name)
        if folder.is_symlink() or not (folder / SCENE_FILE).is_file() and not (folder / "history").is_dir():
            raise ValueError(f"There is no project {name!r}; choose another or make a new one.")
        return Project(folder)

    def create(self, name: str, scene: Scene | None = None, folder: Path | None = None) -> Project:
        """Make a project.

        Args:
            name: its name, which is also its folder's.
            scene: what it begins with; empty if not given.
            folder: where the scene's files are, which are copied.

        Raises:
            ValueError: the name is taken or cannot be one, or the scene names files that are missing or outside.
            StorageError: the disk is full; nothing was made.
        """
        with self.making(name) as made:
            scene = scene or Scene(picture="", cast=(), script=())
            sources = {} if folder is None else {name: inside(folder, name) for name in media_names(scene)}
            for relative, source in sources.items():
                if not source.is_file():
                    raise ValueError(f"The file {relative!r} does not exist; check its name and folder.")
                write_whole({inside(made, relative): source.read_bytes()})
            History(made).add(scene, "New project")
        return Project(self.root / folder_name(name))

    def create_sample(self, name: str = "Café") -> Project:
        """Make a project of the sample scene; a number is added to a name that is taken."""
        from generation.core.assets import asset

        scene = load_scene(asset(SAMPLE))
        taken, number, free = {other.casefold() for other in self.names()}, 1, name
        while free.casefold() in taken:
            number += 1
            free = f"{name} {number}"
        return self.create(free, scene, asset(SAMPLE).parent)

    def restore(self, video: Path, name: str) -> tuple[Project, list[MissingMedia]]:
        """Make a project of the scene that a finished video carries.

        Its files are looked for in the other projects and the samples by their hash; see :meth:`Project.supply` for
        those that are not found.

        Raises:
            ValueError: the video carries no scene, or the name is taken.
        """
        restored = scene_of_video(video)
        with self.making(name) as made:
            history = History(made)
            history.add(restored.scene, f"Restored from {video.name}"[:80])
            write_json(made / "missing.json", [asdict(item) for item in restored.media])
        project = Project(self.root / folder_name(name))
        project.notice = restored.notice
        project.search(self.root)
        return project, project.missing()

    @contextmanager
    def making(self, name: str) -> Iterator[Path]:
        """A hidden folder that becomes the project when all went well."""
        target = self.root / folder_name(name)
        if any(target.name.casefold() == other.name.casefold() for other in self.root.iterdir()):
            raise ValueError(f"There is a project {target.name!r} already; choose another name.")
        hidden = self.root / f".new-{secrets.token_hex(4)}"
        try:
            hidden.mkdir()
            write_json(hidden / VERSION_FILE, {"version": VERSION})
            yield hidden
            hidden.rename(target)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
