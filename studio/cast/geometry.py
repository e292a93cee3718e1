"""From the casting to the picture's geometry: each person's mask, the region that may move, whose voice drives whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generation.core.clock import frames_from_seconds
from masks.person_segmentation import sam_predictor, segment_person
from masks.regions import CharacterMask, motion_region, motion_room
from masks.routing import FaceTokens, face_footprint, membership
from studio.cast.face_assignment import AssignedFace, FaceAssignment
from studio.scene.schema import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

ALLOWED_MOTION = 0.25
"""Room around a head that its motion may use, in inter-ocular distances."""
LEAST_ROOM = 0.15
"""Room below which a head can be seen to move less than it should, in inter-ocular distances."""


@dataclass(frozen=True)
class SceneGeometry:
    """Where everybody is.

    Attributes:
        seats: the cast's visible members, in the order of the cast.
        masks: CharacterMask of each seat.
        figures: float32 (H, W) in [0, 1] for each seat, the person's outline: what moves before the background. A
            region drawn around a face says whose it is, but shows no outline, so there it is found.
        regions: MotionRegion of each seat, float32 (H, W) in [0, 1].
        routing: (K, K) float32 for the whole cast: [i, j] is how much face j belongs to the place of character i; where
            places change, (K, K, L) for L frames, and the last one's beyond them.
        rooms: how far each seat's head can travel inside its region, in inter-ocular distances.
        sides: (K,) float32, where each of the cast sits, -1 (left edge) .. 1 (right edge); 0 for those unseen.
    """

    seats: tuple[AssignedFace, ...]
    masks: tuple[CharacterMask, ...]
    figures: tuple[np.ndarray, ...]
    regions: tuple[np.ndarray, ...]
    routing: np.ndarray
    rooms: tuple[float, ...]
    sides: np.ndarray


def build_geometry(scene: Scene, casting: FaceAssignment) -> SceneGeometry:
    """Masks from the scene where it gives them, else found around each face; regions cut at the neighbours."""
    seats = casting.seats
    size = casting.picture.shape[:2]
    faces = [seat.face for seat in seats]
    painted = [scene.cast[seat.character].mask is not None and seat.area is not None for seat in seats]
    predictor = None if all(painted) else sam_predictor()
    masks, figures = [], []
    for index, seat in enumerate(seats):
        others = [face for i, face in enumerate(faces) if i != index] + list(casting.bystanders)
        found = seat.area if painted[index] else segment_person(casting.picture, seat.face, predictor, others)
        masks.append(CharacterMask(scene.cast[seat.character].name, found if seat.area is None else seat.area))
        figures.append(found)
    strangers = [face_footprint(face, size) for face in casting.bystanders]
    regions = []
    for index, seat in enumerate(seats):
        neighbours = [mask.mask for i, mask in enumerate(masks) if i != index] + strangers
        own = np.max([masks[index].mask, *(timed.area for timed in seat.timed)], axis=0)
        regions.append(motion_region(seat.face, own, neighbours, ALLOWED_MOTION))
    sides = np.zeros(len(scene.cast), np.float32)
    for seat in seats:
        sides[seat.character] = np.clip(2 * seat.face.eyes[:, 0].mean() / size[1] - 1, -1, 1)
    rooms = tuple(motion_room(seat.face, region) for seat, region in zip(seats, regions, strict=True))
    routing = _routing(scene, seats, masks, size)
    return SceneGeometry(seats, tuple(masks), tuple(figures), tuple(regions), routing, rooms, sides)


def cramped_faces(casting: FaceAssignment) -> list[int]:
    """Members of the cast whose region or mask, as the scene gives it, leaves the head too little room."""
    marked = [seat for seat in casting.seats if seat.area is not None]
    tight = []
    for seat in marked:
        neighbours = [other.area for other in marked if other is not seat and other.area is not None]
        if motion_room(seat.face, motion_region(seat.face, seat.area, neighbours, ALLOWED_MOTION)) < LEAST_ROOM:
            tight.append(seat.character)
    return tight


def _routing(
    scene: Scene, seats: Sequence[AssignedFace], masks: Sequence[CharacterMask], size: tuple[int, int]
) -> np.ndarray:
    """The masks' membership of the face tokens, with those who have no face driving only their own, unseen one."""
    alone = np.eye(len(scene.cast), dtype=np.float32)
    if not seats:
        return alone
    tokens = FaceTokens(np.stack([face_footprint(seat.face, size) for seat in seats]), 1)
    seen = [seat.character for seat in seats]

    def at(frame: int) -> np.ndarray:
        routing = alone.copy()
        routing[np.ix_(seen, seen)] = membership(
            [_mask_at(*pair, frame) for pair in zip(seats, masks, strict=True)], tokens
        )
        return routing

    spans = [(frames_from_seconds(timed.start), frames_from_seconds(timed.end)) for s in seats for timed in s.timed]
    changes = sorted({0, *(frame for span in spans for frame in span)})
    if len(changes) == 1:
        return at(0)
    lengths = [*np.diff(changes), 1]
    return np.repeat(np.stack([at(frame) for frame in changes], axis=2), lengths, axis=2)


def _mask_at(seat: AssignedFace, mask: CharacterMask, frame: int) -> CharacterMask:
    """A seat's mask in a frame: the place that it has for a time, else the one that it has else."""
    for timed in seat.timed:
        if frames_from_seconds(timed.start) <= frame < frames_from_seconds(timed.end):
            return CharacterMask(mask.name, timed.area)
    return mask
