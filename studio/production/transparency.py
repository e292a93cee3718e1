"""Films with a transparent background: the cast cut out of the picture, and its frames as files take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.core.result_key import made_by, result_key
from generation.rendering.cut_out import cut_out, find_bodies, nearest_colours, soft_outline, straight_colours
from masks.person_segmentation import has_segment_anything
from studio.cast.face_assignment import FaceAssignment
from studio.cast.geometry import SceneGeometry
from studio.scene.schema import Scene


@dataclass(frozen=True)
class CutOut:
    """The cast without the background.

    Attributes:
        people: uint8 (H, W, 4), colours times opacity, which a renderer moves.
        beyond: uint8 (H, W, 3), colours where nobody is.
    """

    people: np.ndarray
    beyond: np.ndarray

    @property
    def key(self) -> str:
        """Names what frames depend on here."""
        return result_key(made_by(__name__), self.people, self.beyond)

    def finished(self, frame: np.ndarray) -> np.ndarray:
        """A drawn frame (H, W, 4) with colours not multiplied by opacity, as files hold them."""
        return straight_colours(frame, self.beyond)


def cut_cast(scene: Scene, assignment: FaceAssignment, geometry: SceneGeometry) -> CutOut:
    """Cut the cast out of the picture.

    A painted mask says who is in the film whole, and so does Segment Anything where it is installed; else bodies are
    looked for below the heads that were found.

    Args:
        scene: the scene.
        assignment: in the size of the film.
        geometry: of the same.
    """
    picture = assignment.picture
    faces = [person.face for person in geometry.assigned]
    mattes = [soft_outline(picture, *pair) for pair in zip(faces, geometry.figures, strict=True)]
    # Where one outline ends at another's both are half there, and together all.
    matte = np.clip(np.sum(mattes, axis=0), 0, 1)
    painted = [scene.cast[person.character].mask is not None for person in geometry.assigned]
    found = [index for index, whole in enumerate(painted) if not whole]
    if found and not has_segment_anything():
        others = [*assignment.bystanders, *(face for face, whole in zip(faces, painted, strict=True) if whole)]
        chosen = [faces[index] for index in found]
        bodies = find_bodies(picture, chosen, [geometry.figures[index] for index in found], others)
        matte = np.maximum(matte, soft_outline(picture, chosen[0], bodies))
    people = cut_out(picture, matte.astype(np.float32))
    return CutOut(people, nearest_colours(people))
