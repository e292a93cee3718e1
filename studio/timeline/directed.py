"""The scene with its directions compiled: what they ask for stands in the explicit keys of its lines."""

from __future__ import annotations

from generation.text.directions import placed_directions
from generation.text.reading import INLINE, display_text
from studio.acting.compiling import Acted, compiled, show_emotions
from studio.acting.marks import Attitude
from studio.scene.schema import Scene, ScriptLine
from studio.timeline.interruptions import ends_with_dash


def acted_line(scene: Scene, line: ScriptLine) -> Acted:
    """What the directions of a line ask for: those in its text, and its key ``direction``, which begins with it."""
    text = INLINE.sub(lambda m: m[1].strip() + (m[3] or ""), line.text)
    words, placed = placed_directions(text)
    directions = ([(line.direction, 0)] if line.direction else []) + list(placed)
    return compiled(directions, len(words.split()), [member.name for member in scene.cast])


def directed_scene(scene: Scene) -> Scene:
    """The scene whose lines hold outright what their directions and emotions ask for.

    Styles, emotions and blinks of a line's own keys go before those of its directions; pace, loudness, pitch and melody
    of both act together, within what a line may have; curves, gazes and pauses of both are kept.
    """
    script: list[ScriptLine] = []
    for line in scene.script:
        made, interrupts = _directed(scene, line)
        if script and _interrupted_by(script[-1], made, interrupts):
            script[-1] = script[-1].model_copy(update={"interrupted": "cut"})
        script.append(made)
    return scene.model_copy(update={"script": tuple(script)})


def _interrupted_by(line: ScriptLine, following: ScriptLine, interrupts: bool) -> bool:
    """Whether a line that does not say so is cut off: the next interrupts it, or overlaps it where a dash ends it."""
    if line.interrupted is not None or line.words or set(_names(line)) & set(_names(following)):
        return False
    return interrupts or (following.overlap is not None and ends_with_dash(line.text))


def _attitudes(scene: Scene, line: ScriptLine, acted: Acted) -> dict[str, Attitude]:
    """Of listeners by name; what is said of all of them holds for those of whom nothing else is."""
    everybody = acted.attitudes.get("")
    of_all = {} if everybody is None else {member.name: everybody for member in scene.cast}
    named = {name: attitude for name, attitude in acted.attitudes.items() if name}
    known = {name.casefold() for name in line.attitudes}
    return line.attitudes | {name: a for name, a in (of_all | named).items() if name.casefold() not in known}


def _names(line: ScriptLine) -> list[str]:
    return [name.casefold() for name in line.speakers]


def _directed(scene: Scene, line: ScriptLine) -> tuple[ScriptLine, bool]:
    """A line with its directions compiled, and whether they say that it interrupts the one before."""
    acted = acted_line(scene, line)
    emotions = acted.emotions | line.emotions
    if not (acted.chips or emotions):
        return line, False
    show_emotions(acted, emotions, len(display_text(line.text).split()))
    made = line.model_copy(
        update={
            "speed": min(2.0, max(0.5, line.speed * acted.speed)),
            "loudness": min(12.0, max(-20.0, line.loudness + acted.loudness)),
            "pitch": min(6.0, max(-6.0, line.pitch + acted.pitch)),
            "melody": min(2.0, line.melody * acted.melody),
            "styles": acted.styles | line.styles,
            "emotions": emotions,
            "blinks": acted.blinks if line.blinks is None else line.blinks,
            "curves": (*line.curves, *acted.curves),
            "gazes": (*line.gazes, *acted.gazes),
            "pauses": (*line.pauses, *acted.pauses),
            "attitudes": _attitudes(scene, line, acted),
            "interrupted": line.interrupted or (None if line.words else acted.interrupted),
        }
    )
    return made, acted.interrupts
