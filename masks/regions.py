"""Character masks (for routing) and motion regions (pixels that may change), with their validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from masks.landmarks import FaceLandmarks
from masks.picture import load_levels, picture_size
from masks.topology import CHIN, FACE_OVAL, FOREHEAD_TOP, JAW

SMALLEST_SIDE = 16
FULL_SHARE = 0.98
MOST_OVERLAP = 0.2
FEATHER = 0.12
TURN = 0.18
_NEAR = 0.7
"""Roll of the head, radians, for which a region has room on top of ``allowed_motion``, and the distance from the eyes
up to which that needs none, inter-ocular distances."""
SUBPIXELS = 4
BACKGROUND = 0.04
"""Level of a mask's file below which a pixel is nobody's: ten of 255."""


@dataclass(frozen=True)
class CharacterMask:
    """The pixels that belong to one character.

    Attributes:
        name: the character's name.
        mask: (H, W), or (T, H, W) when it moves, float32 in [0, 1].

    Raises:
        ValueError: other number of axes, a number that is not finite, or one outside [0, 1].
    """

    name: str
    mask: np.ndarray

    def __post_init__(self) -> None:
        mask = np.ascontiguousarray(self.mask, dtype=np.float32)
        if mask.ndim not in (2, 3) or mask.size == 0:
            raise ValueError(
                f"{self.name}'s mask has shape {mask.shape}; give it (height, width) or (frames, height, width)."
            )
        if not np.isfinite(mask).all():
            raise ValueError(f"{self.name}'s mask holds values that are not numbers; paint it again.")
        if mask.min() < 0 or mask.max() > 1:
            raise ValueError(
                f"{self.name}'s mask goes from {mask.min():g} to {mask.max():g}; scale it to between 0 and 1."
            )
        object.__setattr__(self, "mask", mask)

    @property
    def n_frames(self) -> int:
        """Number of frames, 1 when it stands still."""
        return len(self.mask) if self.mask.ndim == 3 else 1

    def frame(self, t: int) -> np.ndarray:
        """(H, W) mask of frame ``t``; a still one is the same at any."""
        return self.mask[t] if self.mask.ndim == 3 else self.mask

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.mask.shape[-2], self.mask.shape[-1]


def box_mask(name: str, box: Sequence[float], size: tuple[int, int]) -> CharacterMask:
    """Mask of a box (x0, y0, x1, y1) in pixels, x right and y down, in a picture of ``size`` (height, width).

    Raises:
        ValueError: not four numbers, no extent, or more than half of it outside the picture.
    """
    height, width = size
    if len(box) != 4 or not np.isfinite(box).all():
        raise ValueError(f"{name}'s box needs four numbers (left, top, right, bottom) in pixels, not {list(box)}.")
    x0, y0, x1, y1 = (float(v) for v in box)
    if x1 <= x0 or y1 <= y0:
        raise ValueError(
            f"{name}'s box {list(box)} has no extent; give left, top, right, bottom with right > left and bottom > top."
        )
    _check_inside(name, np.array([x0, y0]), np.array([x1, y1]), (height, width))
    across, down = (
        np.clip(np.minimum(b, np.arange(n) + 1) - np.maximum(a, np.arange(n)), 0, 1)
        for a, b, n in ((x0, x1, width), (y0, y1, height))
    )
    return CharacterMask(name, np.outer(down, across))


def outline_mask(name: str, outline: Sequence[Sequence[float]], size: tuple[int, int]) -> CharacterMask:
    """Mask of a polygon of (x, y) corners in pixels in a picture of ``size`` (height, width).

    Raises:
        ValueError: fewer than three corners, no area, or more than half of it outside the picture.
    """
    height, width = size
    corners = np.asarray(outline, dtype=np.float32)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
        raise ValueError(f"{name}'s outline needs at least three corners (x, y) in pixels.")
    area = cv2.contourArea(corners)
    if area < 1:
        raise ValueError(f"{name}'s outline encloses no area; draw it around the character.")
    _check_inside(name, corners.min(0), corners.max(0), (height, width))
    return CharacterMask(name, fill(corners, (height, width)))


def _check_inside(name: str, low: np.ndarray, high: np.ndarray, size: tuple[int, int]) -> None:
    height, width = size
    inside = np.prod(np.clip(np.minimum(high, (width, height)) - np.maximum(low, 0), 0, None))
    if inside < 0.5 * np.prod(high - low):
        raise ValueError(
            f"{name}'s region from ({low[0]:g}, {low[1]:g}) to ({high[0]:g}, {high[1]:g}) lies outside the picture"
            f" of {width} x {height} pixels (x counts from the left, y from the top); move it onto {name}."
        )


def load_mask(name: str, path: str | Path, size: tuple[int, int]) -> CharacterMask:
    """Mask from a picture file, white (or opaque) = the character, brought to ``size`` (height, width).

    Levels below :data:`BACKGROUND` are the background's: paint programs and JPEG leave it almost black.

    Raises:
        ValueError: no such file, not a picture, or other proportions than the picture's.
    """
    path = Path(path)
    height, width = size
    if not path.exists():
        raise ValueError(f"{name}'s mask {path.name} is missing; check its name and folder.")
    try:
        shape = picture_size(path, smallest=1)
        fits = abs(shape[0] / shape[1] - width / height) <= 0.01 * width / height
        mask = load_levels(path) if fits else None
    except ValueError as error:
        raise ValueError(f"{name}'s mask {error}") from error
    if mask is None:
        raise ValueError(_other_shape(name, shape, size))
    mask[mask < BACKGROUND] = 0
    return CharacterMask(name, np.clip(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), 0, 1))


def _other_shape(name: str, shape: tuple[int, int], size: tuple[int, int]) -> str:
    """What is said of a mask of ``shape`` (width, height) for a picture of ``size`` (height, width)."""
    return (
        f"{name}'s mask has {shape[0]} x {shape[1]} pixels and the picture {size[1]} x {size[0]};"
        " paint the mask over the picture itself."
    )


def check_masks(masks: Sequence[CharacterMask], size: tuple[int, int]) -> list[str]:
    """What is wrong with a cast's masks for a picture of ``size`` (height, width): a sentence with its repair each."""
    names = [m.name for m in masks]
    problems = [f"Two masks are named {n}; keep one." for n in dict.fromkeys(names) if names.count(n) > 1]
    found = {id(m): _problem(m, size) for m in masks}
    problems += [p for p in found.values() if p]
    for a, b in combinations([m for m in masks if not found[id(m)]], 2):
        if a.n_frames > 1 and b.n_frames > 1 and a.n_frames != b.n_frames:
            problems.append(
                f"The masks of {a.name} and {b.name} have {a.n_frames} and {b.n_frames} frames; make them equally long."
            )
            continue
        share = _shared(a, b)
        if share > MOST_OVERLAP:
            problems.append(
                f"The masks of {a.name} and {b.name} share {share:.0%} of the smaller one; draw them apart until they"
                f" share at most {MOST_OVERLAP:.0%}."
            )
    return problems


