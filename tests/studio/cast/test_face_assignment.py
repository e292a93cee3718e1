"""Faces given to the cast: masks stay masks in every size."""

from __future__ import annotations

import numpy as np
import pytest

from masks.landmarks import FaceLandmarks
from masks.regions import CharacterMask
from studio.cast.face_assignment import AssignedFace, FaceAssignment


@pytest.mark.parametrize("height", [96, 120, 119, 240, 480])
def test_a_reduced_mask_stays_between_0_and_1(height: int) -> None:
    """Means of 36 ones come out as 1.0000001; the renderer refused such a mask at 120 rows."""
    face = FaceLandmarks(np.random.default_rng(0).uniform(0, 500, (478, 3)).astype(np.float32), 1.0)
    area = np.ones((720, 1280), np.float32)
    area[:, :333] = 0
    picture = np.zeros((720, 1280, 3), np.uint8)
    reduced = FaceAssignment(picture, (AssignedFace(0, face, area, False),)).resized(height)
    mask = reduced.assigned[0].area
    assert mask is not None and mask.shape[0] == height
    CharacterMask("Ann", mask)
