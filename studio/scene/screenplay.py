"""A script as plain text, ``NAME (pause 0.5, speed 1.1): text`` a line, read and written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Protocol

OPTIONS = (
    "pause", "overlap", "start", "speed", "styles", "take", "looks", "face", "language", "recording", "channel",
    "interrupted",
)  # fmt: skip
MOST_LINES = 10_000
"""Lines of text, empty ones and continued ones too; a scene has a tenth of them."""
_OPTION_LIST = re.compile(r"\(((?:[^()\"]|\"(?:[^\"\\]|\\.)*\")*)\)")
_PAUSE = re.compile(r"\(\s*pause\s+([^()\s]+)\s*\)")
_OPTION = re.compile(r"\s*([^\s,]+)(?:\s+(\"(?:[^\"\\]|\\.)*\"|[^,]*))?\s*(?:,|$)")


class ScreenplayError(ValueError):
    """Lines that cannot be read: ``faults`` has the number of each, from 1, and a clause that says what is wrong."""

    def __init__(self, faults: Iterable[tuple[int, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"screenplay line {number}: {clause}" for number, clause in self.faults))


class WrittenLine(Protocol):
    """What of a script line is printed; see :class:`studio.scene.schema.ScriptLine`."""

    @property
    def who(self) -> str:
        """Who says it."""

    @property
    def text(self) -> str:
        """What is said."""

    @property
    def note(self) -> str:
        """What stands before it in the script and nobody speaks."""

    @property
    def language(self) -> str | None:
        """What it is spoken in, if not in its speaker's language."""

    @property
    def recording(self) -> str | None:
        """File that is played in place of speech."""

    @property
    def channel(self) -> str | int | None:
        """Which channel of that is heard."""

    @property
    def pause(self) -> float | None:
        """Seconds of silence before it."""

    @property
    def overlap(self) -> float | None:
        """Seconds by which it begins before the one before it ends."""

    @property
    def start(self) -> float | None:
        """Second at which it begins."""

    @property
    def speed(self) -> float:
        """Factor of the pace."""

    @property
    def styles(self) -> Mapping[str, float]:
        """Strength of each style that it names."""

    @property
    def take(self) -> int:
        """Number of the take."""

    @property
    def looks(self) -> str | None:
        """Whom the speaker looks at."""

    @property
    def face(self) -> str | None:
        """Whose face speaks it, if it is another's."""

    @property
    def interrupted(self) -> str | None:
        """How it ends when another line begins in it."""


