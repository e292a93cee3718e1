"""Who is drawn (Look) and where their head is (HeadFrame): face coordinates to picture points with turn and tilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from scripts.drawing.canvas import Colour, Mask, curve, ellipse, mix, resampled, rgb, shape

SILHOUETTE = -0.55
"""Depth of the head's outline behind the plane of the eyes, in inter-ocular distances."""


@dataclass(frozen=True)
class Look:
    """One character. Lengths in inter-ocular distances (distance of the pupils), colours as ``#rrggbb``."""

    name: str
    skin: tuple[str, str, str, str]
    """Base, shade, light, blush."""
    hair: tuple[str, str, str]
    """Dark, base, light."""
    hair_style: str
    outfit: str
    cloth: tuple[str, str]
    """Main and second colour of the clothes."""
    iris: str
    lips: tuple[str, str]
    """Upper and lower lip."""
    brow: str
    cheek: float = 1.19
    jaw: float = 1.03
    chin: float = 0.42
    chin_y: float = 1.8
    neck: float = 0.56
    shoulder: float = 1.95
    eye_open: float = 1.0
    eye_tilt: float = 0.03
    lashes: float = 1.0
    brow_weight: float = 1.0
    nose_width: float = 0.2
    lip_fullness: float = 1.0
    smile: float = 0.06
    age: float = 0.0
    freckles: bool = False
    glasses: str = ""
    earrings: str = ""

    @property
    def skin_tones(self) -> tuple[Colour, Colour, Colour, Colour]:
        """Base, shade, light, blush as float colours."""
        base, shade, light, blush = (rgb(code) for code in self.skin)
        return base, shade, light, blush

    @property
    def hair_tones(self) -> tuple[Colour, Colour, Colour]:
        """Dark, base, light as float colours."""
        dark, base, light = (rgb(code) for code in self.hair)
        return dark, base, light


def face_depth(xy: np.ndarray) -> np.ndarray:
    """Depth (N,) of the face's front at (N, 2) face coordinates: a rounded surface, nearer in the middle."""
    x2 = xy[:, 0] ** 2
    return 0.16 - 0.12 * x2 - 0.34 * np.minimum(x2, 1.6) ** 3 - 0.05 * (xy[:, 1] - 0.5) ** 2


@dataclass(frozen=True)
class HeadFrame:
    """Places face coordinates (origin between the eyes, x right, y down, unit = inter-ocular distance) in the picture.

    Attributes:
        x, y: the origin in pixels.
        size: pixels per inter-ocular distance.
        yaw: turn in radians, positive = the face looks to the right of the picture.
        roll: tilt in radians, positive = clockwise in the picture.
    """

    x: float
    y: float
    size: float
    yaw: float = 0.0
    roll: float = 0.0

    def at(self, points: Sequence[Sequence[float]] | np.ndarray, lift: float | np.ndarray = 0.0) -> np.ndarray:
        """Points on the face's front (N, 2), raised by ``lift`` -> (N, 2) pixels."""
        xy = np.asarray(points, np.float32).reshape(-1, 2)
        return self.place(np.column_stack([xy, face_depth(xy) + lift]))

    def behind(self, points: Sequence[Sequence[float]] | np.ndarray, depth: float = SILHOUETTE) -> np.ndarray:
        """Points (N, 2) in a plane at ``depth`` -> (N, 2) pixels."""
        xy = np.asarray(points, np.float32).reshape(-1, 2)
        return self.place(np.column_stack([xy, np.full(len(xy), depth)]))

    def place(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) face coordinates, z towards the viewer -> (N, 2) pixels."""
        x, y, z = np.asarray(points, np.float32).T
        turned = x * np.cos(self.yaw) + (z - SILHOUETTE) * np.sin(self.yaw)
        c, s = np.cos(self.roll), np.sin(self.roll)
        # The tilt turns about the neck, below the chin, as a head does.
        low = y - 2.2
        return np.column_stack(
            [self.x + self.size * (c * turned - s * low), self.y + self.size * (s * turned + c * low + 2.2)]
        ).astype(np.float32)

    def blob(self, x: float, y: float, rx: float, ry: float, soft: float, lift: float = 0.0, turn: float = 0.0) -> Mask:
        """A soft elliptic spot on the face, edges blurred by ``soft`` inter-ocular distances."""
        return shape(self.at(ellipse(x, y, rx, ry, turn), lift)).blurred(soft * self.size)

    def line(self, points: Sequence[Sequence[float]], lift: float = 0.0, samples: int = 10) -> np.ndarray:
        """A smooth line through face points -> (M, 2) pixels."""
        return self.at(curve(points, samples=samples), lift)


@dataclass
class RigPoints:
    """The points of one face as a rig file names them (``masks.rig_file``): name or number in the face mesh -> pixels.

    Right and left in the names are the person's own.
    """

    points: dict[str, tuple[float, float]] = field(default_factory=dict)

    def mark(self, name: str | int, point: np.ndarray) -> None:
        """Stores one point, (2,) or (1, 2) pixels."""
        x, y = np.asarray(point).reshape(2)
        self.points[str(name)] = (round(float(x), 2), round(float(y), 2))

    def mark_along(self, numbers: Sequence[int], line: np.ndarray, start: float = 0.0, stop: float = 1.0) -> None:
        """Places mesh points at equal distances along ``line`` (N, 2), between two shares of its length."""
        places = resampled(line, 201)
        for number, share in zip(numbers, np.linspace(start, stop, len(numbers)), strict=True):
            self.mark(number, places[round(200 * share)])


def face_outline(look: Look) -> np.ndarray:
    """Control points (N, 3) of the face's outline, from the left ear over the chin to the right one and the skull."""
    c, j, k, y = look.cheek, look.jaw, look.chin, look.chin_y
    right = [
        (c - 0.03, -0.45, -0.52),
        (c, 0.1, -0.5),
        (c - 0.03, 0.55, -0.45),
        (j, 1.02, -0.34),
        (0.5 * (j + k) + 0.05, 1.47, -0.12),
        (k, y - 0.11, 0.08),
        (0.0, y, 0.14),
    ]
    left = [(-x, v, z) for x, v, z in right[-2::-1]]
    skull = [(-1.1, -1.0, -0.55), (-0.72, -1.45, -0.55), (0.0, -1.62, -0.55), (0.72, -1.45, -0.55), (1.1, -1.0, -0.55)]
    return np.array(right + left + skull, np.float32)


def tone(look: Look, amount: float) -> Colour:
    """Skin colour between shade (-1), base (0) and light (1)."""
    base, shade, light, _ = look.skin_tones
    return mix(base, light if amount > 0 else shade, abs(amount))
