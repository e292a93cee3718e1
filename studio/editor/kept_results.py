"""Finds and deletes the results that are kept between renders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from studio.core.messages import shortened
from studio.core.scratch import sweep
from studio.production.frame_cache import FRAME_FOLDER, PREVIEW_FOLDER, SEGMENTS

_KEY = re.compile(r"[0-9a-f]{32}")
_PLACES = (
    (Path(), "*.npz"),
    (Path(FRAME_FOLDER), SEGMENTS),
    (Path(FRAME_FOLDER, PREVIEW_FOLDER), SEGMENTS),
)
"""Where segments lie in a work folder, and which files they are: speech and motion, frames, frames of previews."""


def kept_results(folder: Path) -> list[Path]:
    """The segments of speech, motion and frames that are kept in a folder.

    Args:
        folder: a work folder, a folder with videos, a project, or a folder of projects.

    Raises:
        ValueError: there is no such folder.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 - which raises nothing of names that are too long
        raise ValueError(f"There is no folder {shortened(str(folder))}; name a project, or the folder of a video.")
    return [
        path
        for place, pattern in _PLACES
        for work in _work_folders(folder)
        for path in sorted((work / place).glob(pattern))
        if _KEY.fullmatch(path.stem)  # nothing but our own files
    ]


def delete_kept_results(folder: Path) -> None:
    """Delete what is kept in a folder; to be called while nothing is being rendered there.

    Raises:
        ValueError: there is no such folder.
        OSError: a file cannot be deleted.
    """
    for path in kept_results(folder):
        path.unlink(missing_ok=True)
    for work in _work_folders(folder):
        for place, _ in _PLACES:
            sweep(work / place)


def _work_folders(folder: Path) -> Iterator[Path]:
    yield from (folder, folder / ".parley", folder / "work", *sorted(folder.glob("*/work")))
