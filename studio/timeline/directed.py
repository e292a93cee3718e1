"""The scene with its directions compiled: what they ask for stands in the explicit keys of its lines."""

from __future__ import annotations

from generation.text.directions import placed_directions
from generation.text.reading import INLINE
from studio.acting.compiling import Acted, compiled, show_emotions, total_speed
from studio.scene.schema import Scene, ScriptLine


def acted_line(scene: Scene, line: ScriptLine) -> Acted:
    """What the directions of a line ask for: those in its text, and its key ``direction``, which begins with it."""
    text = INLINE.sub(lambda m: m[1].strip() + (m[3] or ""), line.text)
    words, placed = placed_directions(text) if set("[(*<") & set(text) else (text, ())
    directions = ([(line.direction, 0)] if line.direction else []) + list(placed)
    return compiled(directions, len(words.split()), [member.name for member in scene.cast])


def directed_scene(scene: Scene) -> Scene:
    """The scene whose lines hold outright what their directions and emotions ask for.

    What a line says by a key of its own goes before what its directions say; curves, gazes and pauses of both are kept.
    """
    return scene.model_copy(update={"script": tuple(_directed(scene, line) for line in scene.script)})


def _directed(scene: Scene, line: ScriptLine) -> ScriptLine:
    if not (line.direction or line.emotions or set("[(*<") & set(line.text)):
        return line
    acted = acted_line(scene, line)
    emotions = acted.emotions | line.emotions
    n_words = len(placed_directions(line.text)[0].split())
    show_emotions(acted, emotions, n_words)
    return line.model_copy(
        update={
            "speed": total_speed(line.speed, acted.speed),
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
