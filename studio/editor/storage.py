"""What a project takes on the disk, by kind, and what of it can go without loss to the scene."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from studio.editor import kept_results
from studio.jobs.queue import jobs
from studio.project.history import SCENE_FILE
from studio.project.project import Project
from studio.project.takes import FOLDER as TAKES

StorageKind = Literal["project", "takes", "videos", "cache"]
CLEARED: dict[StorageKind, str] = {
    "takes": "sounds of takes that no line uses",
    "videos": "videos and previews but the newest of each kind, and other ended jobs",
    "cache": "kept speech and frames, which the next video makes anew",
}
"""What is deleted of each kind that can be cleared."""


@dataclass(frozen=True)
class StorageUse:
    """What one kind takes.

    Attributes:
        kind: ``project`` (scene, media, history), ``takes``, ``videos`` or ``cache``.
        n_files: how many files.
        size: of all of them in bytes.
        spare: files and folders of those that can go.
        spare_size: of these in bytes.
    """

    kind: StorageKind
    n_files: int
    size: int
    spare: tuple[Path, ...] = ()
    spare_size: int = 0


def storage_use(folder: Path) -> list[StorageUse]:
    """What is stored in a folder, by kind.

    Args:
        folder: a project, a folder of projects, or the folder of a video, which has kept speech and frames alone.

    Raises:
        ValueError: there is no such folder, or a project in it cannot be read.
    """
    files = kept_results.kept_results(folder)
    found: dict[StorageKind, list[StorageUse]] = {kind: [] for kind in get_args(StorageKind)}
    found["cache"] = [StorageUse("cache", len(files), _size(files), tuple(files), _size(files))]
    for project in _projects(folder):
        own = [path for path in _files(project.folder) if path.relative_to(project.folder).parts[0] not in _OTHER_KINDS]
        found["project"].append(StorageUse("project", len(own), _size(own)))
        found["takes"].append(_use("takes", project.folder / TAKES, _unused_takes(project)))
        found["videos"].append(_use("videos", project.folder / "jobs", _earlier_jobs(project)))
    return [_sum(kind, uses) for kind, uses in found.items()]


_OTHER_KINDS = {TAKES, "jobs", "work"}


def clear(folder: Path, kind: StorageKind) -> StorageUse:
    """Delete what can go of a kind; to be called while nothing is being made there.

    Returns:
        What was there before.

    Raises:
        ValueError: a kind of which nothing can go, or no such folder.
        OSError: something cannot be deleted.
    """
    if kind not in CLEARED:
        raise ValueError(f"Of {kind!r} nothing can go; known are {', '.join(CLEARED)}.")
    use = next(use for use in storage_use(folder) if use.kind == kind)
    if kind == "cache":
        kept_results.delete_kept_results(folder)
    for path in use.spare:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return use


def _projects(folder: Path) -> Iterator[Project]:
    for path in (folder, *sorted(folder.iterdir())):
        if not path.is_symlink() and (path / SCENE_FILE).is_file() and (path / "history").is_dir():
            yield Project(path)


def _unused_takes(project: Project) -> list[Path]:
    """Sounds of takes other than those that the script's lines have."""
    chosen = zip(project.line_ids(), project.scene.script, strict=True)
    used = {take.sound for name, line in chosen for take in project.takes(name) if take.seed == line.take}
    return [path for path in _files(project.folder / TAKES) if path.suffix == ".wav" and path not in used]


def _earlier_jobs(project: Project) -> list[Path]:
    """Folders of ended jobs, but for the newest video of each kind, and for fine-tuning, whose adapters are in use."""
    spare, newest = [], set()
    for job in jobs(project):
        status = job.status()
        key = (job.kind, job.options.get("film"))
        if not status.ended or job.kind == "finetune":
            continue
        if status.state == "done" and job.kind in ("render", "preview") and key not in newest:
            newest.add(key)
        else:
            spare.append(job.folder)
    return spare


def _use(kind: StorageKind, folder: Path, spare: list[Path]) -> StorageUse:
    files = _files(folder)
    return StorageUse(kind, len(files), _size(files), tuple(spare), sum(_size(_files(path)) for path in spare))


def _sum(kind: StorageKind, uses: list[StorageUse]) -> StorageUse:
    spare = tuple(path for use in uses for path in use.spare)
    n_files, size, spare_size = (sum(getattr(use, name) for use in uses) for name in ("n_files", "size", "spare_size"))
    return StorageUse(kind, n_files, size, spare, spare_size)


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file() and not one.is_symlink()]


def _size(files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files)
