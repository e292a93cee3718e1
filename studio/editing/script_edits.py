"""What the rows of the Script page show, and the edits of the scene that are made in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import soundfile
from pydantic import ValidationError

from studio.acting.marks import NewWord
from studio.editing.actions import (
    AddLine,
    CorrectWord,
    LineAction,
    MoveLine,
    RemoveLine,
    ReplaceWord,
    SetDirection,
    SetFace,
    SetLanguage,
    SetOverlap,
    SetPause,
    SetSpeaker,
    SetSpeed,
    SetStart,
    SetStyles,
)
from studio.editor.line_reading import shown_reading
from studio.editor.picture_view import ink_on
from studio.formats.importing import read_script, with_script
from studio.project.project import Project
from studio.project.takes import Take
from studio.scene.lexicon import lexicon_in, with_sound
from studio.scene.retakes import LINE_GONE, kept_over
from studio.scene.schema import Scene, ScriptLine
from studio.scene.screenplay import written_styles
from studio.scene.voices import language_of
from studio.timeline.directed import acted_line
from studio.timeline.new_words import new_text, with_new_word, without_new_word

SECONDS_PER_LETTER = 0.07
"""Mean of the training corpus at speed 1, spaces included: a guess until the line was heard."""
MOST_LETTERS = 1000
"""Of a line whose reading is shown; the check refuses longer ones."""
TIMES = ("pause", "overlap", "start")


def script_rows(project: Project, busy: Mapping[str, bool]) -> list[dict[str, Any]]:
    """One row for each line of the script, as the widget wants it.

    Args:
        project: whose script.
        busy: ids of lines that are being spoken.
    """
    scene, made = project.scene, []
    for index, (line, line_id) in enumerate(zip(scene.script, project.line_ids(), strict=True)):
        owner = next(iter(scene.speakers_of(line)), None)
        takes = project.takes(line_id)
        kept = next((take for take in takes if take.seed == line.take), None)
        seconds = _length(kept)
        field, value = _time(line)
        made.append({
            "id": line_id, "index": index, "who": _known(scene, line.speakers), "face": _known(scene, line.faces),
            "text": line.text, "language": line.language or "", "note": line.note, "read": _reading(scene, index),
            "speed": line.speed, "styles": written_styles(line.styles),
            "direction": line.direction, "acts": _acts(scene, index), "time": [field, value], "busy": line_id in busy,
            "colour": scene.colour_of(owner) if owner is not None else "#b3261e",
            "ink": ink_on(scene.colour_of(owner)) if owner is not None else "#ffffff",
            "known": seconds is not None, "recording": line.recording is not None,
            "seconds": seconds if seconds is not None else len(line.text) * SECONDS_PER_LETTER / line.speed,
            "takes": [_take(number, take, line.take) for number, take in enumerate(takes, 1)],
        })  # fmt: skip
    return made


def _acts(scene: Scene, index: int) -> list[dict[str, str]]:
    """The parts of a line's directions: their words, what each means, and the nearest where it means nothing."""
    line = scene.script[index]
    if len(line.text) > MOST_LETTERS:
        return []
    return [vars(chip) for chip in acted_line(scene, line).chips]


def _reading(scene: Scene, index: int) -> str:
    line = scene.script[index]
    if line.recording is not None or len(line.text) > MOST_LETTERS:
        return ""
    if line.words:
        try:
            return new_text(line.text, line.words)
        except ValueError:
            return ""  # the check says why
    language = _language(scene, index)
    return shown_reading(line.text, language, lexicon_in(scene.lexicon, language))


def _known(scene: Scene, names: Sequence[str]) -> list[str]:
    """Names as the cast writes them; those that nobody has as they are."""
    found = [(name, scene.find(name)) for name in names]
    return [name if index is None else scene.cast[index].name for name, index in found]


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


