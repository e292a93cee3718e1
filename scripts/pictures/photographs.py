"""Twenty pictures made of the two public-domain portraits that installed packages carry."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from masks.landmarks import FaceLandmarker, FaceLandmarks
from scripts.drawing import props
from scripts.drawing.canvas import rgb
from scripts.drawing.turning import turned_head
from scripts.pictures.case import PictureCase, Piece, beside, framed, laid

SIDE = 360


def portraits() -> tuple[tuple[Piece, FaceLandmarks], tuple[Piece, FaceLandmarks]]:
    """The two, 360 pixels a side with faces of one size, and their landmarks.

    Sources: ``skimage.data.astronaut()`` (Eileen Collins, NASA) and matplotlib's sample ``grace_hopper.jpg`` (US Navy);
    works of the United States government in the public domain.
    """
    from matplotlib import cbook
    from skimage import data

    path = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    hopper = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    landmarker, found = FaceLandmarker(), []
    for cut in (data.astronaut()[0:270, 90:360], hopper[0:500, 6:506]):
        picture = cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC if len(cut) < SIDE else cv2.INTER_AREA)
        (face,) = landmarker.detect(picture)
        x, y = face.eyes.mean(0)
        found.append((Piece(picture, ((float(x), float(y), face.inter_ocular),)), face))
    return found[0], found[1]


def photograph_cases() -> Iterator[PictureCase]:
    """The pictures, one after the other."""
    (left, left_face), (right, right_face) = portraits()
    pair = beside(left, right, gap=8)
    yield _case("two portraits side by side", pair)
    yield _case("one person", left)
    yield from _posters(left, right)
    yield from _covered(left, left_face, right, right_face)
    yield from _turned(pair, left, left_face, right)
    yield from _poor(pair, left)


def _case(name: str, piece: Piece) -> PictureCase:
    return PictureCase(name, piece.picture, piece.spots)


def _posters(left: Piece, right: Piece) -> Iterator[PictureCase]:
    """More faces than cast."""
    mirrored = Piece(left.picture[:, ::-1], tuple((SIDE - x, y, u) for x, y, u in left.spots))
    for name, between in (
        ("a framed portrait between two people", framed(right, 150)),
        ("a large framed portrait between two people", framed(right, 300)),
        ("a picture without a frame, as large, between two people", right),
        ("a poster larger than either of two people", right.scaled(1.5)),
    ):
        other = mirrored.scaled(0.75) if "larger than" in name else mirrored
        whole = beside(left, between, other, gap=20)
        yield PictureCase(name, whole.picture, (whole.spots[0], whole.spots[2]))
    whole = beside(left, framed(right, 300), gap=20)
    yield PictureCase("one person of a cast of two, and a framed portrait", whole.picture, whole.spots[:1], cast=2)


def _covered(left: Piece, left_face: FaceLandmarks, right: Piece, right_face: FaceLandmarks) -> Iterator[PictureCase]:
    """Something before a mouth."""
    canvas = props.on_photograph(left.picture)
    props.draw_fingers(canvas, props.frame_of(left_face), rgb("#e2b49c"))
    yield _case("fingers before the mouth", left.changed(props.finished(canvas)))
    canvas = props.on_photograph(right.picture)
    props.draw_microphone(canvas, props.frame_of(right_face))
    yield _case("two people, a microphone before one mouth", beside(left, right.changed(props.finished(canvas)), gap=8))
    canvas = props.on_photograph(left.picture)
    props.draw_cloth_mask(canvas, props.frame_of(left_face), rgb("#8fb6d9"))
    yield _case("a cloth mask", left.changed(props.finished(canvas)))
    canvas = props.on_photograph(left.picture)
    props.draw_beard(canvas, props.frame_of(left_face), rgb("#3a2417"), props.lips_of(left_face))
    yield _case("a full beard", left.changed(props.finished(canvas)))


def _turned(pair: Piece, left: Piece, left_face: FaceLandmarks, right: Piece) -> Iterator[PictureCase]:
    """Pictures on their side, heads from the side."""
    width = pair.picture.shape[1]
    aside = tuple((y, width - x, u) for x, y, u in pair.spots)
    yield PictureCase("on its side, without a note in the file", np.rot90(pair.picture), aside[::-1])
    yield PictureCase("on its side, with its orientation in the file", np.rot90(pair.picture), pair.spots, turned=6)
    for degrees in (50, 90):
        head = turned_head(left.picture, left_face, degrees, SIDE)
        piece = beside(Piece(head, ((SIDE / 2, SIDE / 2 - 25, 60.0),)), right, gap=8)
        yield _case(f"a head turned by {degrees} degrees beside one that is not", piece)


def _poor(pair: Piece, left: Piece) -> Iterator[PictureCase]:
    """Grey, blurred, dark, cut off, far away."""
    grey = cv2.cvtColor(pair.picture, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    grain = np.random.default_rng(0).normal(0, 12, grey.shape)
    noisy = np.repeat(np.clip(grey + grain, 0, 255), 3, axis=2).astype(np.uint8)
    yield _case("black and white with grain", pair.changed(noisy))
    yield _case("blurred by 6 pixels", pair.changed(cv2.GaussianBlur(pair.picture, (0, 0), 6)))
    yield _case("dark: an eighth of the light", pair.changed((pair.picture / 8).astype(np.uint8)))
    x, y, unit = left.spots[0]
    cut = round(x - 0.35 * unit)
    yield PictureCase("a face cut off by the left edge", left.picture[:, cut:], ((x - cut, y, unit),))
    light = np.linspace(190, 110, 2000)[:, None, None] * np.array([0.95, 1.0, 1.05])
    far = np.repeat(light, 3000, axis=1).astype(np.uint8)
    small = pair.scaled(0.45)
    rows, columns = small.picture.shape[:2]
    soft = np.zeros((rows, columns), np.float32)
    soft[20:-20, 20:-20] = 1
    soft = cv2.GaussianBlur(soft, (0, 0), 8)[..., None]
    ground = far[900 : 900 + rows, 1700 : 1700 + columns]
    blended = small.changed((small.picture * soft + ground * (1 - soft)).astype(np.uint8))
    yield PictureCase("two people far away in a large picture", far, tuple(laid(far, blended, 1700, 900)))
