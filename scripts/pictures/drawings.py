"""Forty pictures drawn by our own drawing scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from scripts.draw_cast import PLACES, Place, cast_shadow, finish
from scripts.drawing import props
from scripts.drawing.backdrop import draw_backdrop
from scripts.drawing.canvas import Canvas, rgb
from scripts.drawing.figure import draw_figure
from scripts.drawing.head import HeadFrame, Look
from scripts.drawing.people import CAST
from scripts.pictures.case import PictureCase, Piece, framed, laid

WIDTH, HEIGHT = 1280, 720
Prop = Callable[[Canvas, HeadFrame, Look], object]
PROPS: dict[str, Prop] = {
    "fingers of the same skin": lambda canvas, frame, look: props.draw_fingers(canvas, frame, rgb(look.skin[0])),
    "two leaning fingers": lambda canvas, frame, look: props.draw_fingers(canvas, frame, rgb(look.skin[0]), 2, 0.5),
    "fingers of another skin": lambda canvas, frame, _: props.draw_fingers(canvas, frame, rgb("#7c4a2c")),
    "a microphone": lambda canvas, frame, _: props.draw_microphone(canvas, frame),
    "a cup": lambda canvas, frame, _: props.draw_cup(canvas, frame, rgb("#f1ead9")),
    "a blue cloth mask": lambda canvas, frame, _: props.draw_cloth_mask(canvas, frame, rgb("#8fb6d9")),
    "a black cloth mask": lambda canvas, frame, _: props.draw_cloth_mask(canvas, frame, rgb("#26262a")),
}
"""What covers a mouth."""
FREE: dict[str, Prop] = {
    "a microphone below the chin": lambda canvas, frame, _: props.draw_microphone(canvas, frame, 2.4),
    "a shadow over half of the mouth": lambda canvas, frame, _: props.draw_shadow(canvas, frame),
    "a moustache": lambda canvas, frame, _: props.draw_moustache(canvas, frame, rgb("#2a1a12"), _lips(frame)),
    "a full beard": lambda canvas, frame, _: props.draw_beard(canvas, frame, rgb("#3a2417"), _lips(frame)),
}
"""What does not."""
TEN: tuple[Place, ...] = tuple(
    (x, y, 52.0, yaw, 0.0)
    for y, xs in ((150, (140, 390, 640, 890, 1140)), (400, (140, 390, 640, 890, 1140)))
    for x, yaw in zip(xs, (0.15, 0.08, 0.0, -0.08, -0.15), strict=True)
)


def drawn_cases() -> Iterator[PictureCase]:
    """The pictures, one after the other."""
    for count in range(1, 7):
        piece = _cast(PLACES[count])
        yield PictureCase(f"a drawn cast of {count}", piece.picture, piece.spots)
    ten = _cast(TEN)
    yield PictureCase("a group of ten", ten.picture, ten.spots)
    yield PictureCase("a group of ten, three in the cast", ten.picture, (), cast=3)
    yield PictureCase("six alike, four in the cast", _cast(PLACES[6]).picture, (), cast=4)
    yield from _with_props()
    yield from _with_others()
    yield from _changed()
    yield from _turned()
    yield from _stylised()


def _lips(frame: HeadFrame) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return frame.at(np.column_stack([0.4 * np.cos(angles), 1.1 + 0.16 * np.sin(angles)]), 0.12)


def _cast(places: Sequence[Place], prop: Prop | None = None, start: int = 0) -> Piece:
    """People in the café; ``prop`` is drawn on the first of them. All heads are painted over all bodies behind."""
    canvas = Canvas(WIDTH, HEIGHT)
    draw_backdrop(canvas, 0)
    others = np.zeros((HEIGHT, WIDTH), np.float32)
    spots = []
    for number, place in enumerate(places):
        look, frame = CAST[(number + start) % len(CAST)], HeadFrame(*place)
        draw_figure(canvas, look, frame)
        if prop is not None and number == 0:
            prop(canvas, frame, look)
        cover = canvas.take_figure()
        cast_shadow(canvas.pixels, cover, others)
        others = np.maximum(others, cover)
        x, y = frame.at([(0, 0)])[0]
        spots.append((float(x), float(y), float(place[2])))
    return Piece(finish(canvas.pixels), tuple(spots))


def _with_props() -> Iterator[PictureCase]:
    """Something on or before a face."""
    for number, (name, prop) in enumerate([*PROPS.items(), *FREE.items()]):
        piece = _cast(PLACES[2], prop, number)
        yield PictureCase(f"two people, {name} on one", piece.picture, piece.spots)


def _with_others() -> Iterator[PictureCase]:
    """Portraits, posters and people in the background."""
    pair, single = _cast(PLACES[2]), _cast(PLACES[1], start=3)
    x, y, unit = single.spots[0]
    left, top = round(x - 2.2 * unit), round(y - 2.2 * unit)
    portrait = Piece(
        single.picture[top : round(y + 2.4 * unit), left : round(x + 2.2 * unit)], ((x - left, y - top, unit),)
    )
    for name, side, colour in (
        ("a framed portrait between two people", 130, (84, 52, 30)),
        ("a portrait in a white frame between two people", 150, (240, 238, 232)),
        ("a framed portrait as large as the people", 220, (40, 40, 44)),
    ):
        ground = pair.picture.copy()
        small = framed(portrait, side, colour)
        laid(ground, small, 640 - small.picture.shape[1] // 2, 20)
        yield PictureCase(name, ground, pair.spots)
    for count, size in ((1, 40.0), (3, 30.0), (5, 22.0)):
        behind = [(640 + (n - (count - 1) / 2) * 5.5 * size, 160.0, size, 0.0, 0.0) for n in range(count)]
        piece = _cast([*behind, *PLACES[2]])
        whose = "somebody" if count == 1 else f"{count} people"
        yield PictureCase(f"two people, {whose} in the background", piece.picture, piece.spots[count:])


def _changed() -> Iterator[PictureCase]:
    """Grey, sepia, blurred, dark, pale and small pictures."""
    piece = _cast(PLACES[3])
    picture = piece.picture
    grey = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    for name, pixels in (
        ("black and white", grey),
        ("sepia", np.clip(grey * np.array([1.07, 0.86, 0.66]), 0, 255).astype(np.uint8)),
        ("blurred by 6 pixels", cv2.GaussianBlur(picture, (0, 0), 6)),
        ("dark: an eighth of the light", (picture / 8).astype(np.uint8)),
        ("pale: almost white", (255 - (255 - picture.astype(np.float32)) * 0.2).astype(np.uint8)),
    ):
        yield PictureCase(f"three people, {name}", pixels, piece.spots)


def _turned() -> Iterator[PictureCase]:
    """Turned pictures and heads, and faces at the edge."""
    piece = _cast(PLACES[3])
    aside = tuple((HEIGHT - y, x, u) for x, y, u in piece.spots)
    yield PictureCase("three people, on its side", np.rot90(piece.picture, -1), aside)
    over = tuple((WIDTH - x, HEIGHT - y, u) for x, y, u in piece.spots)
    yield PictureCase("three people, upside down", np.rot90(piece.picture, 2), over)
    for yaw in (0.6, 1.0, 1.4):
        piece = _cast([(400, 300, 94, yaw, 0.0), PLACES[2][1]])
        yield PictureCase(f"one of two heads turned by {np.degrees(yaw):.0f} degrees", piece.picture, piece.spots)
    piece = _cast(PLACES[2])
    for name, start in (("half", 400), ("a third", 370)):
        spots = tuple((x - start, y, u) for x, y, u in piece.spots)
        yield PictureCase(f"two people, {name} of one face cut off", piece.picture[:, start:], spots)


def _stylised() -> Iterator[PictureCase]:
    """A fox, whose face no network finds: refused, then marked by three points."""
    fox = np.full((480, 640, 3), (226, 232, 214), np.uint8)
    for points, colour in (
        ([(200, 60), (260, 200), (150, 190)], (196, 96, 40)), ([(440, 60), (380, 200), (490, 190)], (196, 96, 40)),
        ([(160, 190), (480, 190), (400, 380), (320, 440), (240, 380)], (212, 110, 48)),
        ([(240, 300), (400, 300), (350, 400), (320, 430), (290, 400)], (246, 236, 222)),
    ):  # fmt: skip
        cv2.fillPoly(fox, [np.array(points)], colour, cv2.LINE_AA)
    for x in (255, 385):
        cv2.ellipse(fox, (x, 250), (20, 14), 0, 0, 360, (30, 22, 18), -1, cv2.LINE_AA)
    cv2.circle(fox, (320, 345), 16, (30, 22, 18), -1, cv2.LINE_AA)
    cv2.ellipse(fox, (320, 380), (34, 14), 0, 20, 160, (60, 34, 26), 3, cv2.LINE_AA)
    spots = ((320.0, 250.0, 130.0),)
    yield PictureCase("a fox", fox, spots)
    marked: dict[str, object] = {"eyes_and_mouth": [[255, 250], [385, 250], [320, 388]]}
    yield PictureCase("a fox with its eyes and mouth marked", fox, spots, scene=marked)
