"""Shows and clears the results that are kept between renders: ``parley cache``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from studio.core.messages import shortened
from studio.core.scratch import sweep
from studio.production.frame_cache import FRAME_FOLDER, PREVIEW_FOLDER, SEGMENTS

_KEY = re.compile(r"[0-9a-f]{32}")
_KINDS = {
    "speech and motion": (Path(), "*.npz"),
    "frames": (Path(FRAME_FOLDER), SEGMENTS),
    "preview frames": (Path(FRAME_FOLDER, PREVIEW_FOLDER), SEGMENTS),
}
"""Where the segments of each kind lie in a work folder, and which files they are."""


@dataclass(frozen=True)
class KeptResults:
    """The kept results of one kind.

    Attributes:
        kind: what they are.
        files: one for each segment.
        size: of all of them in bytes.
    """

    kind: str
    files: tuple[Path, ...]
    size: int


def kept_results(folder: Path) -> list[KeptResults]:
    """What is kept in a folder, by kind.

    Args:
        folder: a work folder, a folder with videos, a project, or a folder of projects.

    Raises:
        ValueError: there is no such folder.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 - which raises nothing of names that are too long
        raise ValueError(f"There is no folder {shortened(str(folder))}; name a project, or the folder of a video.")
    kept = []
    for kind, (place, pattern) in _KINDS.items():
        files = [
            path
            for work in _work_folders(folder)
            for path in sorted((work / place).glob(pattern))
            if _KEY.fullmatch(path.stem)  # nothing but our own files
        ]
        kept.append(KeptResults(kind, tuple(files), sum(path.stat().st_size for path in files)))
    return kept


def clear(folder: Path) -> None:
    """Delete what is kept in a folder; to be called while nothing is being rendered there.

    Raises:
        ValueError: there is no such folder.
        OSError: a file cannot be deleted.
    """
    for kept in kept_results(folder):
        for path in kept.files:
            path.unlink(missing_ok=True)
    for work in _work_folders(folder):
        for place, _ in _KINDS.values():
            sweep(work / place)


def _work_folders(folder: Path) -> Iterator[Path]:
    yield from (folder, folder / ".parley", folder / "work", *sorted(folder.glob("*/work")))
