"""Screenplays in Fountain, and dialogue with each NAME on a line of its own.

The syntax is that of https://fountain.io/syntax; every line is looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from studio.formats.stage import (
    Line,
    could_be_name,
    direction,
    in_brackets,
    in_capitals,
    is_heading,
    is_transition,
    read_cue,
    shared,
)  # fmt: skip
from studio.scene.screenplay import ScreenplayError

_TITLE_KEYS = ("title", "credit", "author", "authors", "source", "draft date", "date", "contact", "notes", "copyright",
               "revision", "episode", "format")  # fmt: skip
_SECONDS_OF_OVERLAP = 0.03
"""Seconds a letter by which the second of a dual dialogue begins before the first ends: half of what it lasts."""


def title_page(lines: list[str]) -> tuple[dict[str, str], int]:
    """The keys of a title page, and how many lines it takes; nothing and 0 where there is none."""
    found: dict[str, str] = {}
    key = ""
    for number, line in enumerate(lines):
        head, colon, value = line.partition(":")
        if colon and head.strip().casefold() in _TITLE_KEYS:
            key = head.strip().casefold()
            found[key] = value.strip()
        elif line.strip() and key and line[:1].isspace():
            found[key] = f"{found[key]} {line.strip()}".strip()
        else:
            return (found, number) if key and not line.strip() else ({}, 0)
    return {}, 0


def cue_lines(lines: list[str], names: Collection[str]) -> Iterator[int]:
    """Indices of lines that name who speaks: a name by itself, after an empty line and before text."""
    known = {name.casefold() for name in names}
    tight = all(line.strip() for line in lines[:-1])
    last = -2
    for index, line in enumerate(lines):
        before = lines[index - 1].strip() if index else ""
        after = lines[index + 1].strip() if index + 1 < len(lines) else ""
        apart = not before or tight or is_heading(before)
        if after and last != index - 1 and _is_cue(line.strip(), known, apart):
            last = index
            yield index


def _is_cue(line: str, known: set[str], apart: bool) -> bool:
    if line.startswith("@") and len(line) > 1:
        return True
    head = line.rstrip("^ ")
    name = " ".join(head.split("(")[0].split())
    if not head or is_heading(head) or is_transition(head) or head[0] in ".!>~=#([":
        return False
    if name.casefold() in known:
        return True
    return apart and in_capitals(head) and could_be_name(name) and (head == name or head.endswith(")"))


def written_names(lines: list[str]) -> set[str]:
    """Names by themselves above what they say, where they are not in capitals: most paragraphs begin with one."""
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            paragraphs[-1].append(line.strip())
        elif paragraphs[-1]:
            paragraphs.append([])
    several = [paragraph for paragraph in paragraphs if len(paragraph) > 1]
    heads = [paragraph[0] for paragraph in several]
    named = [head for head in heads if could_be_name(head) and head[-1] != "." and len(head.split()) <= 3]
    return set(named) if 2 * len(named) > len(paragraphs) - (not paragraphs[-1]) else set()


class _Reader:
    """One pass over the lines; what is not spoken waits in ``notes`` for the next line of speech."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.notes: list[str] = []
        self.problems: list[tuple[int, str]] = []
        self.speaking = False

    def cue(self, number: int, line: str, known: Collection[str]) -> None:
        head = line.removeprefix("@")
        try:
            cue = read_cue(head.rstrip("^ "))
        except ValueError as error:
            self.problems.append((number, str(error)))
            return
        made = Line(shared(cue.who, known), notes=[*self.notes, *cue.notes], options=cue.options)
        made.parts += [direction(text, made.notes) for text in cue.directions]
        made.dual = head.rstrip().endswith("^") and "overlap" not in made.options and bool(self.lines)
        self.lines.append(made)
        self.notes, self.speaking = [], True

    def speech(self, line: str) -> None:
        said = self.lines[-1]
        if in_brackets(line):
            said.parts.append(direction(line, said.notes))
        elif line.startswith("~"):
            said.parts += ["[singing]", _plain(line[1:])]
        else:
            said.parts.append(_plain(line))

    def other(self, line: str) -> None:
        self.speaking = False
        if line.startswith("==="):
            return
        noted = re.sub(r"\s*#[^#]{1,20}#$", "", line) if is_heading(line) or line.startswith(".") else line
        if noted[:1] in "!>=~." or noted.startswith("#"):
            noted = noted.lstrip("#" if noted[0] == "#" else noted[0]).removesuffix("<")
        if noted.strip():
            self.notes.append(noted.strip())


