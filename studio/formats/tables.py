"""Scripts as tables, CSV with a header: a column for who speaks, one for what is said, others for keys of a line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from studio.formats.stage import Line, direction, read_cue, shared
from studio.scene.screenplay import OPTIONS, ScreenplayError

_WHO = ("who", "character", "name", "speaker", "role", "actor", "person")
_TEXT = ("text", "line", "dialogue", "dialog", "words", "spoken", "speech")
_DIRECTION = ("direction", "parenthetical", "style", "emotion", "delivery", "tone")
_NOTE = ("note", "notes", "scene", "action", "heading", "comment")
_ALSO = {"begin": "start", "time": "start", "in": "start", "audio": "recording", "file": "recording",
         "sound": "recording", "looks at": "looks", "tempo": "speed"}  # fmt: skip
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,2}):(\d{1,2}(?:[.,]\d{1,3})?)")


def header_row(text: str) -> tuple[str, dict[str, int]] | None:
    """The mark between columns and the column of each key that is known; None where the first line heads no script."""
    first = next((line for line in text.split("\n", 20)[:20] if line.strip()), "")[:2000]
    for mark in ",;\t|":
        names = [name.strip().strip('"').strip().casefold() for name in first.split(mark)]
        who = next((name for name in _WHO if name in names), None)
        said = next((name for name in _TEXT if name in names), None)
        if len(names) > 1 and who and said:
            keys = {"who": names.index(who), "text": names.index(said)}
            for column, name in enumerate(names):
                key = _key(name)
                if key and column not in keys.values():
                    keys.setdefault(key, column)
            return mark, keys
    return None


def _key(name: str) -> str | None:
    if name in _DIRECTION:
        return "direction"
    if name in _NOTE:
        return "note"
    key = _ALSO.get(name, name)
    return key if key in OPTIONS else None


def columns_left(text: str) -> list[str]:
    """Names of the columns that are not used."""
    found = header_row(text)
    if found is None:
        return []
    first = next(line for line in text.split("\n") if line.strip())
    names = [name.strip().strip('"') for name in first.split(found[0])]
    return [name for column, name in enumerate(names) if column not in found[1].values() and name]


def read(text: str, names: Iterable[str] = ()) -> list[Line]:
    """The lines of a table.

    Raises:
        ScreenplayError: no such table, a row without a speaker, or quotation marks that do not close.
    """
    found = header_row(text)
    if found is None:
        raise ScreenplayError([(1, "the first line should name the columns, such as character,text")])
    mark, keys = found
    problems: list[tuple[int, str]] = []
    lines: list[Line] = []
    rows = csv.reader(io.StringIO(text.lstrip("\n")), delimiter=mark, strict=True)
    skipped = len(text) - len(text.lstrip("\n"))
    try:
        next(rows)
        for row in rows:
            cells = {key: row[column].strip() for key, column in keys.items() if column < len(row)}
            if not any(cells.values()):
                continue
            if not cells.get("who"):
                problems.append((rows.line_num + skipped, "the row names nobody; fill in who speaks"))
                continue
            lines.append(_line(cells, names))
    except (csv.Error, ValueError) as error:
        problems.append((rows.line_num + skipped, f"the row cannot be read ({error}); check its quotation marks"))
    if problems:
        raise ScreenplayError(problems)
    return lines


def _line(cells: dict[str, str], names: Iterable[str]) -> Line:
    cue = read_cue(cells["who"])
    made = Line(shared(cue.who, names), notes=[*cells.get("note", "").splitlines(), *cue.notes], options=cue.options)
    directions = [*cue.directions, *([cells["direction"]] if cells.get("direction") else [])]
    made.parts += [*(direction(text, made.notes) for text in directions), cells.get("text", "")]
    given = {key: cells[key] for key in OPTIONS if cells.get(key)}
    if clock := _CLOCK.fullmatch(given.get("start", "")):
        hours, minutes, seconds = int(clock[1] or 0), int(clock[2]), float(clock[3].replace(",", "."))
        given["start"] = f"{3600 * hours + 60 * minutes + seconds:g}"
    made.options |= given
    return made
