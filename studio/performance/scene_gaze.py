"""Gaze and blinks over a whole scene: by who speaks in each segment, and by the gaze targets of the script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from generation.core.delivery import Delivery
from generation.core.motion import CHANNELS
from generation.core.performance import Performance, StoredPerformance
from generation.core.stored_array import blocks
from generation.motion.gaze import ACROSS, AWAY, EYES, GazeSpan, draw_eyes
from generation.motion.keyframes import KeyedSpan, crossfade, splice_blinks
from studio.performance.recorded_lines import voices_alone
from studio.performance.retake_plan import frames_around
from studio.scene.schema import Scene
from studio.timeline.placed_marks import PlacedGaze, aim_along
from studio.timeline.segments import Segment
from studio.timeline.timeline import Timeline

_LIDS = [index for index in EYES if CHANNELS[index].startswith("eyeBlink")]
_GAZE = [index for index in EYES if index not in _LIDS]
_BLOCK = 10_000
"""Frames that are copied at a time."""


def write_scene_eyes(
    performance: StoredPerformance,
    finished: StoredPerformance,
    scene: Scene,
    timeline: Timeline,
    segments: Sequence[Segment],
    sides: np.ndarray,
    seed: int,
    retaken: Sequence[KeyedSpan] = (),
    delivery: Sequence[Sequence[Delivery]] | None = None,
    driven: np.ndarray | None = None,
    blinks: Sequence[Sequence[float | None]] | None = None,
    gazes: Sequence[PlacedGaze] = (),
    partners: Mapping[int, np.ndarray] | None = None,
) -> Iterator[int]:
    """Writes the motion of a performance with gaze and blinks, segment by segment: an edit elsewhere leaves it alone.

    A segment is read when it is asked for, up to its last frame.

    Args:
        performance: of the whole scene.
        finished: what its motion is written to.
        scene: its cast and script.
        timeline: of the scene.
        segments: those whose gaze is wanted.
        sides: (K,) where each person sits, -1 (left) .. 1 (right).
        seed: of the scene.
        retaken: spans in which the speaker's eyes are others: gaze passes over at the ends, blinks change whole.
        delivery: of everybody's gaze and lids in each of the segments; None = average ones.
        driven: (K, K, T) bool, whether voice i drives face j; None = everybody's own.
        blinks: everybody's a minute in each of the segments, None where nothing is asked for.
        gazes: which go before the lines' ``looks``.
        partners: by face (T,) whom it listens to, an index into the cast; -1 = nobody.

    Yields:
        After each segment the frame up to which nothing changes any more.
    """
    spans = [
        GazeSpan(
            s.start + s.before,
            s.start + s.n_frames - s.after,
            f"{seed} {s.lines[0].id}",
            None if delivery is None else tuple(delivery[number]),
            None if blinks is None else tuple(blinks[number]),
        )
        for number, s in enumerate(segments)
    ]
    heard = partial(voices_alone, performance, timeline.speaker_lines)
    targets = scripted_gaze_targets(scene, timeline, sides)
    aim_along(targets, gazes)
    how = targets, driven, partners
    done, waiting = 0, list(retaken)
    for span, eyes in draw_eyes(heard, spans, sides, *how):
        _copy(performance, finished, done, span.stop)
        done = span.stop
        frames = slice(span.start, span.stop)
        for target, own in zip(finished.motion, eyes, strict=True):
            motion = target[frames]
            motion[:, EYES] = own
            target[frames] = motion
        ready = [retake for retake in waiting if frames_around(retake, performance.n_frames).stop <= done]
        waiting = [retake for retake in waiting if retake not in ready]
        for retake in ready:
            _retake_eyes(performance, finished, retake, spans, heard, sides, how)
        yield min([done, *(frames_around(retake, performance.n_frames).start for retake in waiting)])
    _copy(performance, finished, done, performance.n_frames)
    for retake in waiting:
        _retake_eyes(performance, finished, retake, spans, heard, sides, how)
    yield performance.n_frames


def _copy(performance: StoredPerformance, finished: StoredPerformance, first: int, stop: int) -> None:
    """Copy motion from one frame to another, some of it at a time."""
    for drawn, target in zip(performance.motion, finished.motion, strict=True):
        for block, _, _ in blocks(max(stop - first, 0), _BLOCK):
            frames = slice(first + block.start, first + block.stop)
            target[frames] = drawn[frames]


def _retake_eyes(
    performance: StoredPerformance,
    finished: StoredPerformance,
    retake: KeyedSpan,
    spans: Sequence[GazeSpan],
    heard: Callable[[int, int], Performance],
    sides: np.ndarray,
    how: tuple[np.ndarray, np.ndarray | None, Mapping[int, np.ndarray] | None],
) -> None:
    """Writes the eyes of a span that was made again, seeded by its take."""
    who = retake.mover
    span = next(other for other in spans if other.start <= retake.line.start < other.stop)
    ((_, eyes),) = draw_eyes(heard, [replace(span, key=f"{span.key} {retake.line.id} {retake.take}")], sides, *how)
    around = frames_around(retake, performance.n_frames)
    track, made = finished.motion[who][around], performance.motion[who][around]
    begin, end = max(span.start, around.start), min(span.stop, around.stop)
    made[begin - around.start : end - around.start, EYES] = eyes[who][begin - span.start : end - span.start]
    first, stop = retake.first - around.start, retake.stop - around.start
    track[:, _GAZE] = crossfade(track[:, _GAZE], made[:, _GAZE], first, stop)
    track[:, _LIDS] = splice_blinks(track[:, _LIDS], made[:, _LIDS], first, stop)
    finished.motion[who][around] = track


def scripted_gaze_targets(scene: Scene, timeline: Timeline, sides: np.ndarray) -> np.ndarray:
    """Gaze that the script asks for, (K, T, 2) across and up, NaN where it asks for none.

    Somebody who looks away does so to the side on which there is more of the picture.
    """
    targets = np.full((len(scene.cast), timeline.n_frames, 2), np.nan, np.float32)
    for line, written in zip(timeline.lines, scene.script, strict=True):
        if written.looks is None:
            continue
        other = scene.find(written.looks)
        for voiced in timeline.of_all_speakers(line):
            for face in scene.faces_of(written, voiced.character):
                if other is not None:
                    target = (ACROSS * float(np.clip(sides[other] - sides[face], -1, 1)), 0.0)
                elif written.looks == "away":
                    target = (-AWAY[0] if sides[face] > 0 else AWAY[0], AWAY[1])
                else:
                    target = (0.0, 0.0)
                targets[face, line.start : line.stop] = target
    return targets