def _problem(mask: CharacterMask, size: tuple[int, int]) -> str | None:
    name = mask.name
    height, width = size
    if mask.size != size:
        return (
            f"{name}'s mask has {mask.size[1]} x {mask.size[0]} pixels and the picture {width} x {height};"
            " make it over this picture."
        )
    ever = np.max([mask.frame(t) for t in range(mask.n_frames)], axis=0)
    rows, columns = np.flatnonzero((ever >= 0.5).any(1)), np.flatnonzero((ever >= 0.5).any(0))
    if not len(rows):
        return f"{name}'s mask is empty; paint over {name} in the picture."
    if ever.mean() > FULL_SHARE:
        return f"{name}'s mask covers the whole picture; mark only {name}."
    extent = columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
    if min(extent) < SMALLEST_SIDE:
        return (
            f"{name}'s mask is only {extent[0]} x {extent[1]} pixels; make it at least {SMALLEST_SIDE} pixels a side"
            " or use a larger picture."
        )
    return None


def _shared(a: CharacterMask, b: CharacterMask) -> float:
    """Largest share over the frames of the smaller mask that lies in the other."""
    shares = []
    for t in range(max(a.n_frames, b.n_frames)):
        one, other = a.frame(t), b.frame(t)
        smaller = min(one.sum(), other.sum())
        shares.append(float(np.minimum(one, other).sum() / smaller) if smaller > 0 else 0.0)
    return max(shares)


def face_of(mask: CharacterMask, faces: Sequence[FaceLandmarks]) -> FaceLandmarks | None:
    """The face that lies most, and at least by half, inside the mask's first frame; None if none does."""
    first = mask.frame(0)
    inside = [float((fill(f.points[list(FACE_OVAL), :2], mask.size) * first).sum()) for f in faces]
    areas = [float(fill(f.points[list(FACE_OVAL), :2], mask.size).sum()) for f in faces]
    best = max(range(len(faces)), key=lambda i: inside[i], default=None)
    return None if best is None or inside[best] < 0.5 * max(areas[best], 1.0) else faces[best]


