"""Person segmentation by Segment Anything where its weights are installed, else by GrabCut."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from masks.landmarks import FaceLandmarks
from masks.matting import refine_matte
from masks.networks import models_folder
from masks.regions import fill, head_outline, neck_outline
from masks.topology import CHIN, FACE_OVAL, FOREHEAD_TOP, NOSE_TIP

WORKING_SIDE = 256
_LOCKS = 0.2
"""How far beyond GrabCut's edge hair is looked for, inter-ocular distances."""
REACHES = (1.0, 1.6)
"""Widths of the windows that are tried, shoulder widths: somebody stands nearer or stretches an arm."""
CUT_PIXELS = 12
"""Pixels of the reduced mask at the window's edge from which on it cuts the person."""
LARGEST_HOLE = 0.8
"""Side of the largest hole that is filled, inter-ocular distances: larger ones are seen between arm and body."""
SAM_KINDS = ("vit_h", "vit_l", "vit_b")


class Predictor(Protocol):
    """The part of ``segment_anything.SamPredictor`` that is used here; SAM 2 and its kin offer the same."""

    def set_image(self, image: np.ndarray) -> None:
        """Encode a uint8 (H, W, 3) RGB picture."""

    def predict(
        self, point_coords: np.ndarray, point_labels: np.ndarray, box: np.ndarray, multimask_output: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points (N, 2) x y in pixels with labels (N,) 1 = inside, 0 = outside; box (4,) x0 y0 x1 y1.

        Returns (M, H, W) bool masks, (M,) scores, and low-resolution logits.
        """


def has_segment_anything() -> bool:
    """Whether whole people are found by Segment Anything: a checkpoint lies in the models folder."""
    return any(models_folder().glob("sam_vit_*.pth"))


def sam_predictor(device: str = "cpu") -> Predictor | None:
    """Segment Anything's predictor with the largest ``sam_vit_*.pth`` of the models folder; None without one.

    Raises:
        RuntimeError: there is a checkpoint, but the package `segment-anything` does not load.
    """
    for kind in SAM_KINDS:
        checkpoints = sorted(models_folder().glob(f"sam_{kind}*.pth"))
        if checkpoints:
            break
    else:
        return None
    try:
        package = importlib.import_module("segment_anything")
    except (
        ImportError,
        RuntimeError,
    ) as error:  # torchvision's registry build raises RuntimeError beside other torches
        raise RuntimeError(
            f"{checkpoints[0].name} is there, but segment-anything does not load ({error}); install the extra `sam`"
            " in an environment with matching torch and torchvision, or move the checkpoint away."
        ) from error
    return package.SamPredictor(package.sam_model_registry[kind](checkpoint=str(checkpoints[0])).to(device))


def segment_person(
    image: np.ndarray, face: FaceLandmarks, predictor: Predictor | None = None, others: Sequence[FaceLandmarks] = ()
) -> np.ndarray:
    """The pixels of the person with this face: head, hair and what is seen of the body.

    Args:
        image: uint8 (H, W, 3) RGB.
        face: the person's landmarks.
        predictor: Segment Anything's interface; GrabCut seeded by the landmarks without one.
        others: the other faces of the picture, which are kept out.

    Returns:
        (H, W) float32 in [0, 1], soft at the edge.
    """
    if predictor is None:
        return _grabcut(image, face, others)
    predictor.set_image(image)
    inside = np.array([face.points[[NOSE_TIP, CHIN, FOREHEAD_TOP], :2].mean(0), _below(face)])
    outside = np.array([f.points[NOSE_TIP, :2] for f in others]).reshape(-1, 2)
    points = np.concatenate([inside, outside]).astype(np.float32)
    labels = np.array([1] * len(inside) + [0] * len(outside))
    height, width = image.shape[:2]
    points = np.clip(points, 0, (width - 1, height - 1))
    found, scores, _ = predictor.predict(
        point_coords=points, point_labels=labels, box=np.array(_body_box(face, (height, width))), multimask_output=True
    )
    return _softened(found[int(np.argmax(scores))].astype(np.float32), face)


def _grabcut(image: np.ndarray, face: FaceLandmarks, others: Sequence[FaceLandmarks]) -> np.ndarray:
    """GrabCut around head and shoulders, in a wider window where the person reaches the edge of the first."""
    for reach in REACHES:
        cutout, window, cut = _in_window(image, face, others, reach)
        if not cut:
            break
    x0, y0, x1, y1 = window
    height, width = image.shape[:2]
    whole = np.zeros((height, width), np.float32)
    # locks that the reduced picture lost would stay behind when the head turns
    part = refine_matte(image[y0:y1, x0:x1], cutout, max(2, round(_LOCKS * face.inter_ocular)))
    whole[y0:y1, x0:x1] = part
    return _softened(whole, face)


def _in_window(
    image: np.ndarray, face: FaceLandmarks, others: Sequence[FaceLandmarks], reach: float
) -> tuple[np.ndarray, tuple[int, int, int, int], bool]:
    """GrabCut (Rother et al. 2004) on a reduced cut-out of the picture, seeded by the face's geometry.

    Returns:
        The mask (h, w) float32 of the window, which fades out where its edge cuts the person; the window (x0, y0, x1,
        y1); and whether it does.
    """
    height, width = image.shape[:2]
    x0, y0, x1, y1 = _body_box(face, (height, width), reach)
    margin = int(0.5 * face.inter_ocular) + 2
    x0, y0, x1, y1 = max(0, x0 - margin), max(0, y0 - margin), min(width, x1 + margin), min(height, y1 + margin)
    scale = min(1.0, WORKING_SIDE / max(x1 - x0, y1 - y0))
    size = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    small = cv2.resize(image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    shape = (size[1], size[0])

    def seen(outline: np.ndarray) -> np.ndarray:
        return fill((outline - (x0, y0)) * scale, shape) >= 0.5

    seeds = np.full(shape, cv2.GC_PR_BGD, np.uint8)
    seeds[seen(head_outline(face, 0.3)) | seen(_torso(face))] = cv2.GC_PR_FGD
    far = ~(seen(head_outline(face, 1.0)) | seen(_torso(face, 1.5 * reach, reach)))
    seeds[far] = cv2.GC_BGD
    oval = face.points[list(FACE_OVAL), :2].astype(np.float64)
    middle = oval.mean(0)
    seeds[seen(middle + (oval - middle) * 0.92) | seen(neck_outline(face, 0.6))] = cv2.GC_FGD
    for other in others:
        seeds[seen(other.points[list(FACE_OVAL), :2].astype(np.float64))] = cv2.GC_BGD
    cv2.setRNGSeed(0)  # GrabCut's clusters start at random
    cv2.grabCut(small, seeds, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    mine = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    mine = cv2.morphologyEx(mine, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    mine |= seen(oval).astype(np.uint8)
    _, pieces = cv2.connectedComponents(mine)
    at = np.clip((middle - (x0, y0)) * scale, 0, (size[0] - 1, size[1] - 1)).astype(int)
    kept = (pieces == pieces[at[1], at[0]]) & (mine > 0)
    closed = cv2.morphologyEx(kept.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    closed = _without_holes(closed, (LARGEST_HOLE * face.inter_ocular * scale) ** 2)
    limit = np.pad(far.astype(np.uint8), 1)  # the picture's own border cuts nobody
    limit[0, :], limit[-1, :], limit[:, 0], limit[:, -1] = y0 > 0, y1 < height, x0 > 0, x1 < width
    room = cv2.distanceTransform(1 - limit, cv2.DIST_L2, 5)[1:-1, 1:-1]
    cut = int((closed[room <= 1.5] > 0).sum()) > CUT_PIXELS
    mask = closed.astype(np.float32)
    if cut:
        share = np.clip(room / (0.5 * face.inter_ocular * scale), 0.0, 1.0)
        mask = mask * np.maximum(share * share * (3 - 2 * share), seen(head_outline(face, 0.3)))
    return cv2.resize(mask, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR), (x0, y0, x1, y1), cut


def _without_holes(mask: np.ndarray, largest: float) -> np.ndarray:
    """The mask (h, w) uint8 with its holes of up to ``largest`` pixels filled: buttons, badges, prints on clothes."""
    count, pieces, figures, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    filled = mask.copy()
    height, width = mask.shape
    for number in range(1, count):
        x, y, w, h, area = figures[number]
        if area <= largest and x > 0 and y > 0 and x + w < width and y + h < height:
            filled[pieces == number] = 1
    return filled


def _below(face: FaceLandmarks) -> np.ndarray:
    """A point on the chest: 0.9 face heights below the chin."""
    chin, top = face.points[CHIN, :2], face.points[FOREHEAD_TOP, :2]
    return chin + 0.9 * (chin - top)


def _torso(face: FaceLandmarks, width: float = 1.0, length: float = 1.0) -> np.ndarray:
    """Rough outline of neck, shoulders and chest, ``width`` times as wide and ``length`` times as long as usual."""
    chin, top = (face.points[i, :2].astype(np.float64) for i in (CHIN, FOREHEAD_TOP))
    down = chin - top
    across = np.array([-down[1], down[0]]) * width
    lift = 0.4 * (length - 1)
    half = [(0.35, -0.1), (0.4, 0.35 - lift), (1.0, 0.6 - lift), (1.15, 2.0 * length)]
    shape = [*half, *((-x, y) for x, y in half[::-1])]
    return np.array([chin + x * across + y * down for x, y in shape])


def _body_box(face: FaceLandmarks, size: tuple[int, int], reach: float = 1.0) -> tuple[int, int, int, int]:
    """Box x0, y0, x1, y1 around head, shoulders and chest, inside a picture of ``size`` (height, width)."""
    corners = np.concatenate([head_outline(face, 0.6), _torso(face, reach, reach)])
    low = np.floor(np.clip(corners.min(0), 0, (size[1] - 2, size[0] - 2))).astype(int)
    high = np.ceil(np.clip(corners.max(0), low + 2, (size[1], size[0]))).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _softened(mask: np.ndarray, face: FaceLandmarks) -> np.ndarray:
    return np.clip(cv2.GaussianBlur(mask, (0, 0), max(0.7, 0.02 * face.inter_ocular)), 0, 1)
