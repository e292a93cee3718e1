"""A script of any format into a scene: what it is is told by what it holds, names by the cast."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from studio.core.messages import existing_file
from studio.core.output import require_place
from studio.core.problems import DocumentError, Problem
from studio.core.storage import utf8_text, write_whole
from studio.formats import fountain, plain, subtitles, tables
from studio.scene.document import MAX_BYTES as LARGEST_SCENE
from studio.scene.document import MOST_PROBLEMS, checked_scene, dump_scene, load_scene, scene_data
from studio.scene.retakes import kept_over
from studio.scene.schema import Character, Scene, ScriptLine, Voice, plain_name
from studio.scene.screenplay import ScreenplayError
from studio.scene.voices import voice_names

MAX_BYTES = 1_000_000
_LONGEST = 500
"""Letters of a line; a longer speech becomes several lines."""
SUFFIXES = ("fountain", "txt", "srt", "vtt", "csv", "tsv", "md")
"""Files that are offered to be read; what is in them is told by their contents."""


@dataclass(frozen=True)
class Script:
    """What a script holds.

    Attributes:
        kind: what it is written in, for a reader.
        lines: the keys of each line as :class:`studio.scene.schema.ScriptLine` has them, values as written.
        title: of the whole.
        left_out: what is not kept, a clause each.
    """

    kind: str
    lines: tuple[dict[str, str], ...]
    title: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What was read, in a sentence."""
        notes = sum(len(line.get("note", "").splitlines()) for line in self.lines)
        kept = f"; {notes} note{'s' * (notes != 1)} kept, which nobody speaks" if notes else ""
        left = "".join(f"; {clause}" for clause in self.left_out)
        count = len(self.lines)
        return f"{count} line{'s' * (count != 1)} read from {self.kind}{kept}{left}."


def read_script(text: str, names: Collection[str] = (), file: str = "") -> Script:
    """The lines of a script: subtitles, a table, ``NAME: text``, Fountain or each NAME on a line of its own.

    Args:
        text: the script.
        names: of the cast.
        file: its file's name, for messages.

    Raises:
        DocumentError: lines that cannot be read, with their numbers.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    text = text.replace("\0", " ").replace("\t", "    ") if tables.header_row(text) is None else text.replace("\0", " ")
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise DocumentError([Problem("script", "the script is larger than 1 MB", "import it in parts", file=file)])
    try:
        made = _read(text, names)
    except ScreenplayError as error:
        raise DocumentError(_problem(clause, number, file) for number, clause in error.faults[:MOST_PROBLEMS]) from None
    if not made.lines:
        raise DocumentError([Problem("script", "there is no line in it", "write NAME: text, one line each", file=file)])
    return replace(made, lines=tuple(part for line in made.lines for part in _parts(line)))


def _parts(line: dict[str, str]) -> list[dict[str, str]]:
    """A line, or a long speech as several, cut after sentences; the first has the time and the note."""
    text, parts = line["text"], []
    while len(text) > _LONGEST and "recording" not in line:
        window = text[:_LONGEST]
        cut = max(window.rfind(mark) for mark in (". ", "! ", "? ")) + 1 or window.rfind(" ") + 1 or _LONGEST
        parts.append(text[:cut].strip())
        text = text[cut:].strip()
    parts.append(text)
    again: dict[str, str] = {key: line[key] for key in ("who", "speed", "looks", "face") if key in line}
    return [{**(again if number else line), "text": part} for number, part in enumerate(parts)]


def _problem(clause: str, number: int, file: str) -> Problem:
    what = clause if file else f"line {number} of the script: {clause}"
    return Problem("script", what, file=file, line=number if file else None)


def _read(text: str, names: Collection[str]) -> Script:
    if subtitles.is_subtitles(text):
        lines, after = subtitles.read(text, names)
        return Script("subtitles", tuple(line.fields() for line in lines), left_out=_after(after))
    if tables.header_row(text) is not None:
        unused = tables.columns_left(text)
        left = (f"not used: the column {', '.join(unused)}",) if unused else ()
        return Script("a table", tuple(line.fields() for line in tables.read(text, names)), left_out=left)
    rows = text.split("\n")
    _, first = fountain.title_page(rows)
    cues = sum(1 for _ in fountain.cue_lines(rows, names))
    named = sum(1 for _ in plain.heads(rows[first:], names))
    if cues > named or (not named and fountain.written_names(rows)):
        lines, title, after = fountain.read(text, names)
        return Script("a screenplay", tuple(line.fields() for line in lines), title, _after(after))
    fields, after = plain.read(text, names)
    return Script("NAME: text", tuple(fields), left_out=_after(after))


def _after(notes: Sequence[str]) -> tuple[str, ...]:
    more = f" and {len(notes) - 1} more" if len(notes) > 1 else ""
    return (f"left out: {notes[0][:40]!r}{more} after the last line",) if notes else ()


def read_script_file(path: Path, names: Collection[str] = ()) -> Script:
    """As :func:`read_script`, of a file.

    Raises:
        DocumentError: no such file, no text, or lines that cannot be read.
    """
    if reason := existing_file(path, "the script"):
        raise DocumentError([Problem("script", reason)])
    if path.stat().st_size > MAX_BYTES:
        raise DocumentError([Problem("script", "the script is larger than 1 MB", "import it in parts", file=path.name)])
    return read_script(decoded(path.read_bytes(), path.name), names, path.name)


def decoded(data: bytes, name: str) -> str:
    """The text of a file, in UTF-8, or in UTF-16 where it begins with its mark.

    Raises:
        DocumentError: it is neither.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        with suppress(UnicodeDecodeError):
            return data.decode("utf-16")
    return utf8_text(data, name, "script")


