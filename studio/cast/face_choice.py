"""Which faces the cast is given where the scene does not say: the larger ones, or none where that is unclear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from studio.cast.framing import in_frame

if TYPE_CHECKING:
    from masks.detector import PictureWindow
    from masks.landmarks import FaceLandmarks

CLEARLY_LARGER = 1.3
"""How many times as high the smallest chosen face must be as the largest that is left over."""


@dataclass(frozen=True)
class FaceChoice:
    """Indices of the faces that are taken, from left to right; empty where it is ``unclear`` which are meant."""

    taken: tuple[int, ...]
    unclear: bool = False


def choose_faces(
    picture: np.ndarray, faces: Sequence[FaceLandmarks], wanted: int, unread: Sequence[PictureWindow] = ()
) -> FaceChoice:
    """Choose ``wanted`` of a picture's faces.

    Faces in frames of their own (portraits, posters) come last. Of the others the larger ones are meant, if the gap to
    those left over is clear and wider than the differences among themselves: a poster before which two people stand at
    different distances is larger than either.

    Args:
        picture: uint8 (H, W, 3).
        faces: those to choose from.
        wanted: how many are needed.
        unread: heads whose features cannot be read; one as large as the faces may be meant in place of one of them.
    """
    if not wanted:
        return FaceChoice(())
    framed = [in_frame(picture, face) for face in faces]
    people = [i for i, inside in enumerate(framed) if not inside]
    if people and len(people) < wanted <= len(faces):
        return FaceChoice((), unclear=True)
    candidates = people if len(people) >= wanted else list(range(len(faces)))
    order = sorted(candidates, key=lambda i: -faces[i].height)
    taken, left = order[:wanted], order[wanted:]
    rivals = [faces[i].height for i in left] + [window.side for window in unread]
    if taken and len(taken) == wanted and rivals:
        largest, smallest = (faces[i].height for i in (taken[0], taken[-1]))
        gap = smallest / max(rivals)
        if gap < CLEARLY_LARGER or (len(taken) > 1 and gap <= largest / smallest):
            return FaceChoice((), unclear=True)
    return FaceChoice(tuple(sorted(taken, key=lambda i: float(faces[i].eyes[:, 0].mean()))))
