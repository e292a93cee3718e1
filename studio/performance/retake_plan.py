"""Places the retakes of a scene on its timeline, and applies their keyframes to the motion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from generation.core.clock import frames_from_seconds, seconds_from_frames
from generation.core.performance import StoredPerformance
from generation.motion.keyframes import FADE, Key, KeyedSpan, through_keyframes
from studio.core.problems import DocumentError
from studio.scene.retakes import faults
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline


def plan_retakes(scene: Scene, timeline: Timeline) -> list[KeyedSpan]:
    """The retakes of a scene on its clock, cut at the ends of their lines.

    Raises:
        DocumentError: one lies outside its line, or cannot be.
    """
    spans = []
    for number, (written, line) in enumerate(zip(scene.script, timeline.lines, strict=True), 1):
        if problems := faults(written, seconds_from_frames(line.n_frames)):
            what = f"script line {number} ({written.who}): {problems[0].what}"
            raise DocumentError([replace(problems[0], what=what, where=("script", number - 1, *problems[0].where))])
        for span in written.retakes:
            first = line.start + frames_from_seconds(span.start)
            stop = min(line.stop, line.start + frames_from_seconds(span.end))
            frames = [(line.start + frames_from_seconds(key.at), key) for key in span.keys]
            keys = tuple(Key(min(frame, stop - 1), key.channel, key.value) for frame, key in frames if frame <= stop)
            spans += [
                KeyedSpan(voiced, first, stop, span.take, keys, face)
                for voiced in timeline.of_all_speakers(line)
                for face in scene.faces_of(written, voiced.character)
            ]
    # a face that several voices say a line through is made again once
    once = {(span.line.start, span.first, span.mover): span for span in reversed(spans)}.values()
    return sorted(once, key=lambda span: (span.first, span.mover))


def bend_through_keys(performance: StoredPerformance, spans: Iterable[KeyedSpan]) -> None:
    """Writes the finished motion through all keys, exactly; beyond the spans and their fades to the bit as it was."""
    for span in spans:
        around = frames_around(span, performance.n_frames)
        motion = performance.motion[span.mover]
        motion[around] = through_keyframes(motion[around], span.shifted(-around.start))


def frames_around(span: KeyedSpan, n_frames: int) -> slice:
    """The frames that a span and its fades can change, and one beyond them, of so many."""
    return slice(max(0, span.first - FADE - 1), min(n_frames, span.stop + FADE + 1))
