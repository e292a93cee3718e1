"""What is worth a look about the faces in a picture: covered, cut off, on their side, turned away, or nobody's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from masks.occlusion import COVERED, mouth_cover
from masks.topology import FACE_OVAL, LIPS_OUTER
from studio.cast.clip_claims import clip_warnings
from studio.cast.face_assignment import FaceAssignment
from studio.cast.places import Box
from studio.core.problems import Problem
from studio.scene.schema import Scene, listed

if TYPE_CHECKING:
    from masks.landmarks import FaceLandmarks

CUT_OFF = 0.08
"""Share of a face's outline outside the picture from which on it is said."""
ON_ITS_SIDE, UPSIDE_DOWN = math.radians(60), math.radians(120)
_NARRATOR = "or make the character a narrator (role: narrator)"
_MOST_PLACES = 6


def picture_warnings(scene: Scene, assignment: FaceAssignment) -> list[Problem]:
    """Warnings about everybody's face, each with its place in words and as a box, at places of the scene."""
    if assignment.clip is not None:
        return clip_warnings(scene, assignment.clip, {p.character: p.person or 0 for p in assignment.assigned})
    return [*_turned_picture(assignment), *_of_the_cast(scene, assignment), *_nobodys(scene, assignment)]


def _of_the_cast(scene: Scene, assignment: FaceAssignment) -> Iterator[Problem]:
    all_turned = bool(list(_turned_picture(assignment)))
    for person in assignment.assigned:
        name, face, where = scene.cast[person.character].name, person.face, ("cast", person.character)
        place, box = assignment.place_of(face.box)
        if not person.drawn and (cover := mouth_cover(assignment.picture, face)).share >= COVERED:
            there, object_box = assignment.place_of(_extent(cover.mask))
            what = f"{name}'s mouth seems to be covered by something {there}, which stays as it is"
            yield Problem("picture", what, f"use a picture in which it is seen, {_NARRATOR}", where, box=object_box)
        if edges := _cut_by(face, assignment.picture.shape[:2]):
            what = f"{name}'s face {place} is cut off by the {listed(edges)} of the picture"
            if _outside(face.points[list(LIPS_OUTER), :2], assignment.picture.shape[:2]) > 0.3:
                what += ", and most of the mouth is not seen"
            yield Problem("picture", what, f"use a picture with the whole face, {_NARRATOR}", where, box=box)
        if face.from_the_side:
            what = f"{name}'s face {place} is seen from the side, where lips can hardly be seen to move"
            yield Problem("picture", what, f"lower mouth and head, {_NARRATOR}", where, box=box)
        if abs(face.roll) > ON_ITS_SIDE and not all_turned:
            how = "upside down" if abs(face.roll) > UPSIDE_DOWN else "on its side"
            yield Problem(
                "picture", f"{name}'s face {place} is {how}", "turn the picture if it should not be", where, box=box
            )


def _turned_picture(assignment: FaceAssignment) -> Iterator[Problem]:
    """Everybody lies the same way: the picture does."""
    rolls = np.array([person.face.roll for person in assignment.assigned])
    if not len(rolls) or not (np.abs(rolls) > ON_ITS_SIDE).all():
        return
    quarter = int(np.round(np.angle(np.exp(1j * rolls).mean()) / (np.pi / 2)))
    if quarter:
        how = "upside down" if abs(quarter) == 2 else "on its side"
        turn = {1: "to the left", -1: "to the right"}.get(quarter, "half round")
        angle = "" if abs(quarter) == 2 else "by a quarter "
        yield Problem("picture", f"the picture is {how}", f"turn it {angle}{turn} and save it", ("picture",))


def _nobodys(scene: Scene, assignment: FaceAssignment) -> Iterator[Problem]:
    """Faces left over where the cast's were chosen."""
    chosen = [
        scene.cast[person.character].name for person in assignment.assigned if person.area is None and not person.drawn
    ]
    if not chosen or not assignment.bystanders:
        return
    faces = assignment.bystanders[:_MOST_PLACES]
    places = [assignment.place_of(face.box)[0] for face in faces]
    count = len(assignment.bystanders)
    more = f" and {count - len(faces)} more" if count > len(faces) else ""
    what = f"{'1 face is' if count == 1 else f'{count} faces are'} nobody's and will not move: {listed(places)}{more}"
    repair = f"if {'it' if count == 1 else 'one of them'} is meant, give {listed(chosen)} a region or a mask"
    yield Problem("picture", what, repair, ("picture",), box=assignment.place_of(faces[0].box)[1])


def _cut_by(face: FaceLandmarks, size: tuple[int, int]) -> list[str]:
    """Edges of a picture of ``size`` (H, W) beyond which a good part of a face lies."""
    oval = face.points[list(FACE_OVAL), :2]
    if _outside(oval, size) < CUT_OFF:
        return []
    beyond = {
        "left": oval[:, 0] < 0,
        "right": oval[:, 0] > size[1],
        "upper": oval[:, 1] < 0,
        "lower": oval[:, 1] > size[0],
    }
    return [f"{name} edge" for name, there in beyond.items() if there.mean() >= CUT_OFF / 2]


def _outside(points: np.ndarray, size: tuple[int, int]) -> float:
    """Share of (N, 2) points outside a picture of ``size`` (H, W)."""
    return float(((points < 0) | (points > (size[1], size[0]))).any(1).mean())


def _extent(mask: np.ndarray) -> Box:
    """Box around what a mask (H, W) holds."""
    rows, columns = (np.flatnonzero((mask >= 0.5).any(axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
