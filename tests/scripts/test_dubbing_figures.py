"""Figures of dubbed clips on made-up faces: what counts as a change outside the lower face, and what as trembling."""

from __future__ import annotations

import numpy as np
import pytest

from generation.motion.rig import FaceRig
from scripts.evaluation.videos.dubbing import lip_trembling, outside_change

FACE = FaceRig.load().mean * [60.0, -60.0, -60.0] + [150.0, 120.0, 0.0]


@pytest.mark.parametrize(
    ("x", "y", "outside"), [(150, 190, False), (150, 121, True), (128, 118, True), (20, 190, True), (150, 290, True)]
)
def test_changes_count_outside_the_lower_face(x: int, y: int, outside: bool) -> None:
    before = np.full((300, 300, 3), 90, np.uint8)
    after = before.copy()
    after[y, x] = 97
    assert outside_change(before, after, FACE.astype(np.float32)) == (7.0 if outside else 0.0)


def test_trembling_is_of_the_lips_and_not_of_the_head() -> None:
    random = np.random.default_rng(0)
    still = np.repeat(FACE[None], 40, 0)
    nodding = still + random.normal(0, 3, (40, 1, 3))
    lips = still.copy()
    lips[:, [0, 17, 61, 291]] += random.normal(0, 1, (40, 4, 3))
    assert lip_trembling(nodding) < 1e-6 < 0.01 < lip_trembling(lips)
