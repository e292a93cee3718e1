"""Occlusion of the mouth by fingers, a microphone, a cup or a cloth, detected by colour, shading and edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from masks.landmarks import FaceLandmarks
from masks.regions import fill, head_outline
from masks.topology import (
    CHIN,
    FACE_OVAL,
    FOREHEAD_TOP,
    LIPS_INNER_LOWER,
    LIPS_INNER_UPPER,
    LIPS_OUTER,
)

COVERED = 0.3
"""Share of the mouth's columns without lips from which on the mouth counts as covered."""
COLUMNS = 17
LIP_REDNESS = 0.04
"""Least log(R/G) of lips above that of the cheeks: lips seen measured 0.07 to 0.39, skin over them -0.08 to 0.04."""
OTHER_COLOUR = -0.1
"""log(R/G) on the lower lip below that of the cheeks from which on it is no skin at all: metal, cloth, porcelain."""
FLAT = 0.12
"""Shading down a column of the mouth as a share of the eyes': lips seen measured 0.33 and more, fingers up to 0.05."""
CROSSED = -0.25
"""Correlation between columns below which a quarter of them belies one mouth line: fingers across it measured -0.9 to
-0.15, lips 0.5 and more, lips in a beard -0.1 and more."""
STRAY = 0.12
"""Step, inter-ocular distances, in which lips are looked for beside their landmarks, which a beard leads astray."""
COLOURLESS = 0.06
"""Spread of log(R/G) over a face, from its 10th to its 90th percentile, up to which a picture has no colour to go by:
sepia measured 0.004 to 0.011, a picture paled to a fifth 0.018 to 0.046, others 0.1 and more."""
FULL_COLOUR = 0.16
"""That spread from which on the limits of redness hold in full; paler and blurred faces have narrower ones."""
SAME_COLOUR = np.array([0.12, 0.16, 0.25])
"""How far log(R/G), log(B/G) and 0.3 log G of one surface go apart in light and shade."""
WORKING_SCALE = 44.0
"""Pixels between the eyes at which the object's outline is sought."""
_CHEEKS = (50, 101, 118, 280, 330, 347, 205, 425, 123, 352, 36, 266, 6, 197, 195)
_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
_SKIN = (10, 151, 9, 8, 67, 297, 69, 299, 118, 347, 50, 280, 101, 330, 6)
_BROWS = (70, 63, 105, 66, 107, 300, 293, 334, 296, 336)
_UNDER_EYES = (31, 228, 230, 232, 244, 261, 448, 450, 452, 464)
Reader = Callable[[np.ndarray], np.ndarray]
_BAND = np.linspace(0.25, 0.75, 5)


@dataclass(frozen=True)
class MouthCover:
    """What lies over a mouth.

    Attributes:
        share: share in [0, 1] of the mouth's width at which no lips are seen.
        mask: (H, W) float32 in [0, 1], the object's pixels over head and neck; all 0 where ``share`` is under 0.3.
    """

    share: float
    mask: np.ndarray


def occlusion(picture: np.ndarray, face: FaceLandmarks) -> np.ndarray:
    """Pixels of an object before the mouth: (H, W) float32 in [0, 1]; all 0 where the lips are seen.

    Args:
        picture: uint8 (H, W, 3) RGB.
        face: its landmarks, which a network places on the object where the mouth would be.
    """
    return mouth_cover(picture, face).mask


def mouth_cover(picture: np.ndarray, face: FaceLandmarks) -> MouthCover:
    """How much of the mouth an object covers, and its pixels.

    Lips are redder than the cheeks (a ratio of channels, which shadows leave alone), darker at their line, and stand
    out from the skin above and below; a beard stops at them. Where a column of the mouth has none of this, something
    lies over it: from there its outline is sought by flooding along edges (F. Meyer's watershed) against the upper
    face, the hair and the background.
    """
    covered, seeds = _covered_columns(picture, face)
    share = float(covered.mean())
    if share < COVERED:
        return MouthCover(share, np.zeros(picture.shape[:2], np.float32))
    return MouthCover(share, _outline(picture, face, seeds))


