"""A scene that came by a request, written into a folder of its own with its files, as any scene lies on the disk."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from studio.core.messages import nearest, shortened
from studio.core.problems import DocumentError
from studio.core.storage import inside
from studio.project.restore import media_names
from studio.project.uploads import MAX_BYTES
from studio.scene.document import read_document, validate
from studio.service.models import SceneData

Files = Mapping[str, IO[bytes]]
"""Uploaded files by the names that the scene has for them."""


@contextmanager
def written_scene(scene: SceneData | str, files: Files, source: Path | None) -> Iterator[Path]:
    """The scene as a file in a temporary folder, beside those files that it names and that are there.

    Args:
        scene: as data, or as the text of a scene file.
        files: uploaded ones.
        source: folder where the other files lie.

    Raises:
        ValueError: a file lies outside the folder, is too large, or was uploaded and is not named; one sentence.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / ("scene.yaml" if isinstance(scene, str) else "scene.json")
        path.write_text(scene if isinstance(scene, str) else json.dumps(scene, ensure_ascii=False), "utf-8", "replace")
        _write_files(folder, _named_files(path), files, source)
        yield path


def _named_files(path: Path) -> list[str]:
    """The files that the readable part of a scene names."""
    try:
        scene, _ = validate(read_document(path))
    except DocumentError:
        return []
    return [] if scene is None else media_names(scene)


def _write_files(folder: Path, names: Sequence[str], files: Files, source: Path | None) -> None:
    targets = {name: inside(folder, name) for name in names}  # of all: a check reads whatever the scene names
    for name, file in files.items():
        if names and name not in names:
            raise ValueError(f"The scene names no file {shortened(name)}; {nearest(name, names)}")
        if name in names:
            _copy(file, targets[name], name)
    for name, target in targets.items():
        path = None if source is None or name in files else inside(source, name)
        if path is not None and path.is_file():
            with path.open("rb") as file:
                _copy(file, target, name)


def _copy(file: IO[bytes], target: Path, name: str) -> None:
    """Copy at most so many bytes as a project takes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as written:
        while written.tell() <= MAX_BYTES and (block := file.read(1 << 20)):
            written.write(block)
        if written.tell() > MAX_BYTES:
            raise ValueError(f"{name} has more than {MAX_BYTES / 1e6:.0f} MB; reduce or shorten it.")
