"""A performance as plain motion curves: everybody's mouth, lids, head and loudness, the lines, and what changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from generation.core.arrays import runs
from generation.core.clock import FPS, SAMPLES_PER_FRAME, seconds_from_frames
from generation.core.performance import Performance
from generation.motion.keyframes import HANDLES
from studio.scene.line_names import line_names
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

CURVES = {"mouth": "jawOpen", "blink": "blink", "turn": "headTurn", "nod": "headNod", "tilt": "headTilt"}
"""What a curve shows, and the handle that a key of it takes hold of."""
LEVELS_PER_FRAME = 2
"""Values of loudness in each video frame."""


def motion_curves(scene: Scene, timeline: Timeline, performance: Performance) -> dict[str, Any]:
    """Motion curves of everybody as plain data, before the amounts of their characters.

    It holds ``seconds``; ``people`` with ``name``, ``mouth`` and ``blink`` (0..1), ``turn``, ``nod`` and ``tilt``
    (degrees), each 25 a second, and ``level`` (loudness 0..1, 50 a second); ``lines`` with ``id``, ``who``, ``start``
    and ``end`` in seconds.
    """
    people = []
    for part in performance.characters:
        curves = {}
        for name, handle in CURVES.items():
            held = HANDLES[handle]
            values = part.motion.values[:, list(held.channels)].mean(1) / held.unit
            curves[name] = np.round(values.astype(np.float64), 3).tolist()
        loud = np.abs(part.speech).reshape(-1, SAMPLES_PER_FRAME // LEVELS_PER_FRAME).max(1)
        people.append({"name": part.name, **curves, "level": np.round(loud.astype(np.float64), 3).tolist()})
    ids, speakers = line_names(scene, takes=False), timeline.speaker_names([member.name for member in scene.cast])
    lines = [
        {"id": name, "who": who, "start": seconds_from_frames(line.start),
         "end": seconds_from_frames(line.stop)}
        for name, who, line in zip(ids, speakers, timeline.lines, strict=True)
    ]  # fmt: skip
    return {"seconds": timeline.seconds, "people": people, "lines": lines}


def changes(before: Performance, after: Performance) -> list[dict[str, Any]]:
    """Differences of two performances: ``who``, ``what`` (motion, sound), ``start`` and ``end`` in seconds."""
    found = []
    for old, new in zip(before.characters, after.characters, strict=True):
        sound = (old.speech != new.speech).reshape(-1, SAMPLES_PER_FRAME).any(1)
        for what, differs in (("motion", (old.motion.values != new.motion.values).any(1)), ("sound", sound)):
            for first, stop in runs(differs):
                found.append({"who": new.name, "what": what, "start": first / FPS, "end": stop / FPS})
    return found
