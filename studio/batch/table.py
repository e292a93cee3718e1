"""Tables of a batch: a template scene, and a row of values for each film."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.core.problems import DocumentError, Problem
from studio.core.storage import utf8_text
from studio.project.restore import absolute_files
from studio.scene.document import checked_scene, nearest, read_document, validate
from studio.scene.schema import Scene

TEMPLATE, FILM = "template", "film"
"""Columns with a meaning of their own; all others fill in the template."""
_PLACE = re.compile(r"\$\{\s*([^{}]*?)\s*\}")


@dataclass(frozen=True)
class TableRow:
    """One row of a table.

    Attributes:
        template: the scene file that it fills in.
        film: name of the film.
        values: by column.
        line: of the table's file, from 1.
    """

    template: Path
    film: str
    values: dict[str, str]
    line: int

    def scene(self) -> tuple[Scene, dict[str, Any]]:
        """The template filled in, as a scene and as plain data whose file names are absolute.

        ``${column}`` anywhere in the template, in keys too, becomes the row's value. Values are text: nothing in them
        is read as YAML.

        Raises:
            DocumentError: the template cannot be read, asks for a column that is not there, or is then no scene.
        """
        document = read_document(self.template)
        unknown: list[str] = []
        data = self._filled(document.data, unknown)
        if unknown:
            raise DocumentError([
                Problem("file", f"{self.template.name} asks for ${{{name}}}", f"{nearest(name, self.values)}")
                for name in dict.fromkeys(unknown)
            ])  # fmt: skip
        document.data = data
        scene, problems = validate(document)
        if scene is None or problems:
            raise DocumentError(problems)
        data = absolute_files(scene, self.template.parent.absolute())
        return checked_scene(data), data

    def _filled(self, value: Any, unknown: list[str]) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(value, dict):
            return {self._filled(key, unknown): self._filled(item, unknown) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, unknown) for item in value]
        if not isinstance(value, str):
            return value
        unknown += [name for name in _PLACE.findall(value) if name not in self.values]
        return _PLACE.sub(lambda place: self.values.get(place[1], ""), value)


def read_table(path: Path) -> list[TableRow]:
    """The rows of a CSV file in UTF-8 whose first line names the columns.

    The column ``template`` names the scene file, from the table's folder; an empty cell means the one above. The column
    ``film`` names the film; without it the table's name and the row's number do.

    Raises:
        DocumentError: it cannot be read as such a table; every fault.
    """

    def problem(what: str, repair: str, line: int | None = None) -> Problem:
        return Problem("file", what, repair, (), path.name, line)

    try:
        reader = csv.reader(io.StringIO(utf8_text(path.read_bytes(), path.name), newline=""), strict=True)
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise DocumentError([problem(f"the table cannot be read ({error})", "save it as CSV anew")]) from None
    header = [" ".join(cell.split()) for cell in lines[0][1]] if lines else []
    if TEMPLATE not in header:
        repair = f"add it: the scene file that the rows fill in; the columns are {', '.join(header) or 'none'}"
        raise DocumentError([problem(f"the column {TEMPLATE!r} is missing", repair)])
    rows: list[TableRow] = []
    problems = [problem(f"the column {name!r} is there twice", "rename one") for name in sorted(_twice(header))]
    template = ""
    for number, (line, cells) in enumerate(lines[1:], 1):
        if len(cells) > len(header):
            problems.append(problem(f"{len(cells)} cells for {len(header)} columns", "put quotes around commas", line))
            continue
        texts = [" ".join(cell.split()) for cell in cells] + [""] * (len(header) - len(cells))
        values = dict(zip(header, texts, strict=True))
        template = values.pop(TEMPLATE) or template
        if not template:
            problems.append(problem("the first row names no template", "name its scene file", line))
            continue
        film = values.pop(FILM, "") or f"{path.stem}-{number:03d}"
        rows.append(TableRow(path.parent / template, film, values, line))
    if problems:
        raise DocumentError(problems)
    return rows


def _twice(names: list[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}
