"""Creases of the skin: dark where they lie, as strong as the shapes that make them, nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generation.core.motion import BLENDSHAPES, INDEX, N_CHANNELS, MotionTrack
from generation.motion.rig import FaceRig
from generation.rendering.creases import FOLDS, Creases
from generation.rendering.face import RenderFace
from generation.rendering.imaging.texture import places_of
from generation.rendering.renderer import SceneRenderer
from masks.regions import motion_region
from scripts.draw_cast import draw_cast
from studio.cast.geometry import ALLOWED_MOTION

UNIT = 90.0


@pytest.fixture(scope="module")
def face() -> tuple[Creases, np.ndarray]:
    rig = FaceRig.load()
    points = rig.mean[:, :2] * [UNIT, -UNIT] + 200.0
    return Creases(points, UNIT, rig.mirror), points


def weights(**values: float) -> torch.Tensor:
    row = torch.zeros(1, len(BLENDSHAPES))
    for name, value in values.items():
        row[0, BLENDSHAPES.index(name)] = value
    return row


def shaded(creases: Creases, row: torch.Tensor) -> np.ndarray:
    """(h, w) what is left of white over the creases' box."""
    image = torch.full((1, 3, creases.box.height, creases.box.width), 1.0)
    places = torch.from_numpy(np.float32(places_of(creases.box))).permute(2, 0, 1)[None]
    creases.shade(image, places, creases.drive(row))
    return image[0].mean(0).numpy()


@pytest.mark.parametrize(
    ("channel", "at", "elsewhere"),
    [
        ("mouthSmileRight", (203, 206, 216), (423, 426, 436)),
        ("mouthSmileLeft", (423, 426, 436), (203, 206, 216)),
        ("browInnerUp", (108, 151, 337), (203, 426)),
        ("browDownLeft", (), (203, 216)),
    ],
)
def test_a_shape_makes_its_own_crease(
    face: tuple[Creases, np.ndarray], channel: str, at: tuple[int, ...], elsewhere: tuple[int, ...]
) -> None:
    creases, points = face
    seen = shaded(creases, weights(**{channel: 1.0}))
    assert seen.min() < 0.9

    def around(point: int) -> float:
        x, y = (points[point] - [creases.box.left, creases.box.top]).round().astype(int)
        return float(seen[y - 3 : y + 4, x - 3 : x + 4].min())

    assert all(around(point) < 0.95 for point in at)
    assert all(around(point) > 0.97 for point in elsewhere)


def test_creases_deepen_with_the_weight_and_vanish_with_it(face: tuple[Creases, np.ndarray]) -> None:
    creases, _ = face
    darkest = [shaded(creases, weights(browDownLeft=w, browDownRight=w)).min() for w in (0.0, 0.25, 0.5, 1.0)]
    assert darkest[0] == 1.0
    assert all(np.diff(darkest) < -0.02)
    assert float(creases.drive(weights(**dict.fromkeys(("jawOpen", "mouthClose", "eyeBlinkLeft"), 1.0))).max()) == 0.0


def test_every_fold_has_channels_and_stays_off_lips_and_eyes(face: tuple[Creases, np.ndarray]) -> None:
    creases, points = face
    assert all(any(b.startswith(name) for b in BLENDSHAPES) for fold in FOLDS.values() for name, _ in fold.drive)
    seen = shaded(creases, torch.ones(1, len(BLENDSHAPES)))
    for point in (13, 14, 468, 473):
        x, y = (points[point] - [creases.box.left, creases.box.top]).round().astype(int)
        assert seen[y, x] > 0.98


def test_a_frown_is_drawn_into_the_picture() -> None:
    cast = draw_cast(1, 4)
    face, mask = cast.faces[0].landmarks(), cast.masks[0]
    region = motion_region(face, mask, [], ALLOWED_MOTION)
    renderer = SceneRenderer(cast.picture, [RenderFace(face, region, drawn=True, mask=mask)])
    values = np.zeros((2, N_CHANNELS), np.float32)
    values[1, [INDEX["browInnerUp"], INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]] = 1.0
    still, moved = renderer.frames([MotionTrack(values)])
    assert np.array_equal(still, cast.picture)
    x, y = face.points[151, :2].round().astype(int)
    reach = round(0.25 * face.inter_ocular)
    before, after = (f[y - reach : y + reach, x - 4 : x + 5].astype(float).mean((1, 2)) for f in (still, moved))
    assert np.abs(np.diff(after, 2)).max() > 1.5 * np.abs(np.diff(before, 2)).max()
