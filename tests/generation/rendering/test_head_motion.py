"""A moving head before its background, on drawn characters whose outline and true background are known."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from generation.core.motion import INDEX, MotionTrack
from generation.rendering.face import RenderFace
from generation.rendering.renderer import SceneRenderer
from masks.landmarks import FaceLandmarker, FaceLandmarks
from masks.person_segmentation import segment_person
from masks.regions import motion_region
from masks.topology import CHIN, LEFT_CHEEK_EDGE
from scripts.compose_portraits import DIVIDER, SIDE, compose
from scripts.draw_cast import HEIGHT, TABLE, WIDTH, draw_cast, finish
from scripts.drawing.backdrop import draw_backdrop, draw_table
from scripts.drawing.canvas import Canvas
from studio.cast.face_assignment import AssignedFace, FaceAssignment
from studio.cast.geometry import ALLOWED_MOTION, build_geometry
from studio.scene.schema import Scene

NORA, THEO, INGRID = 8, 4, 1
"""Seeds that draw one character alone: curls, glasses and ears, long hair."""


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
    return {seed: Stage.of(seed) for seed in (INGRID, NORA, THEO)}


@pytest.mark.parametrize("degrees", [-10, 10])
def test_nothing_is_cut_at_the_border_of_the_region(stages: dict[int, Stage], degrees: int) -> None:
    """Long hair swings furthest in a roll; what arrives at the border would be cut there."""
    stage = stages[INGRID]
    inwards = cv2.distanceTransform(np.uint8(stage.region > 0), cv2.DIST_L2, 5)
    border = (inwards > 0) & (inwards < 0.1 * stage.face.inter_ocular)
    changed = np.abs(stage.frame(headRotationZ=np.radians(degrees)).astype(int) - stage.picture).max(-1)
    assert changed.max() > 100
    assert changed[border].max() <= 10


@pytest.mark.parametrize("seed", [NORA, THEO, INGRID])
def test_no_ghost_of_the_outline_stays_or_travels(stages: dict[int, Stage], seed: int) -> None:
    """Beside a head that moved by whole pixels stands the picture's own background, as before."""
    stage = stages[seed]
    unit = stage.renderer._faces[0].unit
    chin = int(stage.face.points[CHIN, 1] - 0.4 * unit)
    worst = []
    for pixels in (-16, 16):
        frame = stage.frame(headTranslationX=pixels / unit)
        cover = np.maximum(stage.mask, np.roll(stage.mask, pixels, 1))
        beside = (cover <= 0) & (cv2.distanceTransform(np.uint8(cover <= 0), cv2.DIST_L2, 5) < 0.3 * unit)
        beside[chin:] = False
        worst.append(np.percentile(np.abs(frame.astype(int) - stage.background).max(-1)[beside], 98))
    assert max(worst) <= 18, worst


def test_brows_do_not_bend_glasses(stages: dict[int, Stage]) -> None:
    """The rims stay where they are in a strong raise."""
    stage = stages[THEO]
    (x, y), unit = stage.face.eyes.mean(0), stage.face.inter_ocular
    rims = np.s_[int(y - 0.42 * unit) : int(y + 0.5 * unit), int(x - 0.95 * unit) : int(x + 0.95 * unit), 0]
    dark = stage.picture[rims] < 150
    raised = stage.frame(browInnerUp=0.9, browOuterUp=0.9)
    assert (dark & (raised[rims] > 190)).sum() < 0.06 * dark.sum()


@pytest.fixture(scope="module")
def officer() -> tuple[np.ndarray, FaceLandmarks]:
    """Grace Hopper before a flag on the left and plain blue on the right."""
    picture = np.ascontiguousarray(compose()[:, SIDE + DIVIDER :])
    (face,) = FaceLandmarker().detect(picture)
    return picture, face


def test_a_region_drawn_around_a_face_is_not_its_outline(officer: tuple[np.ndarray, FaceLandmarks]) -> None:
    """The blue that a region of the scene holds beside the head must not turn with it."""
    picture, face = officer
    hopper = {"name": "Grace", "voice": "x", "region": [0, 0, SIDE, SIDE]}
    scene = Scene.model_validate({"picture": "", "cast": [hopper], "script": [{"who": "Grace", "text": "Hello."}]})
    places = build_geometry(
        scene, FaceAssignment(picture, (AssignedFace(0, face, np.ones((SIDE, SIDE), np.float32), False),))
    )
    assert places.masks[0].mask.min() == 1.0
    assert places.figures[0][150:200, 420:].max() < 0.1
    assert places.figures[0][150:200, 200:300].min() > 0.99


def test_no_hair_of_a_photograph_stays_behind(officer: tuple[np.ndarray, FaceLandmarks]) -> None:
    """A turn of 15 degrees uncovers blue beside the ear and nothing else, down to the curls below it."""
    picture, face = officer
    mask = segment_person(picture, face)
    renderer = SceneRenderer(picture, [RenderFace(face, motion_region(face, mask, [], ALLOWED_MOTION), mask=mask)])
    values = np.zeros((1, len(INDEX)), np.float32)
    values[:, INDEX["headRotationY"]] = np.radians(15)
    (frame,) = renderer.frames([MotionTrack(values)])
    eyes, chin = int(face.eyes[:, 1].min()), int(face.points[CHIN, 1])
    uncovered = np.s_[eyes:chin, int(face.points[LEFT_CHEEK_EDGE, 0] + 0.05 * face.inter_ocular) :]
    assert (picture[uncovered][..., 0] > picture[uncovered][..., 2]).sum() > 500  # there hair and ear were
    strange = frame[uncovered].astype(int)
    assert (strange[..., 0] > strange[..., 2] - 15).sum() <= 5
