"""A moving head before its background, on drawn characters whose outline and true background are known."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from generation.motion import INDEX, MotionTrack
from generation.rendering.face import RenderFace
from generation.rendering.scene import SceneRenderer
from masks.landmarks import FaceLandmarks
from masks.regions import motion_region
from scripts.draw_cast import HEIGHT, TABLE, WIDTH, draw_cast, finish
from scripts.drawing.backdrop import draw_backdrop, draw_table
from scripts.drawing.canvas import Canvas
from studio.seating import ALLOWED_MOTION

NORA, THEO, JUNE, INGRID = 8, 4, 3, 1
"""Seeds that draw one character alone: curls, glasses and ears, a bob, long hair."""


@dataclass(frozen=True)
class Stage:
    """One drawn character: picture, what is really behind it, its outline, and the renderer."""

    picture: np.ndarray
    background: np.ndarray
    mask: np.ndarray
    region: np.ndarray
    face: FaceLandmarks
    renderer: SceneRenderer

    @classmethod
    def of(cls, seed: int) -> Stage:
        cast = draw_cast(1, seed)
        canvas = Canvas(WIDTH, HEIGHT)
        draw_backdrop(canvas, seed)
        draw_table(canvas, [], TABLE)
        mask, face = cast.masks[0], cast.faces[0].landmarks()
        region = motion_region(face, mask, [], ALLOWED_MOTION)
        renderer = SceneRenderer(cast.picture, [RenderFace(face, region, drawn=True, mask=mask)])
        return cls(cast.picture, finish(canvas.pixels), mask, region, face, renderer)

    def frame(self, **channels: float) -> np.ndarray:
        """The picture with some channels moved; ``eyeBlink`` and the like stand for both sides."""
        values = np.zeros((1, len(INDEX)), np.float32)
        for name, value in channels.items():
            for full in [name] if name in INDEX else [f"{name}Left", f"{name}Right"]:
                values[:, INDEX[full]] = value
        (frame,) = self.renderer.frames([MotionTrack(values)])
        return frame


@pytest.fixture(scope="module")
def stages() -> dict[int, Stage]:
    return {seed: Stage.of(seed) for seed in (INGRID,)}


@pytest.mark.parametrize("degrees", [-10, 10])
def test_nothing_is_cut_at_the_border_of_the_region(stages: dict[int, Stage], degrees: int) -> None:
    """Long hair swings furthest in a roll; what arrives at the border would be cut there."""
    stage = stages[INGRID]
    inwards = cv2.distanceTransform(np.uint8(stage.region > 0), cv2.DIST_L2, 5)
    border = (inwards > 0) & (inwards < 0.1 * stage.face.inter_ocular)
    changed = np.abs(stage.frame(headRotationZ=np.radians(degrees)).astype(int) - stage.picture).max(-1)
    assert changed.max() > 100
    assert changed[border].max() <= 10