def with_script(scene: Scene, script: Script, newcomers: Literal["refuse", "narrators", "faces"]) -> Scene:
    """The scene with the lines of a script in place of its own.

    Args:
        scene: as it is.
        script: what was read.
        newcomers: those who speak and are not in the cast are refused, or get a voice: as narrators, until a face is
            claimed for them, or each with the next free face.

    Raises:
        DocumentError: names that nobody has, or values that cannot be.
    """
    data = scene_data(scene)
    data |= {"script": list(script.lines), "title": scene.title or script.title}
    made = checked_scene(data)
    unknown = list(dict.fromkeys(n for line in made.script for n in line.speakers if made.find(n) is None))
    if unknown and newcomers == "refuse":
        raise DocumentError([_nobody(unknown, [member.name for member in scene.cast])])
    used = {member.voice.preset for member in scene.cast if member.voice}
    free = [name for name in voice_names() if name not in used] or list(voice_names())
    cast = [*made.cast]
    for number, name in enumerate({name.casefold(): name for name in unknown}.values()):
        voice = Voice(preset=free[number % len(free)])
        role: Literal["narrator"] | None = "narrator" if newcomers == "narrators" else None
        cast.append(Character(name=cast_name(name), role=role, voice=voice))
    lines: tuple[ScriptLine, ...] = kept_over(scene.script, made.script)
    return made.model_copy(update={"script": lines, "cast": tuple(cast)})


def scene_of_script(
    path: Path, output: Path, cast_of: Path | None = None, change: Callable[[Script, Path], Script] | None = None
) -> tuple[Scene, Script]:
    """A scene file made of a script.

    Args:
        path: the script.
        output: the scene file, which is not there yet.
        cast_of: a scene in the same folder whose picture and cast it is for; without one, everybody who speaks gets a
            voice, and the next free face of the picture that is still to be named.
        change: what is done with the script, whose files are named from the given folder, before it becomes a scene.

    Raises:
        DocumentError: the script or the scene cannot be read, names are in no cast, the output is there or elsewhere.
    """
    if output.suffix.lower() not in (".yaml", ".yml"):
        raise DocumentError([Problem("output", f"the scene file {output.name!r} should end in .yaml or .yml")])
    if output.exists():
        raise DocumentError([Problem("output", f"{output.name!r} is there already", "name another file")])
    if cast_of is not None and cast_of.resolve().parent != output.resolve().parent:
        what = f"{output.name!r} would lie in another folder than {cast_of.name!r}, whose files it names"
        raise DocumentError([Problem("output", what, "name one beside it")])
    require_place(output)
    before = Scene(picture="", cast=(), script=()) if cast_of is None else load_scene(cast_of)
    script = read_script_file(path, [member.name for member in before.cast])
    if change is not None:
        script = change(script, output.parent)
    scene = with_script(before, script, "faces" if cast_of is None else "refuse")
    text = dump_scene(scene)
    if len(text.encode()) > LARGEST_SCENE:
        raise DocumentError([Problem("script", "the script makes a scene of more than 1 MB", "import it in parts")])
    write_whole({output: text.encode()})
    return scene, script


def cast_name(name: str) -> str:
    """A name that somebody brings, as it may be in a cast.

    Raises:
        DocumentError: it cannot be one.
    """
    try:
        return plain_name(name)
    except ValueError as error:
        raise DocumentError([Problem("cast", f"the name {name[:40]!r} {error}")]) from None


def _nobody(unknown: Sequence[str], cast: Sequence[str]) -> Problem:
    """One sentence for all names that nobody has, each with the nearest one that somebody has."""
    names = {name.casefold(): name for name in cast}
    told = []
    for name in unknown[:5]:
        near = difflib.get_close_matches(name[:60].casefold(), names, n=1, cutoff=0.5)
        told.append(f"{name[:60]} (did you mean {names[near[0]]}?)" if near else name[:60])
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    what = f"nobody in the cast is called {' or '.join(told)}{more}"
    return Problem("script", what, "correct the names, or add them to the cast")
