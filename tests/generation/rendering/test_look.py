"""Painted parts look like the picture: grey stays grey, blurred stays blurred, grain goes on, dark stays dark."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from PIL import Image

from generation.core.motion import INDEX, MotionTrack
from generation.rendering.face import RenderFace
from generation.rendering.imaging.look import LUMA, measure_look
from generation.rendering.renderer import SceneRenderer
from masks.landmarks import FaceLandmarker
from masks.regions import fill, head_outline

Change = Callable[[np.ndarray], np.ndarray]
GRAIN = 12.0
SEPIA = np.array([1.07, 0.98, 0.82])


def grey(picture: np.ndarray) -> np.ndarray:
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)


def grainy(picture: np.ndarray, coarse: float = 0.0) -> np.ndarray:
    """The picture with noise of one strength in all channels; ``coarse`` is its blur in pixels."""
    noise = np.random.default_rng(1).normal(size=picture.shape[:2])
    if coarse:
        noise = cv2.GaussianBlur(noise, (0, 0), coarse)
    noise *= GRAIN / noise.std()
    return np.clip(np.round(picture + noise[..., None]), 0, 255).astype(np.uint8)


def sepia(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.round(grey(picture) * SEPIA), 0, 255).astype(np.uint8)


def blurred(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), 6)


class Portrait:
    """A photograph of a closed mouth, and frames of changed versions of it."""

    def __init__(self) -> None:
        with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
            self.picture = np.ascontiguousarray(np.asarray(Image.open(file).convert("RGB"))[20:380, 80:440])
        (self.face,) = FaceLandmarker().detect(self.picture)
        self.region = fill(head_outline(self.face, 0.1), self.picture.shape)
        self.mouth, self.lids = self.frames(lambda picture: picture)
        self.inside = _eroded(np.abs(self.mouth.astype(int) - self.picture).max(-1) > 40)
        self.inside[: int(self.face.eyes[:, 1].mean() + 0.6 * self.face.inter_ocular)] = False
        self.skin = _eroded(fill(self.face.points[[50, 101, 118, 117], :2], self.picture.shape) > 0.5)

    def frames(self, change: Change, drawn: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """An open mouth and shut eyes."""
        values = np.zeros((40, len(INDEX)), np.float32)
        values[0, INDEX["jawOpen"]] = 0.35
        values[-1, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 1.0
        renderer = SceneRenderer(change(self.picture), [RenderFace(self.face, self.region, drawn)])
        mouth, lids = renderer.frames([MotionTrack(values)], [0, len(values) - 1])
        return mouth, lids

    def eyes(self) -> np.ndarray:
        """Pixels of the lids that come down."""
        return _eroded(np.abs(self.lids.astype(int) - self.picture).max(-1) > 25)


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return Portrait()


def _eroded(mask: np.ndarray) -> np.ndarray:
    return cv2.erode(np.uint8(mask), np.ones((3, 3), np.uint8)) > 0


def fine(image: np.ndarray, pixels: np.ndarray) -> float:
    """Strength of what changes from pixel to pixel: the Laplacian's median size, as a standard deviation of noise."""
    laplacian = cv2.Laplacian(np.float32(image @ LUMA), cv2.CV_32F)
    return float(np.median(np.abs(laplacian[pixels])) / 0.6745 / np.sqrt(20))


def painted(portrait: Portrait, change: Change) -> tuple[np.ndarray, float, float]:
    """(N, 3) painted pixels of mouth and lids in a changed picture, and how fine-grained either is."""
    mouth, lids = portrait.frames(change)
    pixels = np.concatenate([mouth[portrait.inside], lids[portrait.eyes()]]).astype(int)
    return pixels, fine(mouth, portrait.inside), fine(lids, portrait.eyes())


def test_grey_with_grain_stays_grey_with_its_grain(portrait: Portrait) -> None:
    pixels, mouth, lids = painted(portrait, lambda picture: grainy(grey(picture)))
    assert np.ptp(pixels, axis=1).max() <= 1
    assert 0.75 * GRAIN < mouth < 1.25 * GRAIN and 0.75 * GRAIN < lids < 1.25 * GRAIN, (mouth, lids)


def test_coarse_grain_stays_coarse_and_sepia_sepia(portrait: Portrait) -> None:
    smooth = lambda picture: cv2.GaussianBlur(picture, (0, 0), 1.2)  # noqa: E731 - without grain of its own
    pixels, mouth, lids = painted(portrait, lambda picture: grainy(sepia(smooth(picture)), 0.8))
    own = fine(grainy(np.full_like(portrait.picture, 128), 0.8), portrait.region > 0)
    assert own < 0.6 * GRAIN
    assert 0.6 * own < mouth < 1.5 * own and 0.6 * own < lids < 1.5 * own, (own, mouth, lids)
    # grain goes up and down on top of the tone, as it does in the picture
    tone = np.median(pixels[:, 0] - pixels[:, 2]), np.median(pixels[:, 0] - pixels[:, 1])
    level = np.median(pixels @ LUMA) / (SEPIA @ LUMA)
    assert tone == pytest.approx((level * (SEPIA[0] - SEPIA[2]), level * (SEPIA[0] - SEPIA[1])), abs=4)