def parse(text: str) -> list[dict[str, str]]:
    """Fields of each script line in a screenplay.

    A line is ``NAME: text`` or ``NAME (option value, ...): text`` with the options pause, overlap, start (seconds),
    speed (a factor), styles (``whisper 0.8 + weary``), take (a number), looks (a name, viewer or away), face (a name),
    language (such as es), recording (a file), channel (of it) and interrupted (cut or yield). Several names with a plus
    between them (``NORA + THEO``) say a line together, or are the faces that a voice comes out of. An indented line
    continues the one before it, ``(pause 1.5)`` alone is a pause before the next line, ``#`` begins a note for the next
    line, which nobody speaks.

    Args:
        text: the screenplay.

    Returns:
        One dictionary a line with the keys of :class:`studio.scene.schema.ScriptLine`, values as written.

    Raises:
        ScreenplayError: lines that cannot be read.
    """
    lines: list[dict[str, str]] = []
    texts: list[list[str]] = []
    problems: list[tuple[int, str]] = []
    pause: str | None = None
    notes: list[str] = []
    for number, raw in enumerate(_lines_of(text), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            notes += filter(None, [line[1:].strip()])
            continue
        try:
            if match := _PAUSE.fullmatch(line):
                pause = match[1]
            elif parts := split_line(line):
                name, options, spoken = parts
                fields = _fields(name, options)
                if pause is not None:
                    given, pause = pause, None
                    if {"pause", "overlap", "start"} & fields.keys():
                        raise ValueError("a pause stands before it and a time inside it; keep one of them")
                    fields["pause"] = given
                if notes:
                    fields["note"], notes = "\n".join(notes), []
                lines.append(fields)
                texts.append(spoken.split())
            elif raw[0].isspace() and lines:
                texts[-1] += line.split()
            else:
                raise ValueError(f"{line[:40]!r} has no speaker; write it as NAME: text")
        except ValueError as error:
            problems.append((number, str(error)))
    if pause is not None:
        problems.append((number, "the pause at the end has no line after it; remove it"))
    if problems:
        raise ScreenplayError(problems)
    return [fields | {"text": " ".join(words)} for fields, words in zip(lines, texts, strict=True)]


def _lines_of(text: str) -> list[str]:
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise ScreenplayError([(MOST_LINES + 1, f"the script has {len(lines)} lines; {MOST_LINES} are the most")])
    return lines


def parse_head(head: str) -> dict[str, str]:
    """Fields of the part before the colon, ``NAME`` or ``NAME (option value, ...)``.

    Raises:
        ValueError: an unknown option, or brackets that do not close.
    """
    head = head.strip()
    name, bracket, _ = head.partition("(")
    match = _OPTION_LIST.fullmatch(head, len(name)) if bracket else None
    if not name or (bracket and match is None):
        raise ValueError(f"{head[:40]!r} should be a name, or a name with options in brackets")
    return _fields(name, match[1] if match else None)


def is_pause(line: str) -> bool:
    """Whether a line is a pause by itself: ``(pause 1.5)``."""
    return _PAUSE.fullmatch(line) is not None


def split_line(line: str) -> tuple[str, str | None, str] | None:
    """Name, options and text of a line in a time that grows with its length alone; None if it has no speaker.

    One pattern for all three tries every way to share a run of spaces among them: cubic in its length.
    """
    name = re.split("[:(]", line, maxsplit=1)[0]
    rest = line[len(name) :]
    options = None
    if rest.startswith("("):
        match = _OPTION_LIST.match(rest)
        if match is None:
            return None
        options, rest = match[1], rest[match.end() :].lstrip()
    return (name, options, rest[1:]) if name and rest.startswith(":") else None


def _fields(name: str, options: str | None) -> dict[str, str]:
    fields = {"who": " ".join(name.split())}
    position = 0
    while options and position < len(options.rstrip()):
        match = _OPTION.match(options, position)
        if match is None or match[1] not in OPTIONS or not (match[2] or "").strip():
            given = options[position:].strip()
            raise ValueError(f"option {given!r} is not understood; known are {', '.join(OPTIONS)}, each with a value")
        if match[1] in fields:
            raise ValueError(f"option {match[1]} is given twice; keep one")
        value = match[2].strip()
        try:
            fields[match[1]] = json.loads(value) if value.startswith('"') else value
        except json.JSONDecodeError:
            raise ValueError(f"option {match[1]}: {value[:40]} should be one text in quotation marks") from None
        position = match.end()
    return fields


def print_lines(lines: Iterable[WrittenLine]) -> str:
    """The screenplay of some script lines; :func:`parse` gives them back."""
    return "".join(_print_line(line) for line in lines)


def _print_line(line: WrittenLine) -> str:
    options = []
    for key in ("pause", "overlap", "start"):
        if (value := getattr(line, key)) is not None:
            options.append(f"{key} {value!r}")
    if line.speed != 1.0:
        options.append(f"speed {line.speed!r}")
    if line.take:
        options.append(f"take {line.take}")
    if line.styles:
        options.append(f"styles {_quoted(written_styles(line.styles))}")
    for key in ("looks", "face", "recording", "interrupted"):
        if (value := getattr(line, key)) is not None:
            options.append(f"{key} {_quoted(value)}")
    if line.language is not None:
        options.append(f"language {line.language}")
    if line.channel is not None:
        options.append(f"channel {line.channel}")
    head = f"{line.who} ({', '.join(options)})" if options else line.who
    notes = "".join(f"# {note}\n" for note in line.note.splitlines())
    return notes + f"{head}: {line.text}".rstrip() + "\n"


def _quoted(value: str) -> str:
    """An option's value as it is written: in quotation marks where signs in it would end it."""
    plain = re.fullmatch(r"[^\s,()\"](?:[^,()\"]*[^\s,()\"])?", value)
    return value if plain else json.dumps(value, ensure_ascii=False)


def written_styles(styles: Mapping[str, float]) -> str:
    """Strengths of styles as one text, which :func:`read_styles` reads."""
    return " + ".join(f"{name} {strength:.12g}" for name, strength in styles.items())


def read_styles(value: str) -> dict[str, str]:
    """Strengths, as written, of the styles in a text such as ``whisper 0.8 + weary``; 1 where none is given."""
    strengths = {}
    for named in filter(None, value.split(" + ")):
        name, _, much = named.strip().rpartition(" ")
        given = bool(name) and re.fullmatch(r"[0-9][0-9.]*(?:e-?[0-9]+)?", much)
        strengths[name if given else named.strip()] = much if given else "1"
    return strengths
