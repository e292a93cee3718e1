"""The scenes of a batch: what files, folders, lists and tables name, each with its film's name and its key."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from generation.core.result_key import result_key
from studio.batch.table import TableRow, read_table
from studio.core.problems import DocumentError, Problem
from studio.core.storage import file_names, utf8_text, write_json
from studio.production.backbone import BackboneDrawing
from studio.production.render import film_record
from studio.production.settings import RenderSettings
from studio.scene.document import SUFFIXES, load_scene, scene_data

STATE_FOLDER = ".batch"
"""Folder of a batch's results that keeps attempts, unfinished work and logs."""
_LISTS = (".txt", ".lst")
_CAST = re.compile(r"""(?:^|[{,])\s*["']?cast["']?\s*:""", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """A scene that was named: its file, a word for its film, and the row of the table that fills it in.

    Attributes:
        path: the scene file; of a row, its template.
        label: what the film is called.
        said: where it was named, for problems; empty where the scene file says it itself.
        row: of a table.
    """

    path: Path
    label: str
    said: str = ""
    row: TableRow | None = None


@dataclass(frozen=True)
class BatchScene:
    """One film that a batch is to make.

    Attributes:
        name: of the film and of its folder.
        path: the scene file that is rendered; written by :meth:`write` for a row of a table.
        key: hash of all that the film is asked to be; another key is another film.
        record: what the finished film says of itself; empty where the scene cannot be read.
        cast: names of the cast, each of whom gets a sound file.
        problems: why it cannot be rendered, where that is known already.
        data: the scene of a row as plain data; None where the file is there.
        said: where a table names it.
        suffix: of the film's file name.
    """

    name: str
    path: Path
    key: str = ""
    record: dict[str, Any] = field(default_factory=dict)
    cast: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    data: dict[str, Any] | None = None
    said: str = ""
    suffix: str = ".mp4"

    @property
    def film(self) -> str:
        """File name of the film."""
        return f"{self.name}{self.suffix}"

    def write(self) -> None:
        """Write the scene file of a row.

        Raises:
            StorageError: the disk is full or refuses.
        """
        if self.data is not None:
            write_json(self.path, self.data, durable=False)


def find_sources(arguments: Sequence[Path]) -> list[Source]:
    """Every scene that arguments name, in their order.

    Args:
        arguments: scene files; folders, in which every scene file below counts; lists (``.txt``, a path a line); and
            tables (``.csv``, see :func:`studio.batch.table.read_table`).

    Raises:
        DocumentError: an argument that is none of them; every fault.
    """
    sources: list[Source] = []
    problems: list[Problem] = []
    for argument in arguments:
        try:
            sources += _sources_of(argument)
        except DocumentError as error:
            problems += error.problems
    if not sources and not problems:
        problems.append(Problem("file", "no scene was found", "name scene files, folders, lists or tables"))
    if problems:
        raise DocumentError(problems)
    return sources


def _sources_of(argument: Path) -> list[Source]:
    suffix = argument.suffix.lower()
    if argument.is_dir():
        return [Source(path, _label(path, argument)) for path in scene_files(argument)]
    if not argument.is_file():
        raise DocumentError([Problem("file", f"{str(argument)!r} does not exist", "check the name")])
    if suffix in SUFFIXES:
        return [Source(argument, _label(argument))]
    if suffix == ".csv":
        return [Source(row.template, row.film, f"{argument.name} line {row.line}", row) for row in read_table(argument)]
    if suffix in _LISTS:
        return _listed(argument)
    known = ", ".join((*SUFFIXES, *_LISTS, ".csv"))
    raise DocumentError([Problem("file", f"{argument.name!r} is no kind of file with scenes", f"known are {known}")])


def scene_files(folder: Path) -> list[Path]:
    """The scene files below a folder, sorted: files of YAML and JSON that give a cast; hidden folders are left out."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            if _may_be_scene(path):
                found.append(path)
    return found


def _may_be_scene(path: Path) -> bool:
    """Whether a file gives a cast; one that cannot be read may, and is told as a scene's fault."""
    try:
        return _CAST.search(path.read_text(encoding="utf-8-sig", errors="replace")) is not None
    except OSError:
        return True


def _listed(path: Path) -> list[Source]:
    sources = []
    for number, line in enumerate(utf8_text(path.read_bytes(), path.name).splitlines(), 1):
        if (name := line.strip()) and not name.startswith("#"):
            scene = path.parent / name
            sources.append(Source(scene, _label(scene), f"{path.name} line {number}"))
    return sources


def _label(path: Path, folder: Path | None = None) -> str:
    """``cafe`` for ``cafe.yaml`` and for ``cafe/scene.yaml``; in a folder the folders between count."""
    parts = [*(path.relative_to(folder) if folder else path.absolute()).with_suffix("").parts]
    if parts[-1] == "scene" and len(parts) > 1:
        parts.pop()
    return "-".join(parts if folder else parts[-1:])


def read_scenes(
    sources: Sequence[Source], folder: Path, settings: RenderSettings, backbone: BackboneDrawing | None = None
) -> list[BatchScene]:
    """The scenes as they are to be rendered into a folder; what cannot be read has ``problems``.

    Args:
        sources: all scenes of the batch, so that each machine gives them the same names.
        folder: of the results.
        settings: how they are rendered.
        backbone: draws them in place of the renderer.
    """
    names = file_names([source.label for source in sources])
    return [_read(source, name, folder, settings, backbone) for source, name in zip(sources, names, strict=True)]


def _read(
    source: Source, name: str, folder: Path, settings: RenderSettings, backbone: BackboneDrawing | None
) -> BatchScene:
    path, data = source.path, None
    try:
        if source.row is not None:
            path = folder / STATE_FOLDER / name / "scene.json"
            scene, data = source.row.scene()
        else:
            scene = load_scene(path)
    except DocumentError as error:
        problems = tuple(placed(problem, source.said) for problem in error.problems)
        return BatchScene(name, path, problems=problems, said=source.said)
    record = json.loads(json.dumps(film_record(scene, path.parent, settings, backbone)))
    suffix = settings.film_formats[0].suffix
    key = result_key(json.dumps([record, scene_data(scene), suffix], sort_keys=True))
    cast = tuple(character.name for character in scene.cast)
    said = source.said if source.row else ""
    return BatchScene(name, path, key, record, cast, data=data, said=said, suffix=suffix)


def placed(problem: Problem, said: str) -> Problem:
    """A problem with the place in the table or list in front of it; the scene's own file where that is not given."""
    return replace(problem, file=said, line=None) if said else problem
