"""Draws the frames of a scene: everybody's motion as it is drawn, the renderer, and what its frames depend on."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from generation.core.motion import CHANNELS, MOUTH, ROTATION, TRANSLATION, WEIGHTS, MotionTrack
from generation.core.result_key import made_by, result_key
from generation.core.stored_array import blocks
from generation.rendering.controls import CLOSING_REACH, closing_share

if TYPE_CHECKING:
    from generation.rendering.renderer import SceneRenderer
    from studio.cast.face_assignment import FaceAssignment
    from studio.cast.geometry import SceneGeometry
    from studio.scene.schema import Character

FREE_ROOM = 0.6
"""Share of the room that a head uses as the model moves it."""
HEAD_RADIUS = 1.3
"""From the middle of the head to its outline, in inter-ocular distances: how far a turn of one radian moves it."""
_EXPRESSION = ("brow", "cheekSquint", "eyeSquint", "eyeWide", "noseSneer")
"""Channels that the amount of expression scales."""
_BLOCK = 1000
"""Frames whose motion is held at a time."""


def make_renderer(
    assignment: FaceAssignment, geometry: SceneGeometry, people: np.ndarray | None = None
) -> SceneRenderer:
    """The renderer of a picture's faces, one for each person; what depends on the picture alone is worked out here.

    Args:
        assignment: the picture and its faces.
        geometry: of the same.
        people: (H, W, 4) uint8, the cast without the background, see :mod:`studio.production.transparency`; None = the
            whole picture.
    """
    from generation.rendering.face import RenderFace
    from generation.rendering.renderer import SceneRenderer

    located = zip(geometry.assigned, geometry.regions, geometry.figures, strict=True)
    faces = [RenderFace(person.face, region, person.drawn, figure) for person, region, figure in located]
    return SceneRenderer(assignment.picture, faces, cut=people)


class DrawnMotion:
    """Everybody's motion as it is drawn, read a few seconds at a time.

    Args:
        read: the tracks of all faces from one frame to another.
        n_frames: how many there are.
    """

    def __init__(self, read: Callable[[int, int], list[MotionTrack]], n_frames: int) -> None:
        self._read, self._n_frames = read, n_frames

    def states(self) -> Iterator[np.ndarray]:
        """Everything that changes from frame to frame, (C,) float32 a frame: equal ones are equal frames."""
        for _, window, inner in blocks(self._n_frames, _BLOCK, CLOSING_REACH):
            tracks = self._read(window.start, window.stop)
            # what the renderer takes from the frames around one, besides its own motion
            closed = [closing_share(track.values)[inner, None] for track in tracks]
            still = np.zeros((inner.stop - inner.start, 1))
            yield from np.hstack([still, *(track.values[inner] for track in tracks), *closed]).astype(np.float32)

    def frames(self, renderer: SceneRenderer, numbers: Sequence[int]) -> Iterator[np.ndarray]:
        """The frames of these numbers, which rise."""
        first = 0
        while first < len(numbers):
            stop = bisect_left(numbers, numbers[first] + _BLOCK, first)
            begin = max(0, numbers[first] - CLOSING_REACH)
            tracks = self._read(begin, min(self._n_frames, numbers[stop - 1] + 1 + CLOSING_REACH))
            yield from renderer.frames(tracks, [number - begin for number in numbers[first:stop]])
            first = stop


def appearance_key(assignment: FaceAssignment, geometry: SceneGeometry) -> str:
    """Hash of all that drawn frames depend on besides motion: picture, faces, and the code that draws them."""
    drawn = [repr(person.drawn) for person in geometry.assigned]
    points = [person.face.points for person in geometry.assigned]
    arrays = [assignment.picture, *points, *geometry.regions, *geometry.figures]
    return result_key(made_by(__name__), drawn, *arrays)


def scaled_motion(track: MotionTrack, character: Character, room: float = math.inf) -> MotionTrack:
    """A track with the amounts of its character: mouth and jaw, head, blinks, and the rest of the face, each by itself.

    Args:
        track: as the model gave it.
        character: whose amounts.
        room: how far the head may travel, in inter-ocular distances; larger travel is pressed together below it.
    """
    gain = np.ones(len(CHANNELS), np.float32)
    gain[[name in MOUTH for name in CHANNELS]] = character.mouth
    gain[[name.startswith("eyeBlink") for name in CHANNELS]] = character.blink
    gain[[name.startswith(_EXPRESSION) for name in CHANNELS]] = character.expression
    gain[ROTATION] = gain[TRANSLATION] = character.head
    values = track.values * gain
    turned = np.linalg.norm(values[:, ROTATION], axis=1) * HEAD_RADIUS
    travel = turned + np.linalg.norm(values[:, TRANSLATION], axis=1)
    # Frame by frame, so that a line that is done anew changes nothing elsewhere; smoothly, so that no head stops short.
    if travel.max(initial=0.0) > FREE_ROOM * room:
        free, rest = FREE_ROOM * room, (1 - FREE_ROOM) * room
        beyond = (travel - free) / max(rest, 1e-6)  # a head without any room is held still
        allowed = np.where(travel > free, free + rest * np.tanh(beyond), travel)
        share = np.where(travel > free, allowed / np.maximum(travel, 1e-6), 1).astype(np.float32)[:, None]
        values[:, ROTATION] *= share
        values[:, TRANSLATION] *= share
    values[:, WEIGHTS] = np.clip(values[:, WEIGHTS], 0, 1)
    return MotionTrack(values)
