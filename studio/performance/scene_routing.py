"""Routing of a scene over time: which voice drives which face in each frame, by the masks and by the script."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from generation.core.performance import Line
from generation.pipeline.face_routing import LEAST_SHARE
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline


def scene_routing(scene: Scene, timeline: Timeline, routing_weights: np.ndarray) -> np.ndarray:
    """Routing weights of a whole scene.

    A voice belongs at its own character's place in the picture. While it says a line with ``face`` it is at the places
    of those faces alone. Where several voices speak at one place they have equal shares of it; a voice that does not
    speak leaves its place to those that speak there. The masks then say how much each face belongs to each place.

    Args:
        scene: whose script the timeline is of.
        timeline: who speaks when.
        routing_weights: (K, K) or (K, K, L) float32, how much face j belongs to the place of character i, by
            frame; frames beyond L are as the last one.

    Returns:
        (K, K, T) float32 in [0, 1], how much voice i drives face j in frame t; at most 1 over the voices.
    """
    n_cast = len(scene.cast)
    speaks = np.zeros((n_cast, n_cast, timeline.n_frames), bool)  # voice, place, frame
    for written, line in zip(scene.script, timeline.lines, strict=True):
        for voiced in timeline.of_all_speakers(line):
            speaks[voiced.character, scene.faces_of(written, voiced.character), line.start : line.stop] = True
    at_place = speaks / np.maximum(speaks.sum(0), 1)
    idle = ~speaks.any(0) & ~speaks.any(1)  # nobody speaks there, and its own voice nowhere else
    own = np.arange(n_cast)
    at_place[own, own] += idle
    return np.einsum("ikt,kjt->ijt", at_place.astype(np.float32), _in_frames(routing_weights, timeline.n_frames))


def faces_moved(routing: np.ndarray, lines: Iterable[Line], first: int = 0) -> list[int]:
    """Indices of those who say some lines and of those whose faces the lines come out of, in order.

    Args:
        routing: (K, K, T) of the whole scene.
        lines: the lines.
        first: frame of the scene from which their starts count.
    """
    moved: set[int] = set()
    for line in lines:
        moved |= {line.character, *driven_faces(routing, line, first)}
    return sorted(moved)


def driven_faces(routing: np.ndarray, line: Line, first: int = 0) -> list[int]:
    """Indices of the faces that a line comes out of in any of its frames; arguments as of :func:`faces_moved`."""
    shares = routing[line.character, :, first + line.start : first + line.stop]
    return [int(face) for face in np.flatnonzero((shares >= LEAST_SHARE).any(1))]


def _in_frames(routing_weights: np.ndarray, n_frames: int) -> np.ndarray:
    """(K, K, T) float32 of what may be shorter, or the same in all frames."""
    moving = routing_weights[:, :, None] if routing_weights.ndim == 2 else routing_weights
    frames = np.minimum(np.arange(n_frames), moving.shape[2] - 1)
    return moving[:, :, frames].astype(np.float32)