def apply_line_action(scene: Scene, action: LineAction) -> tuple[Scene, str]:
    """The scene after an action in a row of the script.

    Args:
        scene: as the page showed it.
        action: what was done; the text that it brings along becomes the line's.

    Returns:
        The new scene, and what was done in a few words; the scene as it was when nothing of it changed.

    Raises:
        ValueError: no such line, or nobody who could say a new one; one sentence.
    """
    script, index = list(scene.script), action.index
    if index >= len(script):
        raise ValueError(LINE_GONE)
    label, what = f"line {index + 1}", ""
    if action.text is not None:
        script[index], what = _changed(script[index], text=action.text), f"Words of {label}"
    match action:
        case SetSpeaker() | SetFace() | SetLanguage() | SetSpeed() | SetStyles() | SetDirection():
            value = round(action.value, 2) if isinstance(action, SetSpeed) else action.value
            script[index] = _changed(script[index], **{action.kind: value})  # the kind is the field's name
            what = f"{action.kind.capitalize()} of {label}"
        case SetPause() | SetOverlap() | SetStart():
            script[index], what = _with_time(script[index], action), f"Time of {label}"
        case AddLine():
            script.insert(index + 1, ScriptLine(who=_answering(scene, index)))
            what = "New line"
        case RemoveLine():
            del script[index]
            what = f"Line {index + 1} removed"
        case MoveLine():
            script.insert(max(0, index + action.by), script.pop(index))
            what = f"Line {index + 1} moved"
    made = scene.model_copy(update={"script": kept_over(scene.script, script)})
    return _with_word(made, action) if isinstance(action, CorrectWord | ReplaceWord) else (made, what)


def _with_word(scene: Scene, action: CorrectWord | ReplaceWord) -> tuple[Scene, str]:
    """The scene with a word corrected everywhere, or replaced in its line, and what was done."""
    index = action.index
    if isinstance(action, CorrectWord):
        return with_sound(scene, action.word, action.sound, _language(scene, index)), f"How {action.word} sounds"
    script = list(scene.script)
    script[index] = _replaced(script[index], action)
    return scene.model_copy(update={"script": tuple(script)}), f"{action.word} of line {index + 1}"


def _replaced(line: ScriptLine, action: ReplaceWord) -> ScriptLine:
    if not action.to.strip():
        return without_new_word(line, action.word)
    if line.recording is not None:
        raise ValueError("This line is a recording, in which no word can be replaced.")
    try:
        return with_new_word(line, NewWord(word=action.word, to=action.to))
    except ValidationError:
        raise ValueError(ReplaceWord.refused) from None
    except ValueError as error:
        sentence = str(error)
        raise ValueError(sentence[:1].upper() + sentence[1:]) from None


def _language(scene: Scene, index: int) -> str:
    """The language in which a line is read."""
    speakers = scene.speakers_of(scene.script[index])
    return language_of(scene, speakers[0], scene.script[index]) if speakers else "en-us"


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
    speakers = scene.speakers_of(scene.script[index])
    before = [said for line in reversed(scene.script[:index]) if (said := scene.speakers_of(line)) != speakers]
    if before and before[0]:
        return scene.cast[before[0][0]].name
    spoken = [scene.cast[speaker].name for speaker in speakers]
    return next((name for name in names if name not in spoken), names[0])


def _changed(line: ScriptLine, **changes: object) -> ScriptLine:
    try:
        return ScriptLine.model_validate({**line.model_dump(), **changes})
    except ValidationError as error:
        found = error.errors()[0]
        if found["loc"][:1] == ("styles",):
            raise ValueError(SetStyles.refused) from None
        raise ValueError(f"This line {found['ctx']['error']}.") from None


def _with_time(line: ScriptLine, action: SetPause | SetOverlap | SetStart) -> ScriptLine:
    seconds = round(action.value, 2)
    if action.kind == "overlap" and seconds == 0:
        seconds = 0.4  # switched to an overlap: enough to be heard as one
    times = dict.fromkeys(TIMES) | {action.kind: None if (action.kind, seconds) == ("pause", 0.0) else seconds}
    return _changed(line, **times)


def pasted(scene: Scene, text: str, add_cast: bool) -> tuple[Scene, str]:
    """The scene with the lines of a script in place of its own, and what was read, in a sentence.

    Args:
        scene: as it is.
        text: the script in any of the formats of :mod:`studio.formats`.
        add_cast: add those who speak and are not in the cast yet, as voices without a face until one is claimed.

    Raises:
        DocumentError: lines that cannot be read, or names that nobody has.
    """
    script = read_script(text, [member.name for member in scene.cast])
    return with_script(scene, script, "narrators" if add_cast else "refuse"), script.told
