"""Textures: pictures as tensors, supersampled so that sampling between pixels does not blur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from generation.rendering.imaging.warp import Grid, upsample

DETAIL = 2
"""Samples per pixel along each axis: every second one is a pixel itself, those between are Lanczos interpolations."""


def supersample(image: np.ndarray) -> torch.Tensor:
    """(H, W) or (H, W, C) values as float32 (C, 2 H - 1, 2 W - 1) to sample between pixels."""
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


@dataclass(frozen=True)
class Texture:
    """Samples spread over a box, read between them bilinearly by OpenCV: in half the time of ``grid_sample``.

    Attributes:
        samples: (h, w, C) float32, C at most 4; the first and last lie on the box's first and last pixel.
        box: pixels that they cover.
    """

    samples: np.ndarray
    box: Grid

    @classmethod
    def of(cls, planes: torch.Tensor, box: Grid) -> Texture:
        """From (C, h, w)."""
        return cls(np.ascontiguousarray(planes.permute(1, 2, 0).numpy()), box)

    def scaled(self, places: torch.Tensor) -> torch.Tensor:
        """Pixel places (T, 2, rows, columns), x and y, as places among the samples."""
        height, width = self.samples.shape[:2]
        scale = places.new_tensor([(width - 1) / (self.box.width - 1), (height - 1) / (self.box.height - 1)])
        low = places.new_tensor([self.box.left, self.box.top])
        return (places - low[:, None, None]) * scale[:, None, None]

    def read(self, at: Sequence[np.ndarray]) -> np.ndarray:
        """(H, W, C) at :meth:`scaled` places, x and y, (H, W) each; beyond the border its samples are repeated."""
        return cv2.remap(self.samples, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def turned(self, matrix: np.ndarray, box: Grid) -> np.ndarray:
        """(H, W, C) over a box, where (2, 3) ``matrix`` takes pixels to the places of the texture that they see."""
        scale = (np.array(self.samples.shape[1::-1]) - 1) / [self.box.width - 1, self.box.height - 1]
        matrix = (matrix - [[0, 0, self.box.left], [0, 0, self.box.top]]) * scale[:, None]
        x, y = np.arange(box.left, box.left + box.width), np.arange(box.top, box.top + box.height)[:, None]
        return self.read(
            np.float32(matrix[:, 0, None, None] * x + (matrix[:, 1, None, None] * y + matrix[:, 2, None, None]))
        )


def read_all(textures: list[Texture], places: torch.Tensor, grid: Grid) -> list[torch.Tensor]:
    """Textures of one box and size, each (T, C, H, W), at every pixel of a grid whose nodes see ``places``.

    Args:
        textures: what is read.
        places: (T, 2, rows, columns) pixel places of the nodes.
        grid: of the nodes.
    """
    at = upsample(textures[0].scaled(places), grid).numpy()
    return [planes([texture.read(one) for one in at]) for texture in textures]


def planes(images: list[np.ndarray]) -> torch.Tensor:
    """(H, W, C) float32 images as one tensor (T, C, H, W)."""
    height, width, channels = images[0].shape
    out = np.empty((len(images), channels, height, width), np.float32)
    for image, split in zip(images, out, strict=True):
        cv2.split(image, list(split))
    return torch.from_numpy(out)


def crop_box(image: np.ndarray, box: Grid) -> np.ndarray:
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
