"""The script as the rows of the script page, and what an edit of a row makes of a scene"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import soundfile

from studio.editor.picture_view import ink_on
from studio.project.project import Project
from studio.project.takes import Take
from studio.scene import screenplay
from studio.scene.retakes import kept_over
from studio.scene.schema import Character, Scene, ScriptLine, Voice

SECONDS_PER_LETTER = 0.07
"""Mean of the training corpus at speed 1, spaces included: a guess until the line was heard."""
TIMES = ("pause", "overlap", "start")
_LATEST = {"pause": 60.0, "overlap": 60.0, "start": 3600.0}


def rows(project: Project, busy: Mapping[str, bool]) -> list[dict[str, Any]]:
    """One row for each line of the script, as the widget wants it.

    Args:
        project: whose script.
        busy: ids of lines that are being spoken.
    """
    scene, made = project.scene, []
    for index, (line, line_id) in enumerate(zip(scene.script, project.line_ids(), strict=True)):
        owner = scene.find(line.who)
        takes = project.takes(line_id)
        kept = next((take for take in takes if take.seed == line.take), None)
        seconds = _length(kept)
        field, value = _time(line)
        made.append({
            "id": line_id, "index": index, "who": scene.cast[owner].name if owner is not None else line.who,
            "text": line.text, "speed": line.speed, "time": [field, value], "busy": line_id in busy,
            "colour": scene.colour_of(owner) if owner is not None else "#b3261e",
            "ink": ink_on(scene.colour_of(owner)) if owner is not None else "#ffffff",
            "known": seconds is not None, "recording": line.recording is not None,
            "seconds": seconds if seconds is not None else len(line.text) * SECONDS_PER_LETTER / line.speed,
            "takes": [_take(number, take, line.take) for number, take in enumerate(takes, 1)],
        })  # fmt: skip
    return made


def _time(line: ScriptLine) -> tuple[str, float]:
    for field in TIMES:
        if (value := getattr(line, field)) is not None:
            return field, float(value)
    return "pause", 0.0


def _take(number: int, take: Take, kept: int) -> dict[str, Any]:
    seconds = _length(take)
    length = "" if seconds is None else f", {seconds:.1f} s"
    label = f"Take {number}{length}"
    return {"id": take.id, "label": label, "kept": take.seed == kept, "heard": take.sound is not None}


def _length(take: Take | None) -> float | None:
    """Seconds of a take's sound; None when it is not there."""
    if take is None or take.sound is None:
        return None
    try:
        return float(soundfile.info(str(take.sound)).duration)
    except (OSError, RuntimeError):
        return None


def edited(scene: Scene, act: Mapping[str, Any]) -> tuple[Scene, str]:
    """The scene after an edit of a row.

    Args:
        scene: as the page showed it.
        act: ``kind`` field (``field`` who or speed, ``value``), time (``field`` pause, overlap or start, ``value``
            seconds), add, remove or move (``by`` lines), each of the line at ``index``; any may bring ``text``, what
            the line now says.

    Returns:
        The new scene, and what was done in a few words; the scene as it was when nothing was.

    Raises:
        ValueError: no such line, or a value that a line cannot have; one sentence.
    """
    index, kind = act.get("index"), act.get("kind")
    script = list(scene.script)
    if not isinstance(index, int) or not 0 <= index < len(script):
        raise ValueError("This line is no longer in the script; look at the script again.")
    label, what = f"line {index + 1}", ""
    if isinstance(act.get("text"), str):
        script[index] = ScriptLine.model_validate({**script[index].model_dump(), "text": act["text"]})
        what = f"Words of {label}"
    if kind == "field":
        script[index] = _with_field(script[index], str(act.get("field")), act.get("value"))
        what = f"{str(act['field']).capitalize()} of {label}"
    elif kind == "time":
        script[index] = _with_time(script[index], str(act.get("field")), act.get("value"))
        what = f"Time of {label}"
    elif kind == "add":
        script.insert(index + 1, ScriptLine(who=_answering(scene, index)))
        what = "New line"
    elif kind == "remove":
        del script[index]
        what = f"Line {index + 1} removed"
    elif kind == "move":
        script.insert(max(0, index + (1 if act.get("by") == 1 else -1)), script.pop(index))
        what = f"Line {index + 1} moved"
    return scene.model_copy(update={"script": kept_over(scene.script, script)}), what


def with_line(scene: Scene) -> Scene:
    """The scene with one more, empty line at the end, of whoever would answer."""
    who = _answering(scene, len(scene.script) - 1)
    return scene.model_copy(update={"script": (*scene.script, ScriptLine(who=who))})


def _answering(scene: Scene, index: int) -> str:
    """Who speaks after a line: whoever spoke before it, if it was another; else the next of the cast."""
    names = [member.name for member in scene.cast if member.role != "silent"]
    if not names:
        raise ValueError("Add a character on the page Cast first; a line needs somebody who says it.")
    if index < 0:
        return names[0]
    speaker = scene.script[index].who.casefold()
    before = [line.who for line in reversed(scene.script[:index]) if line.who.casefold() != speaker]
    if before and scene.find(before[0]) is not None:
        return scene.cast[scene.find(before[0]) or 0].name
    return next((name for name in names if name.casefold() != speaker), names[0])


def _with_field(line: ScriptLine, field: str, value: object) -> ScriptLine:
    if field == "who" and isinstance(value, str):
        return ScriptLine.model_validate({**line.model_dump(), field: value})
    if field == "speed":
        return line.model_copy(update={"speed": _between("The speed", value, 0.5, 2.0)})
    raise ValueError("That cannot be changed in a line.")


def _with_time(line: ScriptLine, field: str, value: object) -> ScriptLine:
    if field not in TIMES:
        raise ValueError("A line follows with a pause, an overlap, or at a time.")
    seconds = _between(f"The {field}", value, 0.0, _LATEST[field])
    if field == "overlap" and seconds == 0:
        seconds = 0.4  # switched to an overlap: enough to be heard as one
    times = dict.fromkeys(TIMES) | {field: None if (field, seconds) == ("pause", 0.0) else seconds}
    return line.model_copy(update=times)


def _between(what: str, value: object, low: float, high: float) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{what} should be between {low:g} and {high:g}.")
    return round(float(value), 2)


def pasted(scene: Scene, text: str, add_cast: bool) -> Scene:
    """The scene with the lines of a screenplay, ``NAME: text`` a line, in place of its script.

    Args:
        scene: as it is.
        text: the screenplay.
        add_cast: add those who speak and are not in the cast yet, as voices without a face until one is claimed.

    Raises:
        ValueError: lines that cannot be read, or names that nobody has; a sentence each.
    """
    script = tuple(ScriptLine.model_validate(fields) for fields in screenplay.parse(text))
    if not script:
        raise ValueError("There is no line in it; write NAME: text, one line each.")
    unknown = list(dict.fromkeys(line.who for line in script if scene.find(line.who) is None))
    if unknown and not add_cast:
        who = ", ".join(unknown)
        raise ValueError(f"Nobody in the cast is called {who}; correct the name, or tick the box to add them.")
    cast = [*scene.cast]
    used = {member.voice.preset for member in cast if member.voice}
    from studio.scene.voices import voice_names

    free = [name for name in voice_names() if name not in used] or list(voice_names())
    for number, name in enumerate(unknown):
        voice = Voice(preset=free[number % len(free)])
        cast.append(Character(name=name, role="narrator", voice=voice))
    return scene.model_copy(update={"script": kept_over(scene.script, script), "cast": tuple(cast)})