def test_grain_does_not_flicker(portrait: Portrait) -> None:
    """It is part of a still: while the mouth goes on opening, grain in it stays where it is."""
    picture = grainy(grey(portrait.picture))
    values = np.zeros((2, len(INDEX)), np.float32)
    values[:, INDEX["jawOpen"]] = 0.35, 0.37
    frames = SceneRenderer(picture, [RenderFace(portrait.face, portrait.region)]).frames([MotionTrack(values)])
    one, two = (frame[portrait.inside].astype(float).mean(-1) for frame in frames)
    assert np.median(np.abs(one - two)) < 0.3 * GRAIN


def test_a_blurred_picture_gets_no_sharp_edge(portrait: Portrait) -> None:
    """Frames are those of the sharp picture, blurred; nothing has a steeper edge than the picture's own."""
    picture = blurred(portrait.picture)

    def steepest(image: np.ndarray, around: np.ndarray) -> float:
        laplacian = cv2.Laplacian(np.float32(image @ LUMA), cv2.CV_32F)
        return float(np.percentile(np.abs(laplacian[around]), 99.5))

    face = portrait.region > 0.5
    for frame, sharp in zip(portrait.frames(blurred), (portrait.mouth, portrait.lids), strict=True):
        changed = np.abs(sharp.astype(int) - portrait.picture).max(-1) > 25
        assert steepest(frame, changed) < 2.5 * steepest(picture, face)
        assert steepest(sharp, changed) > 20 * steepest(picture, face)
        assert np.abs(frame.astype(int) - blurred(sharp))[changed].mean() < 35


def test_a_dark_picture_gets_no_bright_teeth(portrait: Portrait) -> None:
    mouth, _ = portrait.frames(lambda picture: (picture * 0.15).astype(np.uint8))
    usual, dark = (np.percentile(frame[portrait.inside].mean(-1), 99) for frame in (portrait.mouth, mouth))
    assert dark < 1.1 * 0.15 * usual


def test_light_of_a_colour_lights_the_teeth_too(portrait: Portrait) -> None:
    mouth, _ = portrait.frames(lambda picture: np.clip(picture * [0.35, 0.6, 1.1], 0, 255).astype(np.uint8))
    inside = mouth[portrait.inside].astype(int)
    teeth = inside[inside.mean(-1) > np.percentile(inside.mean(-1), 85)]
    assert (teeth[:, 2] > teeth[:, 0]).mean() > 0.95


def test_a_faded_picture_gets_no_black(portrait: Portrait) -> None:
    def faded(picture: np.ndarray) -> np.ndarray:
        return (80 + 0.6 * grey(picture)).astype(np.uint8)

    mouth, _ = portrait.frames(faded)
    assert mouth[portrait.inside].min() > 0.8 * np.percentile(faded(portrait.picture), 1)


def test_what_is_painted_as_a_drawing_stays_grey_too(portrait: Portrait) -> None:
    mouth, lids = portrait.frames(grey, drawn=True)
    assert np.ptp(mouth.astype(int), axis=-1).max() <= 1 and np.ptp(lids.astype(int), axis=-1).max() <= 1


def _landmarks(picture: np.ndarray) -> tuple[np.ndarray, float]:
    face = max(FaceLandmarker().detect(picture), key=lambda face: face.inter_ocular)
    return face.points[:, :2] - 0.5, face.inter_ocular


@pytest.mark.parametrize("scale", [1, 2])
def test_ordinary_pictures_are_painted_as_ever(portrait: Portrait, scale: int) -> None:
    woman = cv2.resize(skimage.data.astronaut()[:280, 60:390], None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    for picture in (woman, portrait.picture):
        look = measure_look(picture, *_landmarks(picture))
        assert (look.own_colours, look.black, look.blur, look.grain) == (1.0, 0.0, 0.0, None)


@pytest.mark.parametrize("sigma", [3.0, 6.0])
def test_blur_is_measured_through_grain(portrait: Portrait, sigma: float) -> None:
    soft = cv2.GaussianBlur(portrait.picture, (0, 0), sigma)
    points, unit = portrait.face.points[:, :2] - 0.5, portrait.face.inter_ocular
    for picture in (soft, grainy(soft)):
        assert measure_look(picture, points, unit).blur == pytest.approx(sigma, rel=0.3)
    assert measure_look(grainy(portrait.picture), points, unit).blur < 1.0
