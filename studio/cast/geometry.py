"""Character masks, motion regions and routing weights of a scene, from the assignment of its faces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from generation.core.clock import frames_from_seconds
from masks.occlusion import occlusion
from masks.person_segmentation import sam_predictor, segment_person
from masks.regions import CharacterMask, motion_region, motion_room
from masks.routing import FaceTokens, face_footprint, routing_weights
from studio.cast.face_assignment import AssignedFace, FaceAssignment
from studio.core.problems import DocumentError, Problem, as_clause
from studio.scene.schema import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

ALLOWED_MOTION = 0.25
"""Room around a head that its motion may use, in inter-ocular distances."""
_OBJECT = 0.5
"""Share of a pixel from which on it is an object's before a mouth."""
LEAST_ROOM = 0.15
"""Room below which a head can be seen to move less than it should, in inter-ocular distances."""


@dataclass(frozen=True)
class SceneGeometry:
    """Character masks, motion regions and routing weights of the cast in the picture.

    Attributes:
        assigned: the cast's visible members, in the order of the cast.
        masks: CharacterMask of each person.
        figures: float32 (H, W) in [0, 1] for each person, the person's outline: what moves before the background. A
            region drawn around a face says whose it is, but shows no outline, so there it is found.
        regions: MotionRegion of each person, float32 (H, W) in [0, 1].
        routing: (K, K) float32 for the whole cast: [i, j] is how much face j belongs to the place of character i; where
            places change, (K, K, L) for L frames, and the last one's beyond them.
        rooms: how far each person's head can travel inside its region, in inter-ocular distances.
        sides: (K,) float32, where each of the cast sits, -1 (left edge) .. 1 (right edge); 0 for those unseen.

    Of a video there are no masks, figures and regions.
    """

    assigned: tuple[AssignedFace, ...]
    masks: tuple[CharacterMask, ...]
    figures: tuple[np.ndarray, ...]
    regions: tuple[np.ndarray, ...]
    routing: np.ndarray
    rooms: tuple[float, ...]
    sides: np.ndarray


def build_geometry(scene: Scene, assignment: FaceAssignment) -> SceneGeometry:
    """Masks from the scene where it gives them, else found around each face; regions cut at the neighbours."""
    if assignment.clip is not None:
        return _in_a_video(scene, assignment)
    assigned = assignment.assigned
    size = assignment.picture.shape[:2]
    faces = [person.face for person in assigned]
    painted = [scene.cast[person.character].mask is not None and person.area is not None for person in assigned]
    predictor = None if all(painted) else sam_predictor()
    masks, figures = [], []
    for index, person in enumerate(assigned):
        others = [face for i, face in enumerate(faces) if i != index] + list(assignment.bystanders)
        found = person.area if painted[index] else segment_person(assignment.picture, person.face, predictor, others)
        masks.append(CharacterMask(scene.cast[person.character].name, found if person.area is None else person.area))
        figures.append(found)
    strangers = [face_footprint(face, size) for face in assignment.bystanders]
    regions = []
    for index, person in enumerate(assigned):
        neighbours = [mask.mask for i, mask in enumerate(masks) if i != index] + strangers
        own = np.max([masks[index].mask, *(timed.area for timed in person.timed)], axis=0)
        regions.append(_region_of(scene.cast[person.character].name, person, own, neighbours))
    sides = np.zeros(len(scene.cast), np.float32)
    for person in assigned:
        sides[person.character] = np.clip(2 * person.face.eyes[:, 0].mean() / size[1] - 1, -1, 1)
    rooms = tuple(motion_room(person.face, region) for person, region in zip(assigned, regions, strict=True))
    for person, region in zip(assigned, regions, strict=True):  # an object before a mouth stays as it is
        region[occlusion(assignment.picture, person.face) >= _OBJECT] = 0.0
    routing = _routing(scene, assigned, masks, size)
    return SceneGeometry(assigned, tuple(masks), tuple(figures), tuple(regions), routing, rooms, sides)


def _in_a_video(scene: Scene, assignment: FaceAssignment) -> SceneGeometry:
    """Of a video: places change from frame to frame, so that every voice drives its own face, whatever lies there."""
    sides = np.zeros(len(scene.cast), np.float32)
    for person in assignment.assigned:
        sides[person.character] = np.clip(2 * person.face.eyes[:, 0].mean() / assignment.picture.shape[1] - 1, -1, 1)
    alone, rooms = np.eye(len(scene.cast), dtype=np.float32), (math.inf,) * len(assignment.assigned)
    return SceneGeometry(assignment.assigned, (), (), (), alone, rooms, sides)


def _region_of(name: str, person: AssignedFace, own: np.ndarray, neighbours: Sequence[np.ndarray]) -> np.ndarray:
    """A person's motion region.

    Raises:
        DocumentError: nothing of the face may move.
    """
    try:
        region = motion_region(person.face, own, neighbours, ALLOWED_MOTION)
        if not region.any():
            raise ValueError("all of it lies in other people's regions or masks")
    except ValueError as error:
        what = f"{name}: nothing of the face could move: {as_clause(error)}"
        repair = "mark everybody apart from the others, or make the character a narrator"
        raise DocumentError([Problem("picture", what.rstrip("."), repair, ("cast", person.character))]) from None
    return region


def cramped_faces(assignment: FaceAssignment) -> list[int]:
    """Members of the cast whose region or mask, as the scene gives it, leaves the head too little room."""
    marked = [person for person in assignment.assigned if person.area is not None]
    tight = []
    for person in marked:
        neighbours = [other.area for other in marked if other is not person and other.area is not None]
        if motion_room(person.face, motion_region(person.face, person.area, neighbours, ALLOWED_MOTION)) < LEAST_ROOM:
            tight.append(person.character)
    return tight


def _routing(
    scene: Scene, assigned: Sequence[AssignedFace], masks: Sequence[CharacterMask], size: tuple[int, int]
) -> np.ndarray:
    """The masks' routing weights of the face tokens, with those who have no face driving only their own, unseen one."""
    alone = np.eye(len(scene.cast), dtype=np.float32)
    if not assigned:
        return alone
    tokens = FaceTokens(np.stack([face_footprint(person.face, size) for person in assigned]), 1)
    seen = [person.character for person in assigned]

    def at(frame: int) -> np.ndarray:
        routing = alone.copy()
        routing[np.ix_(seen, seen)] = routing_weights(
            [_mask_at(*pair, frame) for pair in zip(assigned, masks, strict=True)], tokens
        )
        return routing

    spans = [(frames_from_seconds(timed.start), frames_from_seconds(timed.end)) for s in assigned for timed in s.timed]
    changes = sorted({0, *(frame for span in spans for frame in span)})
    if len(changes) == 1:
        return at(0)
    lengths = [*np.diff(changes), 1]
    return np.repeat(np.stack([at(frame) for frame in changes], axis=2), lengths, axis=2)


def _mask_at(person: AssignedFace, mask: CharacterMask, frame: int) -> CharacterMask:
    """A person's mask in a frame: the place that it has for a time, else the one that it has else."""
    for timed in person.timed:
        if frames_from_seconds(timed.start) <= frame < frames_from_seconds(timed.end):
            return CharacterMask(mask.name, timed.area)
    return mask
