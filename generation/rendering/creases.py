"""Creases of the skin: shading along folds that an expression makes, as strong as the shapes that make them.

Which fold belongs to which movement: P. Ekman, W. Friesen, J. Hager, "Facial Action Coding System", 2002. A fold is a
dark line with a soft shadow on one side and light on the other, over the picture's own skin.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from generation.core.motion import BLENDSHAPES
from generation.rendering.imaging.texture import pixel_box
from generation.rendering.imaging.warp import Grid
from masks.topology import LEFT_EYE_RING, LIPS_OUTER, RIGHT_EYE_RING

_FINENESS = 64
"""Most places of a shading map per inter-ocular distance."""
_LINE, _SHADOW = 0.016, 0.06
"""Standard deviations of a crease's line and of its shadow, inter-ocular distances."""
_WARMTH = np.float32([0.8, 1.05, 1.15])
"""Shadows on skin take less of the red, which comes back from within it."""

Path = tuple[tuple[tuple[int, int, float], ...], ...]
"""Lines of points, each between two landmarks: first, second, share of the way."""


@dataclass(frozen=True)
class Fold:
    """A kind of crease.

    Attributes:
        lines: on the person's right side, or across the middle.
        sided: lines are mirrored to the left side, and each side has its own strength.
        drive: channels, without their side where they have one, and what of the strength weight 1 of each gives.
        depth: darkness at strength 1, share of the light.
    """

    lines: Path
    sided: bool
    drive: tuple[tuple[str, float], ...]
    depth: float


def _through(*points: int) -> tuple[tuple[int, int, float], ...]:
    return tuple((point, point, 0.0) for point in points)


def _between(first: tuple[int, ...], second: tuple[int, ...], share: float) -> tuple[tuple[int, int, float], ...]:
    return tuple((a, b, share) for a, b in zip(first, second, strict=True))


_BROWS, _FOREHEAD, _HAIR = (105, 66, 107, 9, 336, 296, 334), (104, 69, 108, 151, 337, 299, 333), (
    103, 67, 109, 10, 338, 297, 332,
)  # fmt: skip
FOLDS: dict[str, Fold] = {
    "nasolabial": Fold(
        (_through(129, 203, 206, 216, 212),),
        True,
        (("mouthSmile", 0.9), ("mouthUpperUp", 0.6), ("noseSneer", 0.8), ("mouthStretch", 0.3)),
        0.4,
    ),
    "forehead": Fold(
        (_between(_BROWS, _FOREHEAD, 0.55), _through(*_FOREHEAD), _between(_FOREHEAD, _HAIR, 0.4)),
        False,
        (("browInnerUp", 0.5), ("browOuterUp", 0.5)),
        0.25,
    ),
    "glabella": Fold(
        (((9, 107, 0.45), (8, 55, 0.5), (168, 193, 0.6)), ((9, 107, 0.9), (107, 55, 0.6), (8, 55, 0.9))),
        True,
        (("browDown", 1.0),),
        0.3,
    ),
    "crows_feet": Fold(
        (((33, 127, 0.25), (33, 127, 0.6)), ((33, 162, 0.25), (33, 162, 0.5)), ((33, 234, 0.22), (33, 234, 0.5))),
        True,
        (("cheekSquint", 0.7), ("eyeSquint", 0.3)),
        0.2,
    ),
    "nose": Fold(
        (((6, 122, 0.35), (6, 122, 0.9)), ((197, 196, 0.6), (122, 188, 0.6)), _through(193, 122, 188)),
        True,
        (("noseSneer", 1.0),),
        0.16,
    ),
    "mouth_corner": Fold((_through(57, 43, 202, 204),), True, (("mouthFrown", 1.0),), 0.22),
    "chin": Fold((_through(182, 83, 18, 313, 406),), False, (("mouthShrugLower", 1.0), ("mouthFrown", 0.3)), 0.35),
    "under_eye": Fold((_through(112, 232, 230, 228, 226),), True, (("cheekSquint", 0.6), ("eyeSquint", 0.5)), 0.25),
}  # fmt: skip


