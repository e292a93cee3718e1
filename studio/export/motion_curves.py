"""A performance as plain motion curves: everybody's mouth, lids, head and loudness, the lines, and what changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from generation.core.arrays import runs
from generation.core.clock import FPS, SAMPLES_PER_FRAME, samples_from_frames, seconds_from_frames
from generation.core.performance import AnyPerformance
from generation.core.stored_array import blocks
from generation.motion.keyframes import HANDLES
from studio.scene.line_names import line_names
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

CURVES = {"mouth": "jawOpen", "blink": "blink", "turn": "headTurn", "nod": "headNod", "tilt": "headTilt"}
"""What a curve shows, and the handle that a key of it takes hold of."""
LEVELS_PER_FRAME = 2
"""Values of loudness in each video frame."""
_BLOCK = 1000
"""Frames that are read at a time."""


def motion_curves(scene: Scene, timeline: Timeline, performance: AnyPerformance) -> dict[str, Any]:
    """Motion curves of everybody as plain data, before the amounts of their characters.

    It holds ``seconds``; ``people`` with ``name``, ``mouth`` and ``blink`` (0..1), ``turn``, ``nod`` and ``tilt``
    (degrees), each 25 a second, and ``level`` (loudness 0..1, 50 a second); ``lines`` with ``id``, ``who``, ``start``
    and ``end`` in seconds.
    """
    people = []
    for name, speech, motion in zip(performance.names, performance.speech, performance.motion, strict=True):
        curves: dict[str, list[float]] = {curve: [] for curve in (*CURVES, "level")}
        for block, _, _ in blocks(performance.n_frames, _BLOCK):
            values = motion[block]
            for curve, handle in CURVES.items():
                held = HANDLES[handle]
                bent = values[:, list(held.channels)].mean(1) / held.unit
                curves[curve] += np.round(bent.astype(np.float64), 3).tolist()
            sound = speech[samples_from_frames(block.start) : samples_from_frames(block.stop)]
            loud = np.abs(sound).reshape(-1, SAMPLES_PER_FRAME // LEVELS_PER_FRAME).max(1)
            curves["level"] += np.round(loud.astype(np.float64), 3).tolist()
        people.append({"name": name, **curves})
    ids, speakers = line_names(scene, takes=False), timeline.speaker_names([member.name for member in scene.cast])
    lines = [
        {"id": name, "who": who, "start": seconds_from_frames(line.start),
         "end": seconds_from_frames(line.stop)}
        for name, who, line in zip(ids, speakers, timeline.lines, strict=True)
    ]  # fmt: skip
    return {"seconds": timeline.seconds, "people": people, "lines": lines}


def changes(before: AnyPerformance, after: AnyPerformance) -> list[dict[str, Any]]:
    """Differences of two performances: ``who``, ``what`` (motion, sound), ``start`` and ``end`` in seconds."""
    found = []
    for k, name in enumerate(after.names):
        motion, sound = np.zeros(after.n_frames, bool), np.zeros(after.n_frames, bool)
        for block, _, _ in blocks(after.n_frames, _BLOCK):
            motion[block] = (before.motion[k][block] != after.motion[k][block]).any(1)
            samples = slice(samples_from_frames(block.start), samples_from_frames(block.stop))
            differs = before.speech[k][samples] != after.speech[k][samples]
            sound[block] = differs.reshape(-1, SAMPLES_PER_FRAME).any(1)
        for what, changed in (("motion", motion), ("sound", sound)):
            for first, stop in runs(changed):
                found.append({"who": name, "what": what, "start": first / FPS, "end": stop / FPS})
    return found
