"""Gaze and blinks over a whole scene: by who speaks in each segment, and by the gaze targets of the script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from generation.core.delivery import Delivery
from generation.core.motion import CHANNELS, MotionTrack
from generation.core.performance import Performance
from generation.motion.gaze import ACROSS, AWAY, EYES, GazeSpan, add_gaze
from generation.motion.keyframes import KeyedSpan, crossfade, splice_blinks
from studio.scene.schema import Scene
from studio.timeline.segments import Segment
from studio.timeline.timeline import Timeline

_LIDS = [index for index in EYES if CHANNELS[index].startswith("eyeBlink")]
_GAZE = [index for index in EYES if index not in _LIDS]


def with_scene_eyes(
    performance: Performance,
    scene: Scene,
    timeline: Timeline,
    segments: Sequence[Segment],
    sides: np.ndarray,
    seed: int,
    retaken: Sequence[KeyedSpan] = (),
    delivery: Sequence[Delivery] | None = None,
    driven: np.ndarray | None = None,
) -> Performance:
    """The performance with gaze and blinks, segment by segment: an edit elsewhere leaves a segment's alone.

    Args:
        performance: of the whole scene.
        scene: its cast and script.
        timeline: of the scene.
        segments: those whose gaze is wanted.
        sides: (K,) where each person sits, -1 (left) .. 1 (right).
        seed: of the scene.
        retaken: spans in which the speaker's eyes are others: gaze passes over at the ends, blinks change whole.
        delivery: of everybody's gaze and lids; None = average ones.
        driven: (K, K, T) bool, whether voice i drives face j; None = everybody's own.
    """
    spans = [GazeSpan(s.start + s.before, s.start + s.n_frames - s.after, f"{seed} {s.lines[0].id}") for s in segments]
    targets = scripted_gaze_targets(scene, timeline, sides)
    parts = list(add_gaze(performance, spans, sides, targets, delivery, driven).characters)
    for span in retaken:
        who = span.mover
        around = next(other for other in spans if other.start <= span.line.start < other.stop)
        other = replace(around, key=f"{around.key} {span.line.id} {span.take}")
        made = add_gaze(performance, [other], sides, targets, delivery, driven).characters[who].motion.values
        track = parts[who].motion.values.copy()
        track[:, _GAZE] = crossfade(track[:, _GAZE], made[:, _GAZE], span.first, span.stop)
        track[:, _LIDS] = splice_blinks(track[:, _LIDS], made[:, _LIDS], span.first, span.stop)
        parts[who] = replace(parts[who], motion=MotionTrack(track))
    return replace(performance, characters=tuple(parts))


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
