"""The scene with its directions compiled: what they ask for stands in the explicit keys of its lines."""

from __future__ import annotations

from generation.text.directions import placed_directions
from generation.text.reading import INLINE, display_text
from studio.acting.compiling import Acted, compiled, show_emotions
from studio.scene.schema import Scene, ScriptLine


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
    return scene.model_copy(update={"script": tuple(_directed(scene, line) for line in scene.script)})


def _directed(scene: Scene, line: ScriptLine) -> ScriptLine:
    acted = acted_line(scene, line)
    emotions = acted.emotions | line.emotions
    if not (acted.chips or emotions):
        return line
    show_emotions(acted, emotions, len(display_text(line.text).split()))
    return line.model_copy(
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
        }
    )
