"""Temporary folders that no killed process leaves for good: each is held by a lock, and swept by the next start."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX, SUFFIX = ".parley-", ".tmp"
PROBE = ".probe"
"""Behind a scratch folder's name: a file by which a place is tried."""
_LOCK, _NEW, _OLD, _COMPLETE = "lock", "new", "old", "complete.json"
_YOUNG_SECONDS = 60.0
"""For so long a folder without a lock may be one that is being made."""
_STALE_SECONDS = 86_400.0
"""After so long it is nobody's on a file system that knows no locks."""


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A new folder in ``parent``, which is there; it goes when it is left, and if the process is killed, at a sweep.

    Raises:
        OSError: nothing can be made there.
    """
    sweep(parent)
    folder, lock = _new_folder(parent)
    try:
        yield folder / _NEW
    finally:
        _remove(folder, lock)


def sweep(parent: Path) -> None:
    """Remove the scratch folders in ``parent`` whose process is gone; files that were being put in place come first.

    Nothing is raised: what cannot be removed stays for the next time.
    """
    with suppress(OSError):
        for probe in list(parent.glob(f"{PREFIX}*{SUFFIX}{PROBE}")):
            probe.unlink(missing_ok=True)
        for folder in list(parent.glob(f"{PREFIX}*{SUFFIX}")):
            with suppress(OSError):
                _finish_left(folder)


def _finish_left(folder: Path) -> None:
    """Finish and remove a folder whose process is gone; it is held meanwhile, so that no other sweep does it too."""
    age = time.time() - folder.stat().st_mtime
    lock: FileLock | None = None
    if (folder / _LOCK).exists():
        try:
            lock = _locked(folder)
        except Timeout:
            return
        if lock is None and age <= _STALE_SECONDS:
            return
    elif age <= _YOUNG_SECONDS:
        return
    try:
        _put_in_place(folder, _names_complete(folder))
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        if lock is not None:
            lock.release()
    shutil.rmtree(folder, ignore_errors=True)  # the lock itself, where an open file cannot be deleted


def replace_together(scratch: Path, names: Sequence[str]) -> None:
    """Move complete files out of a scratch folder to the folder in which it lies: all of them, or none.

    A process that is killed meanwhile leaves a note of what is complete, and the next sweep finishes the work.

    Args:
        scratch: as :func:`scratch_folder` gave it.
        names: the main file first. While new files lie beside it, the old one does not.

    Raises:
        OSError: a file cannot be moved; earlier files are as they were.
    """
    folder = scratch.parent
    noted = folder / f"{_COMPLETE}.part"
    noted.write_text(json.dumps(list(names)), "utf-8")
    noted.replace(folder / _COMPLETE)
    _put_in_place(folder, names)


def _put_in_place(folder: Path, names: Sequence[str]) -> None:
    """What :func:`replace_together` does once all is noted; what was moved before is left alone."""
    target, new, old = folder.parent, folder / _NEW, folder / _OLD
    waiting = [name for name in names if (new / name).exists()]
    moved: list[tuple[Path, Path]] = []
    try:
        for name in waiting:
            if (target / name).exists():
                old.mkdir(exist_ok=True)
                _move(target / name, old / name, moved)
        for name in reversed(waiting):
            _move(new / name, target / name, moved)
    except BaseException:
        for source, place in reversed(moved):
            with suppress(OSError):
                place.replace(source)
        (folder / _COMPLETE).unlink(missing_ok=True)
        raise


def _move(source: Path, place: Path, moved: list[tuple[Path, Path]]) -> None:
    if source.is_dir():
        raise IsADirectoryError(21, "a folder has this name", str(source))
    source.replace(place)
    moved.append((source, place))


def _names_complete(folder: Path) -> list[str]:
    """The files of an ended process that were all complete, by its note; none without one."""
    try:
        names = json.loads((folder / _COMPLETE).read_text("utf-8"))
        return [name for name in names if isinstance(name, str) and name and Path(name).name == name]
    except (OSError, ValueError):
        return []


def _locked(folder: Path) -> FileLock | None:
    """The lock of a folder, held; None on a file system that knows none.

    Raises:
        Timeout: somebody else holds it.
    """
    lock = FileLock(folder / _LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise
    except (OSError, NotImplementedError):
        return None
    return lock


def use_own_temporary_folder() -> None:
    """Let all that this process asks of :mod:`tempfile`, libraries too, lie in one folder that the next start sweeps.

    It goes at the process' end. Where it cannot be made, temporary files lie where the system has them.
    """
    user = os.getuid() if hasattr(os, "getuid") else None
    base = Path(tempfile.gettempdir()) / f"parley-{user}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        if user is not None and (base.is_symlink() or base.stat().st_uid != user):
            return  # somebody else took the name
        sweep(base)
        folder, lock = _new_folder(base)
    except OSError:
        return
    tempfile.tempdir = str(folder / _NEW)
    # by finalize and not by atexit: it runs after the finalizers of libraries whose files lie there
    weakref.finalize(tempfile, _remove, folder, lock)


def _new_folder(parent: Path) -> tuple[Path, FileLock | None]:
    folder = parent / f"{PREFIX}{secrets.token_hex(4)}{SUFFIX}"
    folder.mkdir()
    lock = _locked(folder)
    (folder / _NEW).mkdir()
    return folder, lock


def _remove(folder: Path, lock: FileLock | None) -> None:
    if lock is not None:
        lock.release()
    shutil.rmtree(folder, ignore_errors=True)
