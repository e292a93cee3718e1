"""Eyes in motion: lids as skin drawn over the eyeball, iris and gaze."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from generation.core.motion import BLENDSHAPES
from generation.motion.rig_basis import EYEBALL_RADIUS
from generation.rendering.imaging.look import Look
from generation.rendering.imaging.texture import Texture, crop_box, pixel_box, places_of, planes, supersample
from masks.topology import (
    LEFT_BROW,
    LEFT_EYE_CORNERS,
    LEFT_EYE_RING,
    LEFT_IRIS,
    RIGHT_BROW,
    RIGHT_EYE_CORNERS,
    RIGHT_EYE_RING,
    RIGHT_IRIS,
)

_MEET = 0.88
"""Where the lids meet, as a share of the opening from the upper to the lower lid."""
_LID = 0.2
_RIM, _DRAWN_RIM = 0.01, 0.025
_LASH, _DRAWN_LASH = 0.055, 0.09
_BELOW = 0.16
"""Heights of the moving skin above the eye, of the lid's dark rim, of the lashes with their shadow, and of the skin
below, inter-ocular distances; a drawing's lines are thicker."""
_YAW, _PITCH = np.radians(30.0), np.radians(23.0)
"""Turn of the eyeball at weight 1."""
_TABLE = 64


@dataclass(frozen=True)
class EyeDrive:
    """Motion of one eye.

    Attributes:
        closing: (T,) 0 as in the picture, 1 shut, negative wider.
        squint: (T,) raised lower lid, 0..1.
        shift: (T, 2) of the iris, pixels.
    """

    closing: torch.Tensor
    squint: torch.Tensor
    shift: torch.Tensor

    @property
    def moves(self) -> bool:
        """The eye is moved in at least one frame."""
        return bool((self.closing != 0).any() | (self.squint != 0).any() | (self.shift != 0).any())


