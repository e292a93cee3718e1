"""Background behind a head: the person taken out of one crop and filled in."""

from __future__ import annotations

import cv2
import numpy as np

from masks.matting import pull_push


def fill_behind(image: np.ndarray, matte: np.ndarray, reach: int) -> np.ndarray:
    """The picture with the person taken out.

    The band of ``reach`` pixels inside the outline, all that motion can uncover, continues the lines around it by the
    method of M. Bertalmio, A. Bertozzi and G. Sapiro ("Navier-Stokes, fluid dynamics, and image and video inpainting",
    2001); what lies deeper gets a smooth fill.

    Args:
        image: uint8 (H, W, 3).
        matte: float32 (H, W) in [0, 1].
        reach: pixels.

    Returns:
        uint8 (H, W, 3), equal to the picture further than ``reach`` / 32 from the matte.
    """
    # a trace of the outline lies beside it: wisps of hair, halos of sharpening; it must go and move with the head
    margin = max(2, round(reach / 32))
    hole = cv2.dilate((matte > 0.02).astype(np.uint8), np.ones((2 * margin + 1,) * 2, np.uint8))
    if hole.all():
        return image.copy()
    filled = pull_push(image.astype(np.float32), hole == 0)
    smooth = np.where(hole[..., None] > 0, filled, image).clip(0, 255).astype(np.uint8)
    inside = cv2.distanceTransform(hole, cv2.DIST_L2, 3)
    band = ((hole > 0) & (inside <= reach)).astype(np.uint8)
    scale = min(1.0, 400.0 / max(image.shape[:2]))
    small = cv2.resize(smooth, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    band_small = cv2.resize(band, small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    painted = cv2.inpaint(small, band_small, 4, cv2.INPAINT_NS)
    painted = cv2.resize(painted, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    out = np.where(band[..., None] > 0, painted, smooth)
    return np.where(hole[..., None] > 0, out, image)
