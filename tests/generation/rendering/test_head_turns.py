"""Heads that turn far: as far as asked when they are tracked again, and with an outline that does not tear."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generation.core.motion import N_CHANNELS, ROTATION
from generation.rendering.face import RenderFace
from generation.rendering.imaging.warp import rotation_matrices
from generation.rendering.renderer import SceneRenderer
from masks.landmarks import FaceLandmarker
from masks.regions import motion_region
from scripts.draw_cast import draw_cast
from scripts.evaluation.faces.portraits import JudgedPortrait
from scripts.evaluation.faces.turns import outline_roughness, roughness, seen_turns
from studio.cast.geometry import ALLOWED_MOTION

THEO = 4
"""Seed that draws one character alone, whose ears are seen."""


@pytest.fixture(scope="module")
def drawn() -> JudgedPortrait:
    cast = draw_cast(1, THEO)
    face, mask = cast.faces[0].landmarks(), cast.masks[0]
    region = motion_region(face, mask, [], ALLOWED_MOTION)
    return JudgedPortrait("drawn", cast.picture, RenderFace(face, region, drawn=True, mask=mask))


def test_heads_turn_as_far_as_asked(drawn: JudgedPortrait) -> None:
    asked = np.array([-30.0, -20.0, -10.0, 10.0, 20.0, 30.0])
    seen = seen_turns(drawn, asked.tolist(), FaceLandmarker())
    np.testing.assert_allclose(seen, asked, atol=4.5)


def test_a_turned_head_has_no_torn_outline(drawn: JudgedPortrait) -> None:
    left, still, right = outline_roughness(drawn, [-30.0, 0.0, 30.0])
    assert max(left, right) <= 1.6 * still  # torn cheeks made it 4 times as rough


def test_torn_outlines_are_rough() -> None:
    y, x = np.mgrid[:200, :200]
    disc = np.uint8(255 * (np.hypot(x - 100, y - 100) < 60))
    torn = disc.copy()
    torn[::6, 150:] = 0
    assert roughness(torn, 80.0) > 1.5 * roughness(disc, 80.0)


@pytest.mark.parametrize("yaw", [-36.0, 36.0])
def test_what_turns_out_of_sight_stays_behind_what_is_nearer(drawn: JudgedPortrait, yaw: float) -> None:
    """From the middle outwards the order of a row is kept: nothing of the far side comes to lie before the face."""
    face = SceneRenderer(drawn.picture, [drawn.face])._faces[0]
    values = torch.zeros(1, N_CHANNELS)
    values[0, ROTATION.start + 1] = np.radians(yaw)
    shape = (face.grid.rows, face.grid.columns)
    solid = torch.cat([face.nodes.permute(2, 0, 1), face.depth[None]])
    turned = torch.einsum("tij,jrc->tirc", rotation_matrices(values[:, ROTATION])[:, :2], solid) - solid[:2]
    head = face.follow * turned
    across = face.nodes[..., 0]
    assert (torch.diff(across + head[0, 0], dim=1) < 0).any()  # the ear would go through the cheek
    kept = face._unfolded(head)
    assert kept.shape == (1, 2, *shape)
    assert (torch.diff(across + kept[0, 0], dim=1) > 0.1 * face.grid.stride).all()
    still = torch.zeros_like(head)
    torch.testing.assert_close(face._unfolded(still), still, rtol=0.0, atol=1e-3)
