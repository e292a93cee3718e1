"""Retakes in a scene: spans of lines whose motion is generated again; their validation and edits."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from generation.core.clock import FPS, frames_from_seconds, seconds_from_frames
from generation.motion.keyframes import HANDLES
from studio.acting.marks import Keyframe, Retake
from studio.core.problems import DocumentError, Problem
from studio.scene.schema import FaceMotion, Scene, ScriptLine
from studio.scene.screenplay import OPTIONS

_WRITTEN = {"who", "text", "note", *OPTIONS}
"""Keys of a line that a screenplay has."""
LEAST_FRAMES = 5
"""Shortest span that can be made again: below 0.2 s there is nothing between its fades."""

LINE_GONE = "This line is no longer in the script; look at the script again."
"""What is said of an edit whose line another window removed."""


def faults(line: ScriptLine, longest: float | None = None) -> list[Problem]:
    """Problems of a line's retakes; places count from the line.

    Args:
        line: the script line.
        longest: seconds that the line lasts at most; None = not known.
    """
    found: list[Problem] = []
    for number, span in enumerate(line.retakes, 1):
        name, where = f"retake {number} ({span.start:g} to {span.end:g} s)", ("retakes", number - 1)
        if longest is not None and span.start > longest - LEAST_FRAMES / FPS + 1e-6:
            what = f"{name} lies outside the line, which lasts {longest:.2f} s"
            found.append(Problem("script", what, "move or remove it", where))
        elif span.end - span.start < LEAST_FRAMES / FPS - 1e-6:
            least = f"let it last at least {LEAST_FRAMES / FPS:g} s"
            found.append(Problem("script", f"{name} is too short", least, where))
        for index, key in enumerate(span.keys):
            if fault := _key_fault(key, span):
                what, repair = fault
                found.append(Problem("script", f"{name}: {what}", repair, (*where, "keys", index)))
        places = [(frames_from_seconds(key.at), key.channel) for key in span.keys]
        for frame, channel in sorted({place for place in places if places.count(place) > 1}):
            what = f"{name} has two keys for {channel} at {seconds_from_frames(frame):g} s"
            found.append(Problem("script", what, "keep one", where))
    in_order = sorted(line.retakes, key=lambda span: span.start)
    for one, other in zip(in_order, in_order[1:], strict=False):
        if other.start < one.end:
            what = f"the retakes from {one.start:g} and {other.start:g} s overlap"
            found.append(Problem("script", what, "move or remove one", ("retakes",)))
    return found


def _key_fault(key: Keyframe, span: Retake) -> tuple[str, str] | None:
    """What is wrong with a key, and what to do."""
    handle = HANDLES.get(key.channel)
    if handle is None:
        close = difflib.get_close_matches(key.channel[:60], HANDLES, n=1, cutoff=0.0)
        return f"the channel {key.channel!r} is not known", f"did you mean {close[0]!r}?"
    if not handle.least <= key.value <= handle.most:
        return f"{key.channel} should be between {handle.least:g} and {handle.most:g}", f"it is {key.value:g}"
    if not span.start <= key.at <= span.end:
        return f"its key at {key.at:g} s lies outside it", f"keep keys between {span.start:g} and {span.end:g} s"
    return None


def with_retake(
    scene: Scene, index: int, start: float, end: float, keys: Sequence[Keyframe], longest: float, take: int
) -> Scene:
    """The scene in which a span of a line is made again; it takes the place of the retakes that it meets.

    Args:
        scene: as it is.
        index: of the line.
        start: seconds after the line's beginning, as ``end``; both are rounded to video frames and cut at its end.
        end: see ``start``.
        keys: what the motion is to pass through; the former keys of the span are not kept.
        longest: seconds that the line lasts.
        take: number of the new motion.

    Raises:
        ValueError: such a span cannot be made again.
    """
    line = scene.script[index]
    if end <= start:
        raise ValueError("The span ends before it begins; drag it from left to right, or correct its numbers.")
    start, end = (round(frames_from_seconds(at) / FPS, 3) for at in (max(0.0, start), min(end, longest)))
    keys = tuple(key.model_copy(update={"at": round(frames_from_seconds(key.at) / FPS, 3)}) for key in keys)
    made = Retake(start=start, end=end, take=take, keys=keys)
    others = tuple(span for span in line.retakes if span.end <= start or span.start >= end)
    if problems := faults(line.model_copy(update={"retakes": (made,)}), longest):
        raise DocumentError(problems[:1])
    ordered = sorted((*others, made), key=lambda span: span.start)
    return with_retakes(scene, index, ordered)


def with_retakes(scene: Scene, index: int, spans: Iterable[Retake]) -> Scene:
    """The scene with these retakes of a line and no others."""
    script = list(scene.script)
    script[index] = script[index].model_copy(update={"retakes": tuple(spans)})
    return scene.model_copy(update={"script": tuple(script)})


def sound_only(scene: Scene) -> Scene:
    """The scene without retakes and motion files: enough for its sound, which neither changes."""
    script = tuple(line.model_copy(update={"retakes": (), "motion": FaceMotion()}) for line in scene.script)
    cast = tuple(character.model_copy(update={"motion": FaceMotion()}) for character in scene.cast)
    return scene.model_copy(update={"script": script, "cast": cast})


def kept_over(old: Sequence[ScriptLine], new: Sequence[ScriptLine]) -> tuple[ScriptLine, ...]:
    """A new script in which lines that say what an old one says have all of it that a screenplay cannot write.

    That is what the new line does not set itself: motion, replaced words, directions, curves and so on. Retakes stay
    only where the sound stays, for whose times they were made; a line with other words has none, and no replaced words.
    """
    untouched = {id(line) for line in old} & {id(line) for line in new}
    known: dict[tuple[object, ...], list[ScriptLine]] = {}
    for line in old:
        if id(line) not in untouched:
            known.setdefault(_said(line), []).append(line)
    made = []
    for line in new:
        same = known.get(_said(line))
        if id(line) in untouched:
            made.append(line)
        elif same:
            made.append(_with_unwritten(line, same.pop(0)))
        else:
            made.append(line.model_copy(update={"retakes": (), "words": ()}))
    return tuple(made)


def _with_unwritten(line: ScriptLine, former: ScriptLine) -> ScriptLine:
    """The line with what it does not set itself and a screenplay cannot write, as its former self has it."""
    lacking = set(ScriptLine.model_fields) - _WRITTEN - line.model_fields_set
    kept = line.model_copy(update={name: getattr(former, name) for name in lacking})
    return kept if _sound(kept) == _sound(former) else kept.model_copy(update={"retakes": ()})


def _said(line: ScriptLine) -> tuple[object, ...]:
    """Who says what."""
    return line.who.casefold(), line.text, line.language, line.recording, line.channel


def _sound(line: ScriptLine) -> tuple[object, ...]:
    """What else decides when a line's sounds are heard."""
    return line.speed, tuple(line.styles.items()), line.direction, tuple(line.emotions.items()), line.pauses
