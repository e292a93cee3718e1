"""Motion from files in a finished performance: the regions of faces that a scene gives to them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.core.motion import INDEX, REGION_CHANNELS, Region
from generation.core.performance import StoredPerformance
from generation.motion.keyframes import FADE, crossfade
from generation.motion.motion_files import MotionFile
from studio.scene.schema import BY_VOICE, Scene
from studio.timeline.motion_files import scene_motion
from studio.timeline.timeline import Timeline


@dataclass(frozen=True)
class _Span:
    """Frames of somebody's region that a file moves: from ``first`` to ``stop``, its own frame 0 at ``zero``."""

    who: int
    region: Region
    name: str
    zero: int
    first: int
    stop: int


def write_given_motion(
    performance: StoredPerformance,
    scene: Scene,
    folder: Path,
    timeline: Timeline,
    begin: int = 0,
    end: int | None = None,
) -> None:
    """Writes what files give over the motion of a performance.

    A file of a character runs from the scene's first frame, one of a line from the line's first to its last. In its
    frames the region's channels are the file's, exactly; where it begins or ends within the scene, the motion passes
    over within :data:`generation.motion.keyframes.FADE` frames beyond. A line's ``voice`` gives the region back to the
    model for as long as the line lasts.

    Args:
        performance: of the whole scene; its motion is changed.
        scene: says what comes from where.
        folder: where its file names start.
        timeline: of the scene.
        begin: first frame that is written.
        end: frame after the last one; None = that of the scene.

    Raises:
        ValueError: a file that cannot be used; the check says so before.
    """
    for span in _spans(scene, timeline):
        wanted = slice(begin, performance.n_frames if end is None else end)
        _write(performance, span, scene_motion(folder, span.name, span.region), wanted)


def _spans(scene: Scene, timeline: Timeline) -> Iterator[_Span]:
    """What files move when: those of characters first, those of lines over them."""
    of_lines = []
    for line, written in zip(timeline.lines, scene.script, strict=True):
        for voiced in timeline.of_all_speakers(line):
            for face in scene.faces_of(written, voiced.character):
                of_lines.append((face, line.start, line.stop, written.motion))
    for who, character in enumerate(scene.cast):
        for region, name in character.motion.files.items():
            first = 0
            freed = sorted(
                (a, b) for face, a, b, motion in of_lines if face == who and getattr(motion, region) == BY_VOICE
            )
            for start, stop in [*freed, (timeline.n_frames, timeline.n_frames)]:
                if first < start:
                    yield _Span(who, region, name, 0, first, start)
                first = max(first, stop)
    for face, start, stop, motion in of_lines:
        for region, name in motion.files.items():
            yield _Span(face, region, name, start, start, stop)


def _write(performance: StoredPerformance, span: _Span, file: MotionFile, wanted: slice) -> None:
    n_frames, given = performance.n_frames, file.track.values
    stop = min(span.stop, span.zero + len(given))
    if stop <= span.first:
        return
    around = slice(max(0, span.first - FADE), min(n_frames, stop + FADE))
    columns = [INDEX[name] for name in REGION_CHANNELS[span.region] if name in file.channels]
    motion = performance.motion[span.who][around]
    held = np.arange(around.start, around.stop).clip(span.first, stop - 1) - span.zero
    inside = span.first - around.start, stop - around.start
    motion[:, columns] = crossfade(motion[:, columns], given[held][:, columns], *inside)
    first, last = max(around.start, wanted.start), min(around.stop, wanted.stop)
    if first < last:
        performance.motion[span.who][first:last] = motion[first - around.start : last - around.start]