def motion_region(
    face: FaceLandmarks, mask: np.ndarray, neighbours: Sequence[np.ndarray], allowed_motion: float = 0.25
) -> np.ndarray:
    """The pixels that may change when this face moves: head, hair and neck with room to move, never a neighbour's.

    Args:
        face: the character's landmarks.
        mask: (H, W) float32 in [0, 1], the character's own mask (its first frame if it moves).
        neighbours: (H, W) masks of the other characters; the region ends half-way to them.
        allowed_motion: how far the head may travel, in inter-ocular distances; what a roll of 10 degrees moves beyond
            that, hair at the sides above all, has room too.

    Returns:
        (H, W) float32 in [0, 1]: 1 inside, exactly 0 outside, with a soft edge of 0.12 inter-ocular distances.

    Raises:
        ValueError: masks of different sizes, or a face outside the picture.
    """
    shape = mask.shape
    if any(n.shape != shape for n in neighbours):
        raise ValueError(f"The neighbours' masks have shapes {[n.shape for n in neighbours]}, the own one {shape}.")
    unit = face.inter_ocular
    reach = fill(head_outline(face, 1.0), shape)
    region = np.maximum(fill(head_outline(face, 0.35), shape), np.minimum(reach, mask)) >= 0.5
    region |= fill(neck_outline(face), shape) >= 0.5
    if not region.any():
        raise ValueError("The face lies outside the picture, so nothing of it can move.")
    outwards = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5)
    allowed = outwards <= allowed_motion * unit + _roll_room(face, shape)
    own = _distance(mask)
    for neighbour in neighbours:  # what lies between two people goes to the nearer one, so that regions never overlap
        allowed &= (neighbour <= 0.0) & (own < _distance(neighbour))
    inwards = cv2.distanceTransform(np.pad(allowed, 1, mode="edge").astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.clip(inwards / max(FEATHER * unit, 1.0), 0.0, 1.0).astype(np.float32)


def _distance(mask: np.ndarray) -> np.ndarray:
    """(H, W) pixels to the nearest one of the mask; far away from an empty one."""
    outside = np.uint8(mask < 0.5)
    return cv2.distanceTransform(outside, cv2.DIST_L2, 5) if not outside.all() else np.full(mask.shape, np.inf)


def _roll_room(face: FaceLandmarks, shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) float32 pixels of room on top that a roll of the head needs at each place; 0 below the neck."""
    unit = face.inter_ocular
    chin, top = (face.points[i, :2].astype(np.float32) for i in (CHIN, FOREHEAD_TOP))
    up = (top - chin) / max(float(np.linalg.norm(top - chin)), 1e-6)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    eyes = face.eyes[:, :2].mean(0)
    distance = np.hypot(x - eyes[0], y - eyes[1])
    above = ((x - chin[0]) * up[0] + (y - chin[1]) * up[1]) / unit
    further = TURN * np.clip(distance - _NEAR * unit, 0.0, None)
    return (further * np.clip((above + 0.7) / 0.5, 0.0, 1.0)).astype(np.float32)


def motion_room(face: FaceLandmarks, region: np.ndarray) -> float:
    """How far the face can travel before its outline leaves the MotionRegion (H, W), in inter-ocular distances.

    Outline points outside the picture do not count: there is nothing to be seen there.
    """
    height, width = region.shape
    open_sides = np.pad((region > 0).astype(np.uint8), 1, mode="edge")  # the picture's own border is no limit
    distance = cv2.distanceTransform(open_sides, cv2.DIST_L2, 5)[1:-1, 1:-1]
    x, y = np.floor(face.points[list(FACE_OVAL), :2]).astype(int).T
    seen = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return float(distance[y[seen], x[seen]].min() / face.inter_ocular) if seen.any() else 0.0


def fill(outline: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) float32 coverage in [0, 1] of a closed (N, 2) outline in pixels; edge pixels get their inner part."""
    corners = np.asarray(outline, np.float64)
    canvas = np.zeros(shape[:2], np.float32)
    low = np.clip(np.floor(corners.min(0)), 0, None).astype(int)
    high = np.clip(np.ceil(corners.max(0)), 0, (shape[1], shape[0])).astype(int)
    width, height = high - low
    if width <= 0 or height <= 0:
        return canvas
    fine = np.zeros((height * SUBPIXELS, width * SUBPIXELS), np.uint8)
    fixed = np.round(((corners - low) * SUBPIXELS - 0.5) * 256).astype(np.int32)
    cv2.fillPoly(fine, [fixed], 255, cv2.LINE_8, 8)
    covered = cv2.resize(fine, (int(width), int(height)), interpolation=cv2.INTER_AREA)
    canvas[low[1] : high[1], low[0] : high[0]] = covered.astype(np.float32) / 255.0
    return canvas


def head_outline(face: FaceLandmarks, extra: float) -> np.ndarray:
    """(36, 2) outline of the head with hair: the face's oval, widened by ``extra`` of itself, more above (hats)."""
    oval = face.points[list(FACE_OVAL), :2].astype(np.float64)
    chin, top = face.points[CHIN, :2], face.points[FOREHEAD_TOP, :2]
    up = (top - chin) / max(float(np.linalg.norm(top - chin)), 1e-6)
    centre = (chin + top) / 2
    height = (oval - centre) @ up
    lift = np.clip(height / max(float(height.max()), 1e-6), 0, 1)[:, None]
    return centre + (oval - centre) * (1 + extra) + 1.5 * lift * up * extra * height.max()


def neck_outline(face: FaceLandmarks, length: float = 0.5) -> np.ndarray:
    """(4, 2) outline of the neck, from the jaw down by ``length`` face heights."""
    jaw = face.points[list(JAW), :2].astype(np.float64)
    chin, top = face.points[CHIN, :2], face.points[FOREHEAD_TOP, :2]
    down = length * (chin - top)
    middle = jaw[len(jaw) // 2]
    sides = middle + (jaw[[4, -5]] - middle) * 0.75
    return np.concatenate([sides, sides[::-1] + down])