class Creases:
    """Shading of one face.

    Args:
        points: (478, 2) landmarks in pixel indices.
        unit: inter-ocular distance, pixels.
        mirror: (478,) index of each point's mirror image.

    Attributes:
        box: where skin is shaded.
    """

    def __init__(self, points: np.ndarray, unit: float, mirror: np.ndarray) -> None:
        self._scale = min(1.0, _FINENESS / unit)
        reach = 2.0 * _SHADOW * unit
        low, high = np.floor(points[:468].min(0) - reach).astype(int), np.ceil(points[:468].max(0) + reach).astype(int)
        self.box: Grid = pixel_box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        self._size = tuple(max(2, round(self._scale * n)) for n in (self.box.height, self.box.width))
        free = self._free(points)
        maps, drives = [], []
        for fold in FOLDS.values():
            for left in (False, True) if fold.sided else (False,):
                lines = [self._line(points, line, mirror if left else None) for line in fold.lines]
                shading = fold.depth * self._shading(lines, unit) * free
                maps.append(np.where(np.abs(shading) > 1 / 256, shading, 0.0))  # nothing beyond the bounds
                drives.append(_drive(fold, "Left" if left else "Right"))
        self._bounds = np.array([self._bounds_of(shading) for shading in maps])
        self._maps, self._drives = np.array(maps, np.float32), torch.from_numpy(np.array(drives, np.float32))

    def drive(self, weights: torch.Tensor) -> torch.Tensor:
        """(T, folds) strength of each from blendshape weights (T, 51), 0 to 1."""
        return torch.stack([(self._drives * one.clamp(0.0, 1.0)).sum(1) for one in weights]).clamp(0.0, 1.0)

    def reach(self, strengths: torch.Tensor) -> Grid | None:
        """The box of all creases that are seen in strengths (T, folds); None = there are none."""
        seen = np.flatnonzero((strengths > 0).any(0).numpy())
        if len(seen) == 0:
            return None
        left, top = (int(v) for v in self._bounds[seen, :2].min(0))
        right, bottom = (int(v) for v in self._bounds[seen, 2:].max(0))
        return pixel_box(left, top, right, bottom)

    def shade(self, image: torch.Tensor, places: torch.Tensor, strengths: torch.Tensor) -> None:
        """Darkens an image (T, 3, h, w) in place, given the picture's places (T, 2, h, w) that it shows."""
        for one, at, strength in zip(image, places.numpy(), strengths.numpy(), strict=True):
            used = np.flatnonzero(strength > 0)
            if len(used) == 0:
                continue
            dark = sum(strength[k] * self._maps[k] for k in used)
            x, y = ((at[axis] - low) * self._scale for axis, low in ((0, self.box.left), (1, self.box.top)))
            dark = cv2.remap(dark, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0.0)
            pixels = one.numpy()
            for channel, warmth in enumerate(_WARMTH):
                pixels[channel] *= 1.0 - warmth * dark

    def _bounds_of(self, shading: np.ndarray) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) pixels of what a map (h, w) changes."""
        rows, columns = np.nonzero(shading)
        low = np.floor(np.array([columns.min() - 1, rows.min() - 1]) / self._scale) - 1
        high = np.ceil(np.array([columns.max() + 1, rows.max() + 1]) / self._scale) + 1
        corner = [self.box.left, self.box.top]
        left, top, right, bottom = (int(v) for v in (*(low + corner), *(high + corner)))
        return left, top, right, bottom

    def _line(
        self, points: np.ndarray, line: tuple[tuple[int, int, float], ...], mirror: np.ndarray | None
    ) -> np.ndarray:
        ends = [(a, b) if mirror is None else (int(mirror[a]), int(mirror[b])) for a, b, _ in line]
        return np.array([points[a] + t * (points[b] - points[a]) for (a, b), (_, _, t) in zip(ends, line, strict=True)])

    def _shading(self, lines: list[np.ndarray], unit: float) -> np.ndarray:
        """(h, w) darkness of lines, 1 in the middle of each, a little light beside it."""
        thin = np.zeros(self._size, np.float32)
        for line in lines:
            at = np.float32((_rounded(line) - [self.box.left, self.box.top]) * self._scale)
            stroke = np.zeros(self._size, np.uint8)
            cv2.polylines(stroke, [np.int32(np.round(at * 16))], False, 255, 1, cv2.LINE_AA, 4)
            thin = np.maximum(thin, _tapered(stroke / np.float32(255), at))
        line, shadow, light = (_blurred(thin, s * unit * self._scale) for s in (_LINE, _SHADOW, 2.0 * _SHADOW))
        return 0.6 * line + 0.55 * shadow - 0.2 * light

    def _free(self, points: np.ndarray) -> np.ndarray:
        """(h, w) 1 where skin may be shaded: neither lips nor eyes."""
        free = np.ones(self._size, np.uint8)
        for ring in (LIPS_OUTER, LEFT_EYE_RING, RIGHT_EYE_RING):
            inside = cv2.convexHull(np.float32((points[list(ring)] - [self.box.left, self.box.top]) * self._scale))
            cv2.fillConvexPoly(free, np.int32(np.round(inside)), 0)
        return cv2.GaussianBlur(np.float32(free), (0, 0), 1.0)


def _drive(fold: Fold, side: str) -> np.ndarray:
    """(51,) what of a fold's strength each channel gives; of a fold across the middle, both sides half."""
    row = np.zeros(len(BLENDSHAPES))
    for name, share in fold.drive:
        sides = [n for n in (f"{name}Left", f"{name}Right") if n in BLENDSHAPES]
        for channel in [name] if name in BLENDSHAPES else [f"{name}{side}"] if fold.sided else sides:
            row[BLENDSHAPES.index(channel)] = share / (1 if fold.sided or name in BLENDSHAPES else 2)
    return row


def _rounded(line: np.ndarray, count: int = 24) -> np.ndarray:
    """A line through a few points (N, 2) with its corners cut, (count, 2)."""
    along = np.linspace(0, len(line) - 1, count)
    dense = np.stack([np.interp(along, np.arange(len(line)), line[:, k]) for k in (0, 1)], 1)
    kernel = np.float32([1, 2, 3, 2, 1]) / 9
    padded = np.pad(dense, ((2, 2), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(padded[:, k], kernel, "valid") for k in (0, 1)], 1)
    smooth[[0, -1]] = dense[[0, -1]]
    return smooth


def _tapered(stroke: np.ndarray, line: np.ndarray) -> np.ndarray:
    """A stroke (h, w) that fades towards both ends of its line (N, 2)."""
    rows, columns = np.nonzero(stroke)
    near = ((line[None] - np.stack([columns, rows], 1)[:, None]) ** 2).sum(2).argmin(1) / (len(line) - 1)
    out = stroke.copy()
    out[rows, columns] *= np.float32(np.sin(np.pi * np.clip(0.12 + 0.76 * near, 0.0, 1.0)) ** 0.7)
    return out


def _blurred(stroke: np.ndarray, sigma: float) -> np.ndarray:
    """A stroke of one pixel, spread; its middle stays what it was."""
    return cv2.GaussianBlur(stroke, (0, 0), max(sigma, 0.5)) * np.float32(max(sigma, 0.5) * np.sqrt(2 * np.pi))
