"""What is behind a head: the person's soft outline and the picture without the person, at one crop."""

from __future__ import annotations

import cv2
import numpy as np


def refine_matte(image: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    """Soft outline of a person: the mask, fitted to the picture's edges within ``radius`` pixels.

    Guided filter (K. He, J. Sun, X. Tang, "Guided Image Filtering", 2010) with the picture's brightness as guide.

    Args:
        image: uint8 (H, W, 3).
        mask: float32 (H, W) in [0, 1].
        radius: half width of the window, pixels.

    Returns:
        float32 (H, W) in [0, 1]; exactly 0 or 1 further than ``radius`` from the mask's edge.
    """
    grow = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (radius // 2) + 1,) * 2)
    mask = cv2.dilate(mask, grow)  # stray hairs left out of the mask would stay behind when the head moves
    guide = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(values, -1, size, borderType=cv2.BORDER_REPLICATE)

    mean_guide, mean_mask = mean(guide), mean(mask)
    slope = (mean(guide * mask) - mean_guide * mean_mask) / (mean(guide * guide) - mean_guide**2 + 1e-3)
    matte = mean(slope) * guide + mean(mean_mask - slope * mean_guide)
    matte = np.clip((matte - 0.1) / 0.8, 0.0, 1.0)
    solid = (mask > 0.5).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size)
    matte[cv2.erode(solid, kernel, borderValue=1) > 0] = 1.0
    matte[cv2.dilate(solid, kernel) == 0] = 0.0
    return matte.astype(np.float32)


def fill_behind(image: np.ndarray, matte: np.ndarray, reach: int) -> np.ndarray:
    """The picture with the person taken out.

    The band of ``reach`` pixels inside the outline, all that motion can uncover, is painted by Telea's method ("An
    image inpainting technique based on the fast marching method", 2004); what lies deeper gets a smooth fill.

    Args:
        image: uint8 (H, W, 3).
        matte: float32 (H, W) in [0, 1].
        reach: pixels.

    Returns:
        uint8 (H, W, 3), equal to the picture wherever the matte is 0.
    """
    hole = cv2.dilate((matte > 0.0).astype(np.uint8), np.ones((3, 3), np.uint8))
    if hole.all():
        return image.copy()
    filled = _pull_push(image.astype(np.float32), hole == 0)
    smooth = np.where(hole[..., None] > 0, filled, image).clip(0, 255).astype(np.uint8)
    inside = cv2.distanceTransform(hole, cv2.DIST_L2, 3)
    band = ((hole > 0) & (inside <= reach)).astype(np.uint8)
    scale = min(1.0, 400.0 / max(image.shape[:2]))
    small = cv2.resize(smooth, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    band_small = cv2.resize(band, small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    painted = cv2.inpaint(small, band_small, 4, cv2.INPAINT_TELEA)
    painted = cv2.resize(painted, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    out = np.where(band[..., None] > 0, painted, smooth)
    return np.where(matte[..., None] > 0, out, image)


def _pull_push(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Smooth fill: averages of the known pixels at coarser and coarser scales, laid in where finer ones know nothing.

    S. J. Gortler and others, "The Lumigraph", 1996, section 3.4.
    """
    weight = known.astype(np.float32)
    if min(weight.shape) <= 2 or known.all():
        total = max(float(weight.sum()), 1.0)
        mean = (image * weight[..., None]).sum((0, 1)) / total
        return np.where(known[..., None], image, mean)
    half = ((weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2)
    small_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    small = cv2.resize(image * weight[..., None], half, interpolation=cv2.INTER_AREA)
    small = small / np.maximum(small_weight, 1e-6)[..., None]
    coarse = _pull_push(small, small_weight > 1e-3)
    coarse = cv2.resize(coarse, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(known[..., None], image, coarse)
