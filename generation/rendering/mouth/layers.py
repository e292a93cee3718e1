"""Mouth layers: both lips as layers of the picture over the painted interior."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from generation.core.arrays import smoothstep
from generation.rendering.imaging.look import Grain, Look
from generation.rendering.imaging.texture import (
    DETAIL,
    Texture,
    crop_box,
    pixel_box,
    places_of,
    planes,
    read_all,
    supersample,
)
from generation.rendering.imaging.warp import Grid, sample
from generation.rendering.mouth.interior import drawn_palette, opening_mask, paint_mouth, photo_palette
from generation.rendering.mouth.lip_line import LipLine
from masks.topology import LIPS_OUTER

_SHADE = np.array([0.85, 1.0, 1.1])
"""How much of a shadow each channel takes."""
_SHUT = 5e-4
"""Opening below which what is behind the lips changes no byte."""


class Mouth:
    """One face's mouth: static layers cut from the picture, put together anew for every frame.

    Args:
        image: uint8 (H, W, 3) RGB.
        points: (478, 2) landmarks in pixel indices.
        line: the picture's lip line.
        unit: inter-ocular distance in pixels.
        drawn: flat colours inside.
        look: of the face, which all that is painted shares.

    Attributes:
        box: pixels of the picture that the lips' layers cover.
    """

    def __init__(
        self, image: np.ndarray, points: np.ndarray, line: LipLine, unit: float, drawn: bool, look: Look
    ) -> None:
        self.unit, self.drawn, self.line = unit, drawn, line
        # an open mouth's lips are no softer than half of the opening, or its teeth would be theirs
        self.edge = look.edge if line.closed else max(1.0, min(look.edge, 0.5 * float((line.lower - line.upper).max())))
        lips = points[list(LIPS_OUTER)]
        low = np.floor(np.minimum(lips.min(0), line.middle - 1.05 * line.half) - 0.45 * unit).astype(int)
        high = np.ceil(np.maximum(lips.max(0), line.middle + 1.05 * line.half) + 0.45 * unit).astype(int)
        self.box = pixel_box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        places = places_of(self.box)
        # cut between the samples, not before them: both lips together are the picture again, without a seam
        colour, shares = supersample(crop_box(image, self.box)), line.cover(places_of(self.box, DETAIL), self.edge)
        self.upper, self.lower = (
            Texture.of(torch.cat([colour * a, a[None]]), self.box) for a in map(torch.from_numpy, shares)
        )
        s, _ = line.to_frame(places)
        corner = max(0.06, self.edge / line.half if look.blur else 0.0)
        between = np.clip((1.0 - np.abs(s) / line.half) / corner, 0.0, 1.0)  # lips part between the corners only
        self.weight = supersample(np.stack([self._weight(lips, places), np.float32(between)], -1))
        # four channels are read in the time of one
        self.shares = Texture.of(torch.cat([self.weight, torch.zeros_like(self.weight)]), self.box)
        palette = drawn_palette(image, points, line, look) if drawn else photo_palette(image, line, look)
        self.paint = paint_mouth(line, palette, unit, drawn, look)
        self.paint_box = pixel_box(
            self.paint.left,
            self.paint.top,
            self.paint.left + self.paint.width - 1,
            self.paint.top + self.paint.height - 1,
        )
        photo = None if line.closed else self._photo(image, look)
        skull_layer = torch.from_numpy(self.paint.skull)
        if photo is not None:
            laid = F.interpolate(photo[None], size=skull_layer.shape[-2:], mode="bilinear", align_corners=True)[0]
            skull_layer = laid + skull_layer * (1.0 - laid[3:])
        self.skull_layer = Texture.of(skull_layer, self.paint_box)
        self.grain = None if look.grain is None else self._grain(look.grain, photo)
        # shade is redder than light, where there are colours
        self.shade = torch.tensor(1.0 + look.own_colours * (_SHADE - 1.0), dtype=torch.float32).view(1, 3, 1, 1)
        black = look.black if line.closed and not drawn else 0.0
        colour = torch.tensor(look.toned(np.full(3, black)), dtype=torch.float32).view(1, 3, 1, 1)
        self.black = colour if black else None
        self.jaw_layer = Texture.of(torch.from_numpy(self.paint.jaw), self.paint_box)
        self.cavity = torch.from_numpy(self.paint.cavity).view(1, 3, 1, 1)

    def _weight(self, lips: np.ndarray, places: np.ndarray) -> np.ndarray:
        """1 on and near the lips, 0 where the layers agree with the rest of the face."""
        hull = cv2.convexHull(np.float32(lips - [self.box.left, self.box.top]))
        inside = cv2.fillConvexPoly(np.zeros(places.shape[:2], np.uint8), np.round(hull).astype(np.int32), 1)
        distance = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5) / self.unit
        return np.float32(smoothstep((0.32 - distance) / 0.2))

    def _photo(self, image: np.ndarray, look: Look) -> torch.Tensor:
        """(4, h, w) over the paint's box: what an open mouth already shows, premultiplied RGB and alpha."""
        crop = crop_box(image, self.paint_box)
        opening = crop_box(opening_mask(image.shape[:2], self.line), self.paint_box)
        if look.blur:  # the lips' soft edges lie over it, and it ends as softly as they do
            size = (2 * round(0.5 * self.edge + 1.5 * look.blur) + 1,) * 2
            grown = cv2.dilate(opening, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size))
            opening = cv2.GaussianBlur(grown, (0, 0), look.blur)
        inside = (opening >= 0.95).astype(np.uint8)
        margin = max(2, round(0.05 * self.unit))
        around = cv2.dilate(inside, np.ones((2 * margin + 3,) * 2, np.uint8)) - inside
        colour = cv2.inpaint(crop, around, 3, cv2.INPAINT_TELEA)
        grown = cv2.dilate(np.float32(opening), np.ones((3, 3), np.uint8))
        s, _ = self.line.to_frame(places_of(self.paint_box))
        # what the lips hid is made up in the middle only: towards the corners it would be skin, not teeth
        middle = np.float32(np.clip((0.85 - np.abs(s) / self.line.half) / 0.15, 0.0, 1.0))
        lifted = np.maximum.reduce([np.roll(grown, -k, 0) for k in range(margin)]) * middle
        alpha = np.maximum(cv2.GaussianBlur(lifted, (0, 0), max(0.6, look.blur)), np.float32(opening))[..., None]
        return torch.from_numpy(np.float32(np.concatenate([colour * alpha, alpha], -1))).permute(2, 0, 1)

    def _grain(self, grain: Grain, photo: torch.Tensor | None) -> Texture:
        """Grain of the paint, in levels; what the photograph shows has its own."""
        field = grain.field(self.paint_box.height, self.paint_box.width)
        if photo is not None:
            field *= 1.0 - photo[3].numpy()[..., None]
        return Texture.of(supersample(np.dstack([field, np.zeros_like(field[..., 0])])), self.paint_box)

    def target(self, grid: Grid, places: torch.Tensor) -> Grid:
        """The part of the output grid that shows the mouth, given the picture's places (T, 2, rows, columns) there."""
        weight = sample(self.weight, places.permute(0, 2, 3, 1), self.box)
        at = places.permute(0, 2, 3, 1)
        low = at.new_tensor([self.box.left, self.box.top])
        high = low + at.new_tensor([self.box.width - 1, self.box.height - 1])
        inside = ((at >= low) & (at <= high)).all(-1) & (weight[:, 0] > 0)
        rows, columns = torch.where(inside.any(0))
        if len(rows) == 0:
            return grid.part((0, 0), (1, 1))
        return grid.part((int(columns.min()) - 4, int(rows.min()) - 4), (int(columns.max()) + 4, int(rows.max()) + 4))

    def compose(
        self, base: torch.Tensor, target: Grid, places: torch.Tensor, skull: np.ndarray, jaw: np.ndarray
    ) -> None:
        """Put one frame's mouth into the face, over the pixels of ``target``.

        Args:
            base: (1, 3, h, w) the warped face, overwritten.
            target: output nodes.
            places: (2, 2, rows, columns) places of the picture that its nodes see, of the upper and the lower lip.
            skull: (2, 3) from pixels to places of the picture seen through the skull's motion alone.
            jaw: (2,) displacement of the chin on top of that, pixels.
        """
        textures = [self.upper, self.shares], [self.lower, self.shares]
        (upper, w0), (lower, w1) = (read_all(t, p, target) for t, p in zip(textures, places.split(1), strict=True))
        share = torch.minimum(lower[:, 3:], 1.0 - upper[:, 3:]) / lower[:, 3:].clamp_min(1e-4)
        covered = upper[:, 3:] + lower[:, 3:] * share
        near, between = torch.maximum(w0[:, :2], w1[:, :2]).split(1, 1)
        opening = 1.0 - covered
        mouth = torch.addcmul(upper[:, :3], lower[:, :3], share)
        if (open_ := _where(opening[0, 0] > _SHUT, target.stride)) is not None:
            at = (..., *open_)
            rows, columns = open_
            box = pixel_box(
                target.left + columns.start,
                target.top + rows.start,
                target.left + columns.stop - 1,
                target.top + rows.stop - 1,
            )
            inside = self._inside(box, skull, jaw, upper[:, 3:][at], covered[at], target.stride)
            mouth[at] += opening[at] * torch.lerp(base[at], inside, between[at])
        base.lerp_(mouth, torch.maximum(near, opening * between))

    def _inside(
        self,
        box: Grid,
        skull: np.ndarray,
        jaw: np.ndarray,
        upper: torch.Tensor,
        covered: torch.Tensor,
        stride: int,
    ) -> torch.Tensor:
        """(1, 3, h, w) what is seen in a box between lips that cover (1, 1, h, w), ``upper`` of it the upper one."""
        inside = self._lit(box, skull, jaw, self._shadow(upper, covered, stride))
        if self.black is not None:
            inside = self.black + inside * (1.0 - self.black / 255.0)
        return inside if self.grain is None else inside + planes([self.grain.turned(skull, box)])[:, :3]

    def _lit(self, box: Grid, skull: np.ndarray, jaw: np.ndarray, shadow: torch.Tensor) -> torch.Tensor:
        """(1, 3, h, w) the paint in a box under a shadow (1, 1, h, w)."""
        dropped = skull - np.pad(jaw[:, None], ((0, 0), (2, 0)))
        with_skull = planes([self.skull_layer.turned(skull, box)])
        with_jaw = planes([self.jaw_layer.turned(dropped, box)])
        colour = with_jaw[:, :3] + self.cavity * (1.0 - with_jaw[:, 3:])
        # hardly any light falls through a narrow slit: no white line flashes between lips that barely part
        slit = ((shadow - 0.55) / 0.3).clamp(0.0, 1.0)
        if self.drawn:
            lit = 1.0 - slit
            return lit * with_skull[:, :3] + colour * (1.0 - lit * with_skull[:, 3:])
        warm = shadow * self.shade
        colour = colour * (1.0 - 0.75 * warm)
        teeth = with_skull[:, :3] * (1.0 - ((0.4 * warm + 0.3 * slit) if self.line.closed else 0.0))
        return teeth + colour * (1.0 - with_skull[:, 3:])

    def _shadow(self, upper: torch.Tensor, covered: torch.Tensor, stride: int) -> torch.Tensor:
        """(T, 1, h, w) how much light the lips take from what is behind them, the upper one most; 0..1."""
        # windows stand on the grid's nodes, wherever the box begins
        lips = F.avg_pool2d(torch.cat([covered, upper], 1), stride, ceil_mode=True, count_include_pad=False)
        far = F.avg_pool2d(lips[:, 1:], 3, stride=1, padding=1, count_include_pad=False)
        soft = F.interpolate(0.5 * lips[:, :1] + 0.5 * far, scale_factor=stride, mode="bilinear", align_corners=False)
        return soft[..., : upper.shape[2], : upper.shape[3]]


def _where(opened: torch.Tensor, stride: int) -> tuple[slice, slice] | None:
    """Rows and columns that hold all of (h, w) that is true, with room for the lips' shadow; None = nothing is."""
    sides = []
    for axis, length in enumerate(opened.shape):
        at = torch.where(opened.any(1 - axis))[0]
        if len(at) == 0:
            return None
        first, last = int(at[0]) // stride, int(at[-1]) // stride
        sides.append(slice(max(first - 3, 0) * stride, min((last + 4) * stride, length)))
    return sides[0], sides[1]
