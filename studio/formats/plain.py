"""Dialogue as people type it, ``NAME: text``, with headings, brackets and wrapped lines between."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from studio.formats.stage import could_be_name, direction, in_brackets, is_heading, is_transition, read_cue, shared
from studio.scene.screenplay import ScreenplayError, is_pause, parse, split_line


def heads(lines: list[str], names: Collection[str]) -> Iterator[str]:
    """Names before the colons of a text, as often as they stand there."""
    known = {name.casefold() for name in names}
    for line in lines:
        parts = split_line(line.strip())
        if parts and not is_heading(line.strip()) and not is_transition(line.strip()):
            name = " ".join(parts[0].split())
            if name.casefold() in known or (could_be_name(name) and name[-1:] != "."):
                yield name


def read(text: str, names: Collection[str] = ()) -> tuple[list[dict[str, str]], list[str]]:
    """Fields of each line, and what was noted after the last one.

    Headings, transitions, whole lines in brackets and paragraphs without a speaker become notes; a line under a speech
    continues it; brackets after a name that hold no options are directions.

    Args:
        text: the script.
        names: of the cast.

    Raises:
        ScreenplayError: options that are not understood, or nobody who speaks.
    """
    lines = text.split("\n")
    known = {*names, *heads(lines, names)}
    small = {name.casefold() for name in known}
    written: list[list[str]] = []
    speeches: list[list[str]] = []
    problems: list[tuple[int, str]] = []
    speaking = False
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        goes_on = bool(speeches) and (speaking or raw[:1].isspace())
        try:
            made, speaking = _written(line, goes_on, small, known)
        except ValueError as error:
            problems.append((number, str(error)))
            made = ""
        if speaking and made[:1].isspace():
            speeches[-1].append(made)
            made = ""
        written.append([made])
        if speaking and made:
            speeches.append(written[-1])
    if problems:
        raise ScreenplayError(problems)
    rows = [" ".join(row) for row in written]
    fields = parse("\n".join(rows))
    if not fields and text.strip():
        raise ScreenplayError([(1, "no line says who speaks; write NAME: text, one line each")])
    after = max((n for n, row in enumerate(rows) if row and not row.startswith("#")), default=-1)
    return fields, [row[1:].strip() for row in rows[after + 1 :] if row]


def _written(line: str, goes_on: bool, small: set[str], known: set[str]) -> tuple[str, bool]:
    """A line as :func:`studio.scene.screenplay.parse` reads it, and whether somebody speaks in it.

    Words that go on with the line above begin with a space.
    """
    if not line or line.startswith("#") or is_pause(line):
        return line, False
    parts = split_line(line)
    name = " ".join(parts[0].split()) if parts else ""
    if is_heading(line) or is_transition(line):
        return f"# {line}", False
    if parts and (name.casefold() in small or not goes_on) and could_be_name(name):
        cue = read_cue(line[: len(line) - len(parts[2])].rstrip().removesuffix(":"))
        notes: list[str] = []
        said = [*(direction(text, notes) for text in cue.directions), parts[2].strip()]
        options = line[len(parts[0]) : len(line) - len(parts[2])].strip() if cue.options else ":"
        return f"{shared(cue.who, known)} {options} {' '.join(said)}".replace(" :", ":", 1), True
    if goes_on:
        return f" {direction(line, []) if in_brackets(line) else line}", True
    return f"# {line.strip('[]')}", False


_NAME_AND_TEXT = re.compile(r"([^:]{1,60}):\s+(\S.*)")


def spoken_by(text: str) -> tuple[str, str] | None:
    """Name and words of ``NAME: text``; None if nobody is named."""
    match = _NAME_AND_TEXT.fullmatch(text)
    if match is None or not could_be_name(match[1].split("(")[0].strip()):
        return None
    return match[1].strip(), match[2]
