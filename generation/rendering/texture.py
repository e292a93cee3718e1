"""Pictures as tensors that can be sampled between pixels without blur."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from generation.rendering.warp import Grid

DETAIL = 2
"""Samples per pixel along each axis: every second one is a pixel itself, those between are Lanczos interpolations."""


def detailed(image: np.ndarray) -> torch.Tensor:
    """(H, W) or (H, W, C) values as float32 (C, 2 H - 1, 2 W - 1), for :func:`generation.rendering.warp.sample`."""
    values = np.float32(image if image.ndim == 3 else image[..., None])
    height, width = values.shape[:2]
    x = np.arange(DETAIL * (width - 1) + 1, dtype=np.float32) / DETAIL
    y = np.arange(DETAIL * (height - 1) + 1, dtype=np.float32) / DETAIL
    grid_x, grid_y = np.meshgrid(x, y)
    fine = [
        cv2.remap(
            np.ascontiguousarray(values[..., c]), grid_x, grid_y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE
        )
        for c in range(values.shape[2])
    ]
    stack = np.stack(fine)
    return torch.from_numpy(np.clip(stack, values.min(), values.max()))


def cut(image: np.ndarray, box: Grid) -> np.ndarray:
    """The pixels of ``box``; what lies outside the image repeats its border."""
    height, width = image.shape[:2]
    rows = np.clip(np.arange(box.top, box.top + box.height), 0, height - 1)
    columns = np.clip(np.arange(box.left, box.left + box.width), 0, width - 1)
    return image[rows[:, None], columns]


def pixel_box(left: int, top: int, right: int, bottom: int) -> Grid:
    """Box of whole pixels from (left, top) to (right, bottom), both included."""
    return Grid(left, top, bottom - top + 1, right - left + 1, 1)


def places_of(box: Grid, detail: int = 1) -> np.ndarray:
    """(height, width, 2) x and y of every pixel of the box, or of every sample, ``detail`` of them a pixel."""
    y, x = (np.arange(detail * (n - 1) + 1) / detail + at for n, at in ((box.height, box.top), (box.width, box.left)))
    return np.stack(np.meshgrid(x, y), -1)
