"""Faces that somebody else's region or mask takes: nothing of them could move."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from masks.regions import fill
from masks.topology import FACE_OVAL
from studio.core.problems import Problem

if TYPE_CHECKING:
    from masks.landmarks import FaceLandmarks

MOST_TAKEN = 0.5
"""Share of a face that another's region or mask may take: somebody who stands in front takes less."""


def taken_faces(
    faces: Mapping[int, FaceLandmarks], areas: Mapping[int, np.ndarray | None], names: Mapping[int, str]
) -> list[Problem]:
    """Whose face lies in whose region or mask, and by how much.

    Args:
        faces: by index into the cast.
        areas: float32 (H, W) in [0, 1], where the scene says that somebody is, by the same; None = to be found.
        names: by the same.
    """
    problems = []
    for person, owner in permutations(faces, 2):
        area = areas[owner]
        share = taken_share(faces[person], area) if area is not None else 0.0
        if share > MOST_TAKEN:
            taken = f"{100 * share:.0f} % of {names[person]}'s face, which could not move"
            what = f"{names[owner]}'s region or mask takes {taken}"
            problems.append(Problem("picture", what, f"mark {names[owner]} alone, on plain black", ("cast", owner)))
    return problems


def taken_share(face: FaceLandmarks, area: np.ndarray) -> float:
    """How much of a face lies where an area (H, W) in [0, 1] says that it is somebody else's, however little."""
    oval = fill(face.points[list(FACE_OVAL), :2], area.shape)
    whole = float(oval.sum())
    return float(oval[area > 0].sum()) / whole if whole else 0.0
