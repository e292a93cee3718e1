"""Objects before a mouth are noticed and outlined; beards, lipstick and shadows are no objects."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import skimage.data

from masks.landmarks import FaceLandmarker, FaceLandmarks
from masks.occlusion import COVERED, mouth_cover, occlusion
from masks.regions import fill, head_outline
from masks.topology import LIPS_OUTER
from scripts.drawing import props
from scripts.drawing.canvas import Canvas, rgb, shape
from scripts.drawing.head import HeadFrame

Prop = Callable[[Canvas, HeadFrame, FaceLandmarks], object]
SKIN = rgb("#e2b49c")
COVERING: dict[str, Prop] = {
    "fingers": lambda canvas, frame, _: props.draw_fingers(canvas, frame, SKIN),
    "microphone": lambda canvas, frame, _: props.draw_microphone(canvas, frame),
    "cup": lambda canvas, frame, _: props.draw_cup(canvas, frame, rgb("#f1ead9")),
    "cloth": lambda canvas, frame, _: props.draw_cloth_mask(canvas, frame, rgb("#8fb6d9")),
    "black cloth": lambda canvas, frame, _: props.draw_cloth_mask(canvas, frame, rgb("#26262a")),
}
LEAVING_FREE: dict[str, Prop] = {
    "nothing": lambda *_: None,
    "beard": lambda canvas, frame, face: props.draw_beard(canvas, frame, rgb("#3a2417"), props.lips_of(face)),
    "moustache": lambda canvas, frame, face: props.draw_moustache(canvas, frame, rgb("#2a1a12"), props.lips_of(face)),
    "lipstick": lambda canvas, _, face: canvas.tint(shape(props.lips_of(face)).blurred(1.0), rgb("#c0102a"), 0.7),
    "dark lipstick": lambda canvas, _, face: canvas.tint(shape(props.lips_of(face)).blurred(1.0), rgb("#3a1020"), 0.7),
    "shadow": lambda canvas, frame, _: props.draw_shadow(canvas, frame),
}


@pytest.fixture(scope="module")
def found() -> tuple[np.ndarray, FaceLandmarks]:
    picture = np.ascontiguousarray(skimage.data.astronaut()[:280, 60:390])
    return picture, FaceLandmarker().detect(picture)[0]


def drawn(found: tuple[np.ndarray, FaceLandmarks], prop: Prop) -> tuple[np.ndarray, np.ndarray]:
    """The photograph with something drawn before it, and (H, W) what that covers."""
    picture, face = found
    canvas = props.on_photograph(picture)
    prop(canvas, props.frame_of(face), face)
    return props.finished(canvas), canvas.take_figure()


@pytest.mark.parametrize("kind", COVERING)
def test_an_object_before_the_mouth_is_outlined(found: tuple[np.ndarray, FaceLandmarks], kind: str) -> None:
    picture, truth = drawn(found, COVERING[kind])
    mask = occlusion(picture, found[1])
    assert mask.dtype == np.float32
    assert mask.shape == picture.shape[:2]
    assert 0 <= mask.min() <= mask.max() <= 1
    lips = fill(found[1].points[list(LIPS_OUTER), :2], picture.shape) * truth
    assert (mask * lips).sum() > 0.95 * lips.sum()
    head = fill(head_outline(found[1], 0.1), picture.shape) > 0.5
    mine, its = (mask > 0.5) & head, (truth > 0.5) & head
    assert (mine & its).sum() > 0.5 * (mine | its).sum()


@pytest.mark.parametrize("kind", LEAVING_FREE)
def test_what_belongs_to_a_face_is_no_object(found: tuple[np.ndarray, FaceLandmarks], kind: str) -> None:
    picture, _ = drawn(found, LEAVING_FREE[kind])
    cover = mouth_cover(picture, found[1])
    assert cover.share < COVERED
    assert not cover.mask.any()


def test_fingers_are_noticed_in_dark_blurred_and_grey_pictures(found: tuple[np.ndarray, FaceLandmarks]) -> None:
    bare = found[0]
    fingers, _ = drawn(found, COVERING["fingers"])
    for change in (
        lambda picture: cv2.GaussianBlur(picture, (0, 0), 3),
        lambda picture: (picture * 0.25).astype(np.uint8),
        lambda picture: np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2),
    ):
        assert mouth_cover(change(fingers), found[1]).share >= COVERED
        assert mouth_cover(change(bare), found[1]).share < COVERED


def test_pale_colours_and_one_tone_are_no_object(found: tuple[np.ndarray, FaceLandmarks]) -> None:
    """Sepia, with grain, has skin's red and no redder lips; a blurred or faded picture has paler ones."""
    bare = found[0].astype(np.float32)
    gray = np.repeat((bare @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)
    grain = np.random.default_rng(0).normal(0, 12, bare.shape[:2])[..., None]
    for picture in (
        gray * [1.07, 0.98, 0.82],
        gray * [1.07, 0.98, 0.82] + grain,
        0.3 * bare + 0.7 * gray,
        cv2.GaussianBlur(bare, (0, 0), 4),
    ):
        assert mouth_cover(picture.clip(0, 255).astype(np.uint8), found[1]).share < COVERED


def test_a_face_outside_the_picture_has_no_cover(found: tuple[np.ndarray, FaceLandmarks]) -> None:
    away = FaceLandmarks(found[1].points + (5000, 0, 0))
    assert not occlusion(found[0], away).any()
