"""Files for the user: their place is tried before any work, and they appear whole and together or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from studio.core.messages import shortened
from studio.core.problems import DocumentError, Problem, UnexpectedProblem, disk_clause
from studio.core.scratch import PROBE, replace_together, scratch_folder
from studio.core.storage import StorageError, storage_sentence


@contextmanager
def whole_or_nothing(path: Path) -> Iterator[Path]:
    """A folder to write files into: on success they move beside ``path`` together, else all of them disappear.

    Whatever is raised, KeyboardInterrupt too, leaves earlier files as they were. If the process is killed while they
    are moved, the next command that writes there finishes it.

    Raises:
        StorageError: they cannot be put there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(path.parent) as folder:
            yield folder
            names = sorted(made.name for made in folder.iterdir())
            replace_together(
                folder, [name for name in names if name == path.name] + [n for n in names if n != path.name]
            )
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(error.errno, storage_sentence(error)) from error


def output_problems(target: Path, names: Sequence[str] = (), needed_bytes: int = 0) -> list[Problem]:
    """Why files cannot be written where they are wanted; the place is left as it was.

    Args:
        target: the main file.
        names: of the other files that will lie beside it.
        needed_bytes: what all of them, and what is made on the way, will take.
    """
    name = shortened(target.name)
    try:
        if target.is_dir():
            return [_refused(f"{name} is a folder", "name a file in it")]
        if target.exists() and not target.is_file():
            return [_refused(f"{name} is a device or a pipe", "name an ordinary file")]
        folder = target.parent
        present = _nearest_present(folder)
        if not present.is_dir():
            return [_refused(f"{shortened(str(present))} is a file, not a folder", "choose another place")]
        _try(folder, present, [target.name, *names])
        disk = shutil.disk_usage(present)
        if disk.free < needed_bytes and disk.total:
            needed, left = (f"{size / 1e6:,.0f} MB" for size in (needed_bytes, disk.free))
            return [_refused(f"the disk has {left} left and this takes about {needed}", "free some space first")]
    except (OSError, ValueError) as error:
        reason = disk_clause(error) if isinstance(error, OSError) else "its name cannot be written; choose another"
        return [_refused(f"{name} cannot be written to {shortened(str(target.parent))}: {reason}")]
    return []


def require_place(target: Path, names: Sequence[str] = (), needed_bytes: int = 0) -> None:
    """:func:`output_problems`, raised.

    Raises:
        DocumentError: the files cannot be written there.
    """
    if problems := output_problems(target, names, needed_bytes):
        raise DocumentError(problems)


def _refused(what: str, repair: str = "") -> Problem:
    """Of the disk or the place, so that a batch tries the scene again."""
    return UnexpectedProblem("output", what, repair, ("output",), kind="disk")


def _nearest_present(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _try(folder: Path, present: Path, names: Sequence[str]) -> None:
    """Make the folders and files as they will be made, move one as it will be moved, and remove all of it again."""
    made = [one for one in (folder, *folder.parents) if present in one.parents]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with scratch_folder(folder) as scratch:
            for name in names:
                (scratch / name).write_bytes(b"\0")
            probe = folder / f"{scratch.parent.name}{PROBE}"
            (scratch / names[0]).replace(probe)
            probe.unlink()
    finally:
        for one in made:
            with suppress(OSError):
                one.rmdir()