class Eye:
    """One eye of a face.

    Args:
        image: uint8 (H, W, 3) RGB.
        points: (478, 2) landmarks in pixel indices.
        left: the person's left eye.
        unit: inter-ocular distance in pixels.
        drawn: the lid comes down as plain colour, without a trace of wrinkles.
        look: of the face, which all that is painted shares.
    """

    def __init__(self, image: np.ndarray, points: np.ndarray, left: bool, unit: float, drawn: bool, look: Look) -> None:
        self.left, self.unit = left, unit
        self.flatness = 1.0 if drawn else 0.85
        self.rim = (_DRAWN_RIM if drawn else _RIM) * unit
        ring = points[list(LEFT_EYE_RING if left else RIGHT_EYE_RING)]
        corners = points[list(LEFT_EYE_CORNERS if left else RIGHT_EYE_CORNERS)]
        brow = points[list(LEFT_BROW if left else RIGHT_BROW)]
        iris = points[list(LEFT_IRIS if left else RIGHT_IRIS)]
        self.middle = corners.mean(0)
        span = corners[1] - corners[0]
        self.half = 0.5 * float(np.linalg.norm(span))
        self.along = span / (2 * self.half)
        self.down = np.array([-self.along[1], self.along[0]])
        self.s = np.linspace(-1.25 * self.half, 1.25 * self.half, _TABLE)
        # the ring runs outer -> inner corner along the lower lid, then outer -> inner along the upper lid
        self.lower = self._table(ring[:9], corners)
        self.upper = np.minimum(self._table(np.concatenate([ring[:1], ring[9:], ring[8:9]]), corners), self.lower)
        # the line of the lashes belongs to the lid, not to the eyeball
        self.upper = self.upper + np.minimum(self.rim, 0.25 * (self.lower - self.upper))
        self.lower = self.lower + np.minimum(self.rim, 0.15 * (self.lower - self.upper))
        self.opening = float((self.lower - self.upper).max())
        edge = brow[5:] - self.middle
        order = np.argsort(edge @ self.along)
        centre = np.abs(self.s) < 0.7 * self.half
        room = float(
            (self.upper - np.interp(self.s, (edge @ self.along)[order], (edge @ self.down)[order]))[centre].min()
        )
        self.lash = (_DRAWN_LASH if drawn else _LASH) * unit
        room = min(0.75 * room, self._clear_above(image), _LID * unit)
        self.lid = max(room, 0.06 * unit)
        self.lash = min(self.lash, 0.45 * self.lid)
        reach = 1.25 * self.half
        low = np.floor(self.middle - [reach, self.lid + self.opening + 0.08 * unit]).astype(int)
        high = np.ceil(self.middle + [reach, (_BELOW + 0.08) * unit + self.opening]).astype(int)
        self.box = pixel_box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        self.edge = look.edge
        self._cut_layers(image, iris, look)
        nothing = np.zeros(_TABLE)
        self.tables = np.float32(np.stack([self.upper, self.lower, nothing, nothing], -1))[None]
        self.frame = torch.tensor(np.stack([self.along, self.down, self.middle]), dtype=torch.float32)

    def _clear_above(self, image: np.ndarray) -> float:
        """Pixels of skin above the lid up to something dark, like the rim of glasses, that it must not drag along."""
        heights = np.arange(self.lash, 1.3 * _LID * self.unit, 0.5)
        s = self.s[np.abs(self.s) < 0.7 * self.half]
        v = np.interp(s, self.s, self.upper)[:, None] - heights
        places = np.float32(self.middle + s[:, None, None] * self.along + v[..., None] * self.down)
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        gray = cv2.remap(gray, places[..., 0], places[..., 1], cv2.INTER_LINEAR).astype(np.float32)
        skin = np.maximum.accumulate(gray, axis=1)
        dark = gray < 0.55 * skin
        first = np.where(dark.any(1), heights[dark.argmax(1)], 2.0 * heights[-1])
        return float(np.percentile(first, 15)) - 0.02 * self.unit

    def _table(self, curve: np.ndarray, corners: np.ndarray) -> np.ndarray:
        offset = curve - self.middle
        s, v = offset @ self.along, offset @ self.down
        order = np.argsort(s)
        v = np.interp(self.s, s[order], v[order], left=0.0, right=0.0)
        return cv2.GaussianBlur(v.reshape(1, -1), (0, 0), 1.2).ravel()

    def _cut_layers(self, image: np.ndarray, iris: np.ndarray, look: Look) -> None:
        crop, places = crop_box(image, self.box), places_of(self.box)
        offset = places - self.middle
        s, v = offset @ self.along, offset @ self.down
        upper, lower = np.interp(s, self.s, self.upper), np.interp(s, self.s, self.lower)
        margin = (0.35 if self.opening > 6 else 0.0) - 0.5 * (self.edge - 1.0)  # under soft lids' edges too
        inside = (v > upper + margin) & (v < lower - margin) & (np.abs(s) < self.half)
        radius = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
        distance = np.linalg.norm(places - iris[0], axis=-1)
        soft = max(0.16 * radius, 1.0, self.edge)
        disc = np.float32(np.clip((radius * 1.08 + look.blur - distance) / soft + 0.5, 0.0, 1.0))
        white = self._white(crop, inside, disc)
        eye = crop.astype(np.float32)
        hidden = ~inside
        eye[hidden] = white[hidden]
        eye = _complete_iris(eye, inside, disc, distance, radius)
        self.grain = None
        if look.grain is not None:
            grain = look.grain.field(self.box.height, self.box.width)
            eye += grain * hidden[..., None]
            white = white + grain * (hidden | (disc > 0))[..., None]
            self.grain = Texture.of(supersample(np.dstack([grain, np.zeros_like(distance)])), self.box)
        iris_layer = eye - (1.0 - disc[..., None]) * white
        iris_layer[disc == 0] = 0.0
        # four channels are read in less time than three
        none = torch.zeros(1, 2 * self.box.height - 1, 2 * self.box.width - 1)
        flat = (np.where(disc[..., None] > 0, white, eye), crop, self._smooth_skin(crop, v, upper))
        self.white, self.picture, self.smooth = (Texture.of(torch.cat([supersample(f), none]), self.box) for f in flat)
        iris = torch.cat([supersample(plane) for plane in (*cv2.split(iris_layer), disc)])
        self.iris = Texture.of(iris, self.box)

    def _white(self, crop: np.ndarray, inside: np.ndarray, disc: np.ndarray) -> np.ndarray:
        """(h, w, 3) the eyeball without iris and lids."""
        seen = inside & (disc == 0)
        if seen.sum() < 6:
            level = np.percentile(crop[inside], 85, axis=0) if inside.any() else np.array([200.0] * 3)
            return np.broadcast_to(level, crop.shape).astype(np.float32)
        filled = cv2.inpaint(crop, np.uint8(~seen), 3, cv2.INPAINT_TELEA)
        soft = cv2.GaussianBlur(filled, (0, 0), max(0.03 * self.unit, 0.8))
        return np.where(seen[..., None], filled, soft).astype(np.float32)

    def _smooth_skin(self, crop: np.ndarray, v: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """(h, w, 3) the upper lid's skin without lashes and wrinkles, spread over the whole box."""
        lid = np.float32((v < upper - self.lash) & (v > upper - 1.3 * self.lid))
        gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        if lid.any():
            lid *= gray >= np.median(gray[lid > 0])  # neither lashes nor the fold
        sigma = max(0.07 * self.unit, 1.0)
        weight = cv2.GaussianBlur(lid, (0, 0), sigma)
        colour = cv2.GaussianBlur(crop * lid[..., None], (0, 0), sigma) / np.maximum(weight, 1e-4)[..., None]
        mean = (crop * lid[..., None]).sum((0, 1)) / max(float(lid.sum()), 1.0)
        trust = np.clip(weight / 0.02, 0, 1)[..., None]
        return np.float32(trust * colour + (1 - trust) * mean)

    def drive(self, weights: torch.Tensor) -> EyeDrive:
        """Reads this eye's channels from blendshape weights (T, 51)."""
        side = "Left" if self.left else "Right"

        def get(name: str) -> torch.Tensor:
            return weights[:, BLENDSHAPES.index(f"eye{name}{side}")]

        up, down = get("LookUp"), get("LookDown")
        squint = get("Squint")
        closing = get("Blink") + 0.38 * down + 0.14 * squint - 0.3 * get("Wide") - 0.15 * up
        outward = get("LookOut") - get("LookIn")
        yaw = _YAW * outward * (1.0 if self.left else -1.0)
        x = torch.sin(yaw) * EYEBALL_RADIUS * self.unit
        y = torch.sin(_PITCH * (down - up)) * EYEBALL_RADIUS * self.unit
        shift = torch.stack([x, y], -1)
        along, across = self.frame[0], self.frame[1]
        shift = shift[:, :1] * along + shift[:, 1:] * across
        return EyeDrive(closing.clamp(-0.5, 1.0), squint.clamp(0.0, 1.0), shift)

    def compose(self, base: torch.Tensor, places: torch.Tensor, drive: EyeDrive) -> torch.Tensor:
        """The face with this eye, over the pixels whose places in the picture are (T, 2, h, w); base (T, 3, h, w)."""
        along, down, middle = self.frame
        x, y = places.unbind(1)
        s, v = ((x - middle[0]) * axis[0] + (y - middle[1]) * axis[1] for axis in (along, down))
        upper, lower = self._lids(s)
        closing, squint = drive.closing[:, None, None], drive.squint[:, None, None]
        opening = lower - upper
        meet = upper + _MEET * opening
        shut = closing.clamp_min(0.0)
        new_lower = lower + shut * (meet - lower) - 0.22 * squint * opening * (1 - shut)
        # a closed upper lid lies over the rim of the lower one
        lap = 0.02 * self.unit
        new_upper = torch.minimum(upper + closing * (meet - upper + 0.5 * lap), new_lower + shut * lap)
        lid_v, below_v = self._skin_rows(v, upper, lower, new_upper, new_lower)
        in_upper = ((new_upper - v) / self.edge + 0.5).clamp(0.0, 1.0)
        in_lower = torch.minimum(((v - new_lower) / self.edge + 0.5).clamp(0.0, 1.0), 1.0 - in_upper)
        in_ball = 1.0 - in_upper - in_lower
        eye = torch.zeros(3, *s.shape)
        # each layer in the rows that show it
        rows = _rows(in_upper)
        lid = self._at(self.picture, s[:, rows], lid_v[:, rows])
        parts = (t[:, rows] for t in (s, v, lid_v, upper, new_upper))
        eye[:, :, rows] = in_upper[:, rows] * self._drawn_down(lid, *parts)
        rows = _rows(in_lower)
        eye[:, :, rows] += in_lower[:, rows] * self._at(self.picture, s[:, rows], below_v[:, rows])
        rows = _rows(in_ball)
        eye[:, :, rows] += in_ball[:, rows] * self._ball(x[:, rows], y[:, rows], drive.shift)
        weight = ((1.22 - s.abs() / self.half) / 0.15).clamp(0.0, 1.0)
        right, bottom = self.box.left + self.box.width - 1, self.box.top + self.box.height - 1
        weight = weight * ((x >= self.box.left) & (x <= right) & (y >= self.box.top) & (y <= bottom))
        weight = weight * ((closing.abs() + squint + drive.shift.abs().sum(-1)[:, None, None]) != 0)
        return torch.lerp(base, eye.transpose(0, 1), weight[:, None])

    def _lids(self, s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Height (v) of both lids at places s (T, h, w), linear between the table's entries."""
        at = ((s / (1.25 * self.half)) * 0.5 + 0.5) * (_TABLE - 1)
        flat = at.flatten(0, 1).numpy()
        both = cv2.remap(self.tables, flat, np.zeros_like(flat), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        upper, lower = (torch.from_numpy(plane).view_as(at) for plane in cv2.split(both)[:2])
        return upper, lower

    def _skin_rows(
        self,
        v: torch.Tensor,
        upper: torch.Tensor,
        lower: torch.Tensor,
        new_upper: torch.Tensor,
        new_lower: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Where the skin above and below the eye comes from: lashes stay whole, the skin beyond stretches."""
        lash = self.lash
        top = upper - self.lid
        stretch = (upper - lash - top) / (new_upper - lash - top).clamp_min(1.0)
        lid_v = torch.where(v > new_upper - lash, v + (upper - new_upper), top + (v - top) * stretch)
        lid_v = torch.where(v < top, v, lid_v)
        bottom = lower + _BELOW * self.unit
        squeeze = (bottom - lower) / (bottom - new_lower).clamp_min(1.0)
        below_v = torch.where(v > bottom, v, bottom - (bottom - v) * squeeze)
        return lid_v, below_v

    def _at(self, texture: Texture, s: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """(3, T, h, w) at places along and across the eye, (T, h, w) each."""
        along, down, middle = self.frame
        x, y = (middle[k] + s * along[k] + v * down[k] for k in (0, 1))
        return _read(texture, x, y)[:3]

    def _drawn_down(
        self,
        lid: torch.Tensor,
        s: torch.Tensor,
        v: torch.Tensor,
        lid_v: torch.Tensor,
        upper: torch.Tensor,
        new_upper: torch.Tensor,
    ) -> torch.Tensor:
        """The lid with its stretched part smoothed: wrinkles and the fold's shadow flatten when it comes down."""
        lash = self.lash
        travel = ((new_upper - upper) / self.opening).clamp(0.0, 1.0)
        if not travel.any():
            return lid
        into = ((v - (upper - self.lid)) / (0.7 * self.lid)).clamp(0.0, 1.0)
        off_lash = ((new_upper - lash - v) / max(0.5 * lash, 1.0, self.edge - 1.0) + 0.5).clamp(0.0, 1.0)
        share = (into * off_lash * (2.0 * travel).clamp_max(1.0)) * self.flatness
        smooth = self._at(self.smooth, s, lid_v)
        if self.grain is not None:  # of the place, not of the skin, which is stretched
            smooth += self._at(self.grain, s, v)
        return torch.lerp(lid, smooth, share)

    def _ball(self, x: torch.Tensor, y: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        """Eyeball (3, T, h, w) with its iris moved by ``shift`` (T, 2) pixels."""
        iris = _read(self.iris, x - shift[:, :1, None], y - shift[:, 1:, None])
        return iris[:3] + (1.0 - iris[3]) * _read(self.white, x, y)[:3]


def _rows(share: torch.Tensor) -> slice:
    """Rows of (T, h, w) that hold all of it that is not zero; one at least."""
    at = torch.where((share > 0).any(0).any(1))[0]
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 1)


def _read(texture: Texture, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(4, T, h, w) at pixel places (T, h, w) each; all frames below each other are one image."""
    at = texture.scaled(torch.stack([x.flatten(0, 1), y.flatten(0, 1)])[None])[0].numpy()
    return planes([texture.read(at)])[0].unflatten(1, x.shape[:2])


def _complete_iris(
    eye: np.ndarray, inside: np.ndarray, disc: np.ndarray, distance: np.ndarray, radius: float
) -> np.ndarray:
    """What the lids hide of the iris, painted with the mean colour seen at the same distance from its centre."""
    rings = np.clip((distance / radius * 8).astype(int), 0, 10)
    out = eye.copy()
    seen = inside & (disc > 0)
    known = np.array([(seen & (rings == k)).any() for k in range(11)])
    if not known.any():
        return out
    means = np.stack([eye[seen & (rings == k)].mean(0) if known[k] else np.zeros(3) for k in range(11)])
    nearest = np.array([np.abs(np.where(known)[0] - k).argmin() for k in range(11)])
    means = means[np.where(known)[0][nearest]]
    hidden = ~inside & (disc > 0)
    out[hidden] = cv2.GaussianBlur(means[rings].astype(np.float32), (0, 0), 0.8)[hidden]
    return out
