"""Alpha mattes at the edge of a mask, and extrapolation of colours into unknown areas."""

from __future__ import annotations

import cv2
import numpy as np

_NOISE = 0.25
"""Share below which a pixel beside the person counts as background: the background's own texture gives about that."""
_LEAST_CONTRAST = 30.0
"""Distance of two colours, 0..441, at which their mixture is trusted half."""


def refine_matte(image: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    """Soft outline of a person: near the mask's edge, how much of each pixel's colour is the person's.

    The compositing equation is solved for the share of the foreground; the colours of person and background come from
    either side of the edge, as in Y.-Y. Chuang and others, "A Bayesian Approach to Digital Matting", 2001, here without
    their covariances. Where both colours are alike the mask itself holds.

    Args:
        image: uint8 (H, W, 3).
        mask: float32 (H, W) in [0, 1].
        radius: how far from the mask's edge hair may reach, pixels.

    Returns:
        float32 (H, W) in [0, 1]; exactly 0 further than ``radius`` outside the mask.
    """
    solid = (mask > 0.5).astype(np.uint8)
    inwards, outwards = (cv2.distanceTransform(m, cv2.DIST_L2, 5) for m in (solid, 1 - solid))
    within = max(1.0, radius / 3)
    person, background = (mask > 0.95) & (inwards > within), outwards > radius
    if not person.any() or not background.any():
        return mask.astype(np.float32)
    behind = pull_push(image.astype(np.float32), background)
    step = pull_push(image.astype(np.float32), person) - behind
    contrast = (step**2).sum(-1)
    share = ((image - behind) * step).sum(-1) / np.maximum(contrast, 1.0)
    share = np.clip((share - _NOISE) / (0.85 - _NOISE), 0.0, 1.0)
    trust = contrast / (contrast + _LEAST_CONTRAST**2)
    trust = trust * np.where(solid > 0, np.clip(1.0 - inwards / within, 0.0, 1.0), 1.0)
    matte = trust * share + (1.0 - trust) * mask
    reach = np.maximum(np.clip(2.0 * (1.0 - outwards / radius), 0.0, 1.0), mask)
    matte = cv2.GaussianBlur(np.where(solid > 0, matte, np.minimum(matte, reach)).astype(np.float32), (0, 0), 0.6)
    matte[person], matte[background] = 1.0, 0.0
    return np.clip((matte - 0.05) / 0.9, 0.0, 1.0)


def pull_push(image: np.ndarray, known: np.ndarray) -> np.ndarray:
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
    coarse = pull_push(small, small_weight > 1e-3)
    coarse = cv2.resize(coarse, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(known[..., None], image, coarse)