def _covered_columns(picture: np.ndarray, face: FaceLandmarks) -> tuple[np.ndarray, np.ndarray]:
    """(17,) whether a column of the mouth shows no lips; and (N, 2) points of those columns on the object."""
    unit = face.inter_ocular
    points = face.points[:, :2].astype(np.float64)
    low, high = points[:468].min(0) - unit, points[:468].max(0) + unit
    x0, y0 = np.clip(low, 0, None).astype(int)
    x1, y1 = np.minimum(np.ceil(high).astype(int), picture.shape[1::-1])
    if x1 - x0 < 4 or y1 - y0 < 4:
        return np.zeros(COLUMNS, bool), np.zeros((0, 2))
    smooth = cv2.GaussianBlur(picture[y0:y1, x0:x1].astype(np.float32), (0, 0), max(0.5, 0.02 * unit))

    def read(places: np.ndarray) -> np.ndarray:
        """(..., 2): log(R/G) and log luminance at (..., 2) places."""
        at = np.asarray(places - (x0, y0) - 0.5, np.float32)
        rgb = cv2.remap(smooth, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) + 6.0
        return np.stack([np.log(rgb[..., 0] / rgb[..., 1]), np.log(rgb @ np.float32([0.3, 0.59, 0.11]))], -1)

    lines = [_resampled(points[list(line)]) for line in (_UPPER, LIPS_INNER_UPPER, LIPS_INNER_LOWER, _LOWER)]
    cheeks = np.median(read(points[list(_CHEEKS)][None])[0], axis=0)
    spread = float(np.ptp(np.percentile(read(points[None, :468])[0, :, 0], [10, 90])))
    colour = 0.0 if spread < COLOURLESS else min(1.0, spread / FULL_COLOUR)
    eyes = float(np.median(_shading(read, points[list(_BROWS)], points[list(_UNDER_EYES)])))
    down = points[CHIN] - points[FOREHEAD_TOP]
    step = STRAY * unit * down / np.linalg.norm(down)
    found = [_look(read, [line + n * step for line in lines], cheeks[0], eyes, colour) for n in (0, 1, 2, -1)]
    return found[0] if all(covered.mean() >= COVERED for covered, _ in found) else (found[0][0] & False, found[0][1])


