"""Melodies on the workbench: a recording said by another voice in its timing and melody, and lyrics sung on notes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from generation.text.languages import ENGLISH
from studio.core.messages import existing_file
from studio.core.output import require_place
from studio.core.problems import DocumentError, Problem
from studio.core.progress import Progress, Stage
from studio.export.provenance import make_record
from studio.export.writers import write_sound
from studio.performance.speak_line import line_problems, line_scene, spoken
from studio.scene.schema import Scene
from studio.timeline.recordings import line_recording, notes_of_line
from studio.timeline.timeline import AverageDurations, Speaker, measure_lines

_MOST_BYTES = 20_000_000


def convert_file(source: Path, text: str, voice: str, target: Path) -> None:
    """Say what a recording says in another voice, with its timing and melody, into a marked WAV file.

    Raises:
        DocumentError: a file that cannot be read or written, a text that cannot be said or is not said there, an
            unknown voice.
    """
    _write({"recording": str(source.absolute()), "convert": True}, text, voice, target, source)


def sing_text(text: str, song: Mapping[str, Any], voice: str, target: Path) -> None:
    """Sing a text into a marked WAV file.

    Args:
        text: the lyrics.
        song: keys of :class:`studio.acting.marks.Song`; file names count from the working folder.
        voice: name of a voice, or a blend.
        target: the file.

    Raises:
        DocumentError: notes that cannot be read, do not fit the words or the voice; what cannot be said or written.
    """
    files = [Path(song[key]) for key in ("midi", "recording") if song.get(key)]
    given = {key: value for key, value in song.items() if value is not None}
    _write({"sing": given}, text, voice, target, *files)


def _write(keys: Mapping[str, Any], text: str, voice: str, target: Path, *files: Path) -> None:
    problems = line_problems(text, voice, ENGLISH, 1.0, {})
    if target.suffix.lower() != ".wav":
        problems.append(Problem("output", f"the sound {target.name[:60]!r} should end in .wav"))
    missing = [existing_file(path, "the file", "check its name and folder.") for path in files]
    problems += [Problem("file", reason) for reason in missing if reason]
    if problems:
        raise DocumentError(problems)
    scene = _scene(keys, text, voice)
    require_place(target, needed_bytes=_MOST_BYTES)
    from studio.performance.models import Models  # late: what cannot be used is refused in a second

    progress = Progress([Stage("speech", 1)])
    progress.start("speech")
    _, sound = spoken(scene, Models.load(), None, progress)
    said = {"text": text, "voice": voice}
    write_sound(sound, target, make_record(said, Path(), {"seed": 0, "steps": None}, photograph=False))


def _scene(keys: Mapping[str, Any], text: str, voice: str) -> Scene:
    """A scene of the one line, after the checks that need no model."""
    plain = line_scene(text, voice, ENGLISH, 1.0, {}, 0).model_dump(mode="json", exclude_defaults=True)
    try:
        scene = Scene.model_validate(plain | {"picture": "", "script": [{**plain["script"][0], **keys}]})
    except ValueError as error:
        what = str(error).splitlines()[2].strip().removeprefix("Value error, ").partition(" [type=")[0]
        raise DocumentError([Problem("script", f"the line {what}")]) from None
    load, notes = partial(line_recording, Path()), partial(notes_of_line, scene, Path())
    _, problems = measure_lines(scene, [Speaker(None)], AverageDurations(), load, notes_of=notes)
    if problems:
        raise DocumentError(problems.values())
    return scene
