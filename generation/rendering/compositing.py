"""Compositing: the moved face over the background, blended towards the edge of its region.

Frame by frame and in strips that fit into a processor's cache, by OpenCV: four channels throughout, which it reads and
converts in less time than three.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch

from generation.rendering.imaging.texture import Texture, planes, supersample
from generation.rendering.imaging.warp import Grid, spread_columns, spread_rows, upsample

_STRIP = 16_000
"""Pixels that are worked on at a time: four of their float32 channels fit into a processor's cache."""
_RINGING = 6
"""Pixels next to an edge that interpolation may change."""


class Compositor:
    """Static pictures of one face's box.

    Args:
        grid: of the face's motion; its box is meant.
        crop: (h, w, 3) uint8 RGB, the picture in the box; or (h, w, 4), people cut out of it, see
            :func:`generation.rendering.cut_out.cut_out`, who then move without anything behind them.
        share: (h, w) float32 in [0, 1], how much of a changed pixel is seen.
        matte: (h, w) float32 in [0, 1], how much of each pixel is the person; None = all, and nothing is behind.
        behind: (h, w, 3) what is there without the person; None as above.
    """

    def __init__(
        self, grid: Grid, crop: np.ndarray, share: np.ndarray, matte: np.ndarray | None, behind: np.ndarray | None
    ) -> None:
        self._grid = grid
        self._channels = crop.shape[2]
        self._picture, self._share = _four(np.float32(crop)), cv2.cvtColor(share, cv2.COLOR_GRAY2RGBA)
        self._full = share == 1
        bare = np.zeros(crop.shape[:2], np.float32) if matte is None else 1 - matte
        layer = crop.astype(np.float32)
        self._behind = None
        if behind is not None:
            layer -= bare[..., None] * behind
            self._behind = _four(np.float32(behind))
            covered = cv2.distanceTransform(np.uint8(bare == 0), cv2.DIST_L2, 5)
            self._covered = np.maximum(covered - _RINGING, 0)  # pixels by which a place may move and show the person
        samples = torch.cat([supersample(plane) for plane in (*cv2.split(layer), bare)[:4]])
        height, width = crop.shape[:2]
        self._texture = Texture.of(samples, Grid(grid.left, grid.top, height, width, 1))

    def planes(self, places: torch.Tensor, box: Grid) -> torch.Tensor:
        """(T, 3 or 4, h, w) float32 over a box, given the places (T, 2, rows, columns) that its nodes see."""
        at = upsample(self._texture.scaled(places), box).numpy()
        image = planes([self._texture.read(one) for one in at])
        if self._behind is None:
            return image[:, : self._channels]
        behind = planes([self._behind[box.slices(self._grid)]])
        return image[:, :3] + image[:, 3:] * behind[:, :3]  # rounded twice, as OpenCV does in the strips

    def frames(
        self, places: torch.Tensor, part: Grid, reach: float, box: Grid | None, image: torch.Tensor | None
    ) -> list[np.ndarray]:
        """A part of the grid as uint8 (h, w, 3 or 4) a frame.

        Args:
            places: (T, 2, rows, columns) of the picture that the part's nodes see.
            part: the part.
            reach: pixels from any node to what it sees, at most.
            box: what of the part is finished; None = nothing.
            image: (T, 3 or 4, h, w) the finished pixels of the box.
        """
        # across first, for all strips; x beside y, so that both go down together
        across = spread_columns(self._texture.scaled(places).transpose(1, 2).numpy(), part.stride)
        wide = across.reshape(*across.shape[:2], -1)
        made = [np.empty((part.height, part.width, self._channels), np.uint8) for _ in wide]
        finished = [None] * len(made) if image is None else [_merged(one) for one in image[: len(made)]]
        for strip in part.strips(_STRIP):  # all frames of a strip read the same samples
            rows = strip.nodes_in(part)[0]
            open_, faded = self._beside(strip, reach)
            for lines, pixels, laid in zip(wide, made, finished, strict=True):
                colour = self._texture.read(np.split(spread_rows(lines[rows], strip.stride), 2, 1))
                if laid is not None and box is not None:
                    _overlay(colour, strip, laid, box)
                for piece, behind in open_:
                    seen = colour[:, piece]
                    bare = cv2.cvtColor(cv2.extractChannel(seen, 3), cv2.COLOR_GRAY2RGBA)
                    cv2.add(seen, cv2.multiply(bare, behind), dst=seen)
                for piece, share, picture in faded:
                    seen = colour[:, piece]
                    cv2.add(picture, cv2.multiply(share, cv2.subtract(seen, picture)), dst=seen)
                # rounded and limited to 0..255
                limited = cv2.convertScaleAbs(np.maximum(colour, 0, out=colour))
                if self._channels == 4:
                    pixels[strip.slices(part)[0]] = limited
                else:
                    cv2.cvtColor(limited, cv2.COLOR_RGBA2RGB, dst=pixels[strip.slices(part)[0]])
        return made

    def _beside(self, strip: Grid, reach: float) -> tuple[list[tuple], list[tuple]]:
        """Columns of a strip where what is behind may be seen, and those where the picture shows through."""
        at = strip.slices(self._grid)
        open_ = []
        if self._behind is not None:
            behind = self._behind[at]
            open_ = [(piece, behind[:, piece]) for piece in _beside((self._covered[at] > reach).all(0))]
        share, picture = self._share[at], self._picture[at]
        faded = [(piece, share[:, piece], picture[:, piece]) for piece in _beside(self._full[at].all(0))]
        return open_, faded


def _four(image: np.ndarray) -> np.ndarray:
    """(h, w, 3) with a fourth channel of zeros, where there is none yet."""
    if image.shape[2] == 4:
        return image
    return np.dstack([image, np.zeros(image.shape[:2], image.dtype)])


def _merged(planes: torch.Tensor) -> np.ndarray:
    """(h, w, 4) from (3, h, w), the last one zero, or from (4, h, w)."""
    return cv2.merge([*planes.numpy(), np.zeros(planes.shape[1:], np.float32)][:4])


def _beside(free: np.ndarray) -> list[slice]:
    """What lies left and right of the longest run of True among (w,) columns."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], np.int8(free), [0]]))).reshape(-1, 2)
    if len(ends) == 0:
        return [slice(0, len(free))]
    first, stop = ends[(ends[:, 1] - ends[:, 0]).argmax()]
    return [piece for piece in (slice(0, first), slice(stop, len(free))) if piece.stop > piece.start]


def _overlay(colour: np.ndarray, strip: Grid, finished: np.ndarray, box: Grid) -> None:
    """Lay what of a box's pixels is in a strip as wide as it or wider over the strip's."""
    top, bottom = max(strip.top, box.top), min(strip.top + strip.height, box.top + box.height)
    if top < bottom:
        left = box.left - strip.left
        colour[top - strip.top : bottom - strip.top, left : left + box.width] = finished[
            top - box.top : bottom - box.top
        ]
