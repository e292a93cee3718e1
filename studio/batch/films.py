"""Finished films of a batch: a folder for each, and whether it is whole and the one that was asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

from studio.batch.scenes import STATE_FOLDER, BatchScene
from studio.core.storage import file_names
from studio.export.provenance import verify

_MAKING = "making-"


def film_path(folder: Path, scene: BatchScene) -> Path:
    """The film, below the folder of the results."""
    return folder / scene.name / scene.film


def work_folder(folder: Path, scene: BatchScene) -> Path:
    """Where the finished parts of an unfinished film are kept; the next attempt goes on from them."""
    return folder / STATE_FOLDER / scene.name / "work"


def making_folder(folder: Path, scene: BatchScene, run: str) -> Path:
    """Where one attempt of a run writes its film."""
    return folder / STATE_FOLDER / scene.name / f"{_MAKING}{run}"


def empty_making_folder(folder: Path, scene: BatchScene, run: str) -> Path:
    """The same, made anew; what earlier attempts left is removed.

    Raises:
        OSError: the disk is full or refuses.
    """
    making = making_folder(folder, scene, run)
    for left in making.parent.glob(f"{_MAKING}*"):
        shutil.rmtree(left, ignore_errors=True)
    making.mkdir(parents=True, exist_ok=True)
    return making


def is_finished(folder: Path, scene: BatchScene) -> bool:
    """Whether a folder holds the whole film: it and every sound verify and say that they are what is asked for.

    Args:
        folder: with the film and the files that come with it.
        scene: what is asked for.
    """
    wanted = [scene.film, *(f"{scene.name}.{name}.wav" for name in file_names(scene.cast))]
    return bool(scene.record) and all(_is_this(folder / name, scene) for name in wanted)


def _is_this(path: Path, scene: BatchScene) -> bool:
    if not path.is_file():
        return False
    report = verify(path)
    return report.ok and report.record == scene.record


def move_film(making: Path, folder: Path, scene: BatchScene) -> None:
    """Move a finished film with its files to its place, and delete what was needed to make it.

    They appear all at once; where the folder is there already (an older film, somebody's own files) one by one, and
    nothing else in it is touched.

    Raises:
        OSError: the disk refuses.
    """
    target = film_path(folder, scene).parent
    try:
        making.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        if not is_finished(target, scene):  # unless another machine was quicker
            for file in sorted(making.iterdir()):
                file.replace(target / file.name)
    clear_work(folder, scene)


def clear_work(folder: Path, scene: BatchScene) -> None:
    """Delete what only an unfinished film needs."""
    state = folder / STATE_FOLDER / scene.name
    for left in (*state.glob(f"{_MAKING}*"), state / "work"):
        shutil.rmtree(left, ignore_errors=True)