def read(text: str, names: Collection[str] = ()) -> tuple[list[Line], str, list[str]]:
    """The lines of a screenplay, its title, and what was noted after the last line.

    Args:
        text: the screenplay.
        names: of the cast, which are known as such wherever they stand alone, also in small letters.

    Raises:
        ScreenplayError: options that are not understood.
    """
    lines, noted = _without_notes(text)
    page, first = title_page(lines)
    names = {*names, *(written_names(lines[first:]) if not any(cue_lines(lines[first:], ())) else ())}
    heads = {index + first for index in cue_lines(lines[first:], names)}
    known = {*names, *(_name(lines[index]) for index in heads)}
    reader = _Reader()
    reader.notes += [f"{key.capitalize()}: {value}" for key, value in page.items() if key != "title" and value]
    for index, raw in enumerate(lines[first:], first):
        line = raw.strip()
        if index in heads:
            reader.cue(index + 1, line, known)
        elif not line:
            reader.speaking = reader.speaking and len(raw) > 1
        elif reader.speaking and not is_heading(line):
            reader.speech(line)
        else:
            reader.other(line)
        reader.notes += noted.get(index, [])
    if reader.problems:
        raise ScreenplayError(reader.problems)
    return _dual(reader.lines), _plain(page.get("title", "")), reader.notes


def _name(head: str) -> str:
    return " ".join(head.strip().removeprefix("@").rstrip("^ ").split("(")[0].split())


def _dual(lines: list[Line]) -> list[Line]:
    """Dual dialogue: the same words are said together, others begin half a line before the one above ends."""
    made: list[Line] = []
    for line in lines:
        if line.dual:
            above = made[-1]
            if above.fields()["text"] == line.fields()["text"]:
                above.who = f"{above.who} + {line.who}"
                above.notes += line.notes
                continue
            if above.who != line.who and not {"pause", "start"} & line.options.keys():
                line.options["overlap"] = f"{max(0.2, _SECONDS_OF_OVERLAP * len(above.fields()['text'])):.2f}"
        made.append(line)
    return made


def _plain(text: str) -> str:
    """Text without the marks of emphasis; single asterisks stay, for they may hold a direction."""
    text = re.sub(r"\*{2,3}", "", text)
    return re.sub(r"(?<![\w\\])_(?=\S)|(?<=\S)_(?!\w)", "", text).replace("\\*", "*").replace("\\_", "_").strip()


def _without_notes(text: str) -> tuple[list[str], dict[int, list[str]]]:
    """The lines without ``/* */`` and ``[[ ]]``, and by index the notes that began in each; no line is taken away."""
    kept: list[str] = []
    noted: dict[int, list[str]] = {}
    at = line = 0
    last = {closing: text.rfind(closing) for closing in ("*/", "]]")}
    for opening in re.finditer(r"/\*|\[\[", text):
        closing = "*/" if opening[0] == "/*" else "]]"
        if opening.start() < at or last[closing] < opening.end():
            continue
        stop = text.find(closing, opening.end())
        before = text[at : opening.start()]
        line += before.count("\n")
        inner = text[opening.end() : stop]
        kept += [before, "\n" * inner.count("\n")]
        if closing == "]]" and inner.strip():
            noted.setdefault(line, []).append(" ".join(inner.split()))
        line += inner.count("\n")
        at = stop + 2
    return "".join([*kept, text[at:]]).split("\n"), noted