def _look(
    read: Reader, lines: Sequence[np.ndarray], cheeks: float, eyes: float, colour: float
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`_covered_columns`, for a mouth between the four lines of its lips, (17, 2) each, from above down.

    Args:
        cheeks: their log(R/G).
        eyes: shading of the eyes.
        colour: how colourful the face is, 0 (black and white) .. 1.
    """
    upper, inner_upper, inner_lower, lower = lines
    bands = [a + (b - a) * _BAND[:, None, None] for a, b in ((upper, inner_upper), (inner_lower, lower))]
    redness = [np.median(read(band)[..., 0], axis=0) - cheeks for band in bands]
    lips, other = LIP_REDNESS * colour, OTHER_COLOUR * colour
    alike = _agreement(read, upper, lower)
    crossed = bool(np.percentile(alike, 25) < CROSSED)
    covered = (_shading(read, upper, lower) < FLAT * eyes) | (crossed & (alike < -CROSSED))
    if colour:
        covered |= (np.maximum(*redness) < lips) | (redness[1] < other)
    covered = _despeckled(covered)
    places = bands[1][:, covered].reshape(-1, 2)  # of the lower lip: above the object landmarks stray onto skin
    if crossed:
        places = np.concatenate([places, bands[0][:, covered].reshape(-1, 2)])
    elif colour and len(places):
        tone = read(places[None])[0, :, 0] - cheeks
        places = places[tone < other if (tone < other).mean() > 0.4 else tone < lips]
    return covered, places


def _resampled(line: np.ndarray) -> np.ndarray:
    """(17, 2) points at equal distances along a line of lips (N, 2), its corners left out."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0.12, 0.88, COLUMNS) * along[-1]
    return np.stack([np.interp(at, along, line[:, i]) for i in (0, 1)], axis=1)


def _shading(read: Reader, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """(N,) how much log luminance goes up and down from (N, 2) points to those below."""
    down = top + (bottom - top) * np.linspace(-0.1, 1.1, 31)[:, None, None]
    return np.abs(np.diff(read(down)[..., 1], axis=0)).sum(0)


def _agreement(read: Reader, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """(N,) correlation of the log luminance down each column, from -1 to 1, with the mean of those further away."""
    down = read(top + (bottom - top) * np.linspace(0, 1, 25)[:, None, None])[..., 1]
    down -= down.mean(0)
    count = np.arange(down.shape[1])
    others = np.stack([down[:, np.abs(count - i) > 2].mean(1) for i in count], axis=1)
    length = np.linalg.norm(down, axis=0) * np.linalg.norm(others, axis=0)
    return (down * others).sum(0) / np.maximum(length, 1e-6)


def _despeckled(columns: np.ndarray) -> np.ndarray:
    """Booleans (N,) without single ones, as a median over three."""
    padded = np.pad(columns.astype(int), 1, mode="edge")
    return padded[:-2] + padded[1:-1] + padded[2:] >= 2


def _outline(picture: np.ndarray, face: FaceLandmarks, seeds: np.ndarray) -> np.ndarray:
    """(H, W) float32: what the seeds (N, 2) belong to, flooded from them and from all that is surely something else."""
    unit = face.inter_ocular
    points = face.points[:, :2].astype(np.float64)
    mouth = points[list(LIPS_OUTER)].mean(0)
    up = points[FOREHEAD_TOP] - points[CHIN]
    up /= np.linalg.norm(up)
    reach = np.array([2.2, 2.6]) * unit
    low = np.maximum(np.floor(mouth - reach), 0).astype(int)
    high = np.minimum(np.ceil(mouth + reach), picture.shape[1::-1]).astype(int)
    scale = min(1.0, WORKING_SCALE / unit) if unit > WORKING_SCALE else WORKING_SCALE / unit
    size = np.maximum(np.round((high - low) * scale), 1).astype(int)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture[low[1] : high[1], low[0] : high[0]], size.tolist(), interpolation=way)
    shape = (int(size[1]), int(size[0]))

    def seen(outline: np.ndarray) -> np.ndarray:
        return fill((outline - low) * scale, shape) >= 0.5

    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    place = np.stack([x, y], -1) / scale + low
    height, aside = (place - points[2]) @ up, np.abs((place - mouth) @ np.array([-up[1], up[0]]))
    oval = points[list(FACE_OVAL)]
    sure = seen(oval.mean(0) + (oval - oval.mean(0)) * 0.92) & (height > 0.12 * unit)
    logs = np.log(cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.0) + 6.0)
    colours = np.stack([logs[..., 0] - logs[..., 1], logs[..., 2] - logs[..., 1], 0.3 * logs[..., 1]], -1)
    skin = _median_at(colours, (points[list(_SKIN)] - low) * scale)
    sure &= (np.abs(colours - skin) < SAME_COLOUR).all(-1) | (height > 0.75 * unit)
    markers = np.zeros(shape, np.int32)
    markers[~seen(head_outline(face, 0.6)) & ((place - points[CHIN]) @ up > -0.1 * unit)] = 2
    markers[aside > 1.7 * unit] = 2
    markers[sure] = 2
    spots = np.clip(np.round((seeds - low) * scale - 0.5).astype(int), 0, size - 1)
    markers[spots[:, 1], spots[:, 0]] = 1
    theirs = _median_at(colours, (seeds - low) * scale)
    if (np.abs(theirs - skin) > SAME_COLOUR).any():  # folds and grilles are edges too
        alike = (np.abs(colours - theirs) < SAME_COLOUR).all(-1) & (np.abs(colours - skin) > SAME_COLOUR).any(-1)
        alike &= seen(head_outline(face, 0.2))
        _, pieces = cv2.connectedComponents((alike & (markers != 2) | (markers == 1)).astype(np.uint8))
        markers[np.isin(pieces, pieces[spots[:, 1], spots[:, 0]])] = 1
    calm = cv2.bilateralFilter(np.ascontiguousarray(small[..., ::-1]), 5, 30, 3)
    flooded = (cv2.watershed(calm, markers) == 1).astype(np.uint8)
    flooded = cv2.morphologyEx(flooded, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    flooded = cv2.dilate(flooded, np.ones((3, 3), np.uint8))  # the watershed's own line belongs to neither side
    whole = np.zeros(picture.shape[:2], np.float32)
    there = cv2.resize(flooded.astype(np.float32), (high - low).tolist(), interpolation=cv2.INTER_LINEAR)
    whole[low[1] : high[1], low[0] : high[0]] = there
    return np.clip(cv2.GaussianBlur(whole, (0, 0), max(0.7, 0.015 * unit)), 0, 1)


def _median_at(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(C,) median of an (h, w, C) array at (N, 2) places in pixels; those outside count at its edge."""
    x, y = np.clip(np.round(places - 0.5).astype(int), 0, np.array(values.shape[1::-1]) - 1).T
    return np.median(values[y, x], axis=0)
