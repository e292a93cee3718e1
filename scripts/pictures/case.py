"""A picture with what is known of it: who is to speak, and where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

Spot = tuple[float, float, float]
"""Middle between the eyes (x, y) and the distance of the eyes, pixels."""


@dataclass(frozen=True)
class PictureCase:
    """One situation.

    Attributes:
        name: what is to be seen.
        picture: uint8 (H, W, 3) RGB, as the file holds it.
        people: where the people are who may speak.
        cast: how many are in the cast; 0 = as many as people.
        turned: EXIF orientation of the file, 1 = none.
        scene: further keys of the first character.
    """

    name: str
    picture: np.ndarray
    people: tuple[Spot, ...]
    cast: int = 0
    turned: int = 1
    scene: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Piece:
    """A part of a picture with the faces in it."""

    picture: np.ndarray
    spots: tuple[Spot, ...]

    def scaled(self, factor: float) -> Piece:
        """The same ``factor`` times as large."""
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        picture = cv2.resize(self.picture, None, fx=factor, fy=factor, interpolation=way)
        return Piece(picture, tuple((x * factor, y * factor, u * factor) for x, y, u in self.spots))

    def changed(self, picture: np.ndarray) -> Piece:
        """Other pixels, the same faces."""
        return Piece(picture, self.spots)


def beside(*pieces: Piece, gap: int = 0) -> Piece:
    """Pieces next to each other, on grey where they are less high than the others."""
    height = max(piece.picture.shape[0] for piece in pieces)
    width = sum(piece.picture.shape[1] for piece in pieces) + gap * (len(pieces) - 1)
    wall = np.full((height, width, 3), (196, 190, 178), np.uint8)
    spots: list[Spot] = []
    x = 0
    for piece in pieces:
        spots += laid(wall, piece, x, height - piece.picture.shape[0])
        x += piece.picture.shape[1] + gap
    return Piece(wall, tuple(spots))


def laid(ground: np.ndarray, piece: Piece, x: int, y: int) -> list[Spot]:
    """Lays a piece on a picture, in place, with its left upper corner at (x, y); returns where its faces are then."""
    rows, columns = piece.picture.shape[:2]
    ground[y : y + rows, x : x + columns] = piece.picture
    return [(u + x, v + y, size) for u, v, size in piece.spots]


def framed(piece: Piece, side: int, colour: Sequence[int] = (84, 52, 30)) -> Piece:
    """A piece as a portrait ``side`` pixels wide in a frame."""
    small = piece.scaled(side / piece.picture.shape[1])
    edge = max(6, side // 10)
    return Piece(
        np.pad(small.picture, ((edge, edge), (edge, edge), (0, 0))) + _frame(small.picture.shape, edge, colour),
        tuple((x + edge, y + edge, u) for x, y, u in small.spots),
    )


def _frame(shape: tuple[int, ...], edge: int, colour: Sequence[int]) -> np.ndarray:
    frame = np.full((shape[0] + 2 * edge, shape[1] + 2 * edge, 3), colour, np.uint8)
    frame[edge:-edge, edge:-edge] = 0
    return frame
