"""Faces that somebody else's region or mask takes: nothing of them could move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from masks.regions import fill
from masks.topology import FACE_OVAL
from studio.core.problems import Problem

if TYPE_CHECKING:
    from studio.cast.face_assignment import AssignedFace

MOST_TAKEN = 0.5
"""Share of a face that another's region or mask may take: somebody who stands in front takes less."""


def taken_faces(assigned: Sequence[AssignedFace], names: Sequence[str]) -> list[Problem]:
    """Whose face lies in whose region or mask, and by how much; ``names`` are the cast's."""
    problems = []
    for person in assigned:
        for owner in assigned:
            if owner is person or owner.area is None:
                continue
            share = taken_share(person, owner.area)
            if share > MOST_TAKEN:
                whose, taker = names[person.character], names[owner.character]
                what = f"{taker}'s region or mask takes {100 * share:.0f} % of {whose}'s face, which could not move"
                repair = f"mark {taker} alone, on plain black"
                problems.append(Problem("picture", what, repair, ("cast", owner.character)))
    return problems


def taken_share(person: AssignedFace, area: np.ndarray) -> float:
    """How much of a face lies where an area (H, W) in [0, 1] says that it is somebody else's, however little."""
    oval = fill(person.face.points[list(FACE_OVAL), :2], area.shape)
    whole = float(oval.sum())
    return float(oval[area > 0].sum()) / whole if whole else 0.0
