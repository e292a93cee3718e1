"""People without their background: whole figures, soft outlines, and colours that show nothing of what was behind."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from masks.landmarks import FaceLandmarks
from masks.matting import pull_push, refine_matte
from masks.regions import fill, head_outline
from masks.topology import CHIN, FACE_OVAL, FOREHEAD_TOP, NOSE_TIP

_WORKING_SIDE = 320
_HAIR = 0.03
"""How far beyond a mask's edge hair is looked for, inter-ocular distances."""
_FACE = 0.92
"""Share of a face's outline, from its middle, that is surely the person."""
_SURE = 0.02
"""Share of a person below which a pixel shows the background alone."""
_KNOWN = 0.6
"""Share of a person from which a pixel's colour is trusted to be theirs."""


def soft_outline(image: np.ndarray, face: FaceLandmarks, mask: np.ndarray) -> np.ndarray:
    """Matte of one person, float32 (H, W) in [0, 1], from their mask: soft at hair, without holes in the face.

    Args:
        image: uint8 (H, W, 3).
        face: the person's landmarks.
        mask: float32 (H, W) in [0, 1].
    """
    matte = refine_matte(image, mask, max(2, round(_HAIR * face.inter_ocular)))
    return fill_face(matte, face.points[list(FACE_OVAL), :2] - 0.5)


def fill_face(matte: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """A person's matte (H, W) with 1 inside their face, whose edge is left to the matte; in place.

    Args:
        matte: float32 (H, W) in [0, 1].
        outline: (N, 2) points that go round the face, pixel indices x and y.
    """
    inside = outline.mean(0) + _FACE * (outline - outline.mean(0))
    return cv2.fillConvexPoly(matte, cv2.convexHull(np.round(inside).astype(np.int32)), 1.0)


def find_bodies(
    image: np.ndarray, faces: Sequence[FaceLandmarks], figures: Sequence[np.ndarray], others: Sequence[FaceLandmarks]
) -> np.ndarray:
    """Some people down to the picture's lower edge, where :func:`masks.person_segmentation.segment_person` ends below.

    One GrabCut (Rother et al. 2004) for all of them: heads as they were found, chests as seeds, and what is far beside
    or above them as background.

    Args:
        image: uint8 (H, W, 3) RGB.
        faces: their landmarks.
        figures: float32 (H, W) in [0, 1] of each, as found.
        others: faces that are kept out.

    Returns:
        float32 (H, W) in [0, 1].
    """
    height, width = image.shape[:2]
    scale = min(1.0, _WORKING_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shape = size[::-1]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    found = cv2.resize(np.max(figures, 0), size, interpolation=cv2.INTER_AREA)

    def seen(outlines: Sequence[np.ndarray]) -> np.ndarray:
        return np.any([fill(outline * scale, shape) >= 0.5 for outline in outlines], axis=0)

    seeds = np.full(shape, cv2.GC_BGD, np.uint8)
    seeds[seen([_body(face, 1.5, height) for face in faces])] = cv2.GC_PR_BGD
    seeds[seen([_body(face, 1.0, height) for face in faces])] = cv2.GC_PR_FGD
    rows = (np.arange(shape[0])[:, None] + 0.5) / scale
    heads = np.any([seen([head_outline(f, 1.0)]) & (rows < f.points[CHIN, 1]) for f in faces], axis=0)
    seeds[heads] = np.where(found[heads] > 0.5, cv2.GC_FGD, cv2.GC_BGD)
    seeds[seen([_body(face, 0.35, height) for face in faces]) & ~heads | (found > 0.9)] = cv2.GC_FGD
    if others:
        seeds[seen([other.points[list(FACE_OVAL), :2].astype(np.float64) for other in others])] = cv2.GC_BGD
    if not (seeds == cv2.GC_BGD).any():
        return np.ones((height, width), np.float32)
    cv2.setRNGSeed(0)  # GrabCut's clusters start at random
    cv2.grabCut(small, seeds, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    mine = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    mine = cv2.morphologyEx(mine, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    mine = cv2.morphologyEx(mine, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    noses = (
        np.array([face.points[NOSE_TIP, :2] * scale for face in faces]).astype(int).clip(0, (size[0] - 1, size[1] - 1))
    )
    return cv2.resize(_without_holes(mine, noses).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


def _body(face: FaceLandmarks, wide: float, bottom: int) -> np.ndarray:
    """Outline of neck, shoulders and what is below down to row ``bottom``, ``wide`` times as wide as usual."""
    chin, top = (face.points[i, :2].astype(np.float64) for i in (CHIN, FOREHEAD_TOP))
    down = chin - top
    across = np.array([-down[1], down[0]]) * wide
    end = max(2.0, (bottom - chin[1]) / max(down[1], 1.0) + 0.2)
    side = [(0.3, -0.1), (0.4, 0.35), (1.0, 0.6), (1.25, 1.5), (1.4, end)]
    return np.array([chin + x * across + y * down for x, y in [*side, *((-x, y) for x, y in reversed(side))]])


def _without_holes(mine: np.ndarray, noses: np.ndarray) -> np.ndarray:
    """The pieces of a mask, uint8 (h, w), that hold somebody's nose, with what they enclose."""
    around = np.pad(1 - mine, 1, constant_values=1)
    around[-1] = 0  # people reach to the lower edge
    _, pieces = cv2.connectedComponents(around)
    _, pieces = cv2.connectedComponents((pieces != pieces[0, 0])[1:-1, 1:-1].astype(np.uint8))
    return np.isin(pieces, np.unique(pieces[noses[:, 1], noses[:, 0]])) & (pieces > 0)


def cut_out(image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """The people without their background: colours times opacity, and opacity.

    What the background has to a mixed pixel is taken away, so that none of it is seen over another.

    Args:
        image: uint8 (H, W, 3) RGB.
        matte: float32 (H, W) in [0, 1].

    Returns:
        uint8 (H, W, 4), colours premultiplied by the fourth channel.
    """
    opacity = matte[..., None]
    background = cv2.erode((matte <= _SURE).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    behind = pull_push(image.astype(np.float32), background) if background.any() else np.float32(image)
    colour = np.clip(image - (1 - opacity) * behind, 0, 255 * opacity)
    return np.round(np.dstack([colour, 255 * matte])).astype(np.uint8)


def nearest_colours(cut: np.ndarray) -> np.ndarray:
    """Colours, uint8 (H, W, 3), that go on from people cut out (H, W, 4) over what is not theirs.

    Where codecs and players mix neighbouring pixels, an outline then keeps its own colour.
    """
    opacity = cut[..., 3:].astype(np.float32)
    straight = 255 * np.float32(cut[..., :3]) / np.maximum(opacity, 1)
    known = opacity[..., 0] > 255 * _KNOWN
    return np.round(pull_push(straight, known).clip(0, 255)).astype(np.uint8)


def straight_colours(cut: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """A frame (H, W, 4) with colours times opacity as one with the colours themselves.

    Args:
        cut: uint8 (H, W, 4).
        beyond: uint8 (H, W, 3), colours where opacity is too low to tell; see :func:`nearest_colours`.
    """
    opacity = cut[..., 3]
    out = cut.copy()
    thin = opacity < 12
    out[thin, :3] = beyond[thin]
    mixed = (opacity < 255) & ~thin
    out[mixed, :3] = np.minimum(np.round(255 * np.float32(cut[mixed, :3]) / opacity[mixed, None]), 255)
    return out
