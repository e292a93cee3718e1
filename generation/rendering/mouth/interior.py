"""Mouth interior: cavity, teeth and tongue, painted once per face in the light of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.rendering.imaging.look import LUMA, Look
from generation.rendering.mouth.lip_line import LipLine

_DETAIL = 4
"""Paint samples per pixel of the picture along each axis."""
# Widths of the front teeth from the midline outwards and their crowns' heights, in inter-ocular distances (63 mm).
_UPPER_WIDTHS = (0.132, 0.102, 0.112, 0.098, 0.09, 0.09)
_UPPER_HEIGHTS = (0.162, 0.145, 0.158, 0.135, 0.125, 0.12)
_LOWER_WIDTHS = (0.082, 0.09, 0.105, 0.1, 0.095, 0.09)
_LOWER_HEIGHTS = (0.135, 0.135, 0.145, 0.125, 0.115, 0.11)
_UPPER_EDGE = 0.042
"""Where the edges of the upper front teeth stand below the closed lips' line, inter-ocular distances."""
_DRAWN_EDGE = 0.035
"""The same for drawn mouths."""
_DROP = 0.02
"""How much lower the lower ones begin to show."""
_SKIN = np.array([1.13, 0.98, 0.89])
"""Bright skin in white light, RGB over their mean."""
_SKIN_COLOURS = np.array([0.2, 0.12, 0.3])
"""How far skin goes from it, logarithms; what lies beyond is the light's colour."""
_LIGHT_SHARE = 0.25
"""Share of skin's own difference that the mouth's inside takes over."""
_DRAWN_LIGHT = 120.0
"""Level of a drawn face's lightest colour below which the drawing is dark."""


@dataclass(frozen=True)
class Palette:
    """Colours of the mouth's inside, RGB floats 0..255 in the picture's light."""

    cavity: np.ndarray
    gum: np.ndarray
    tooth: np.ndarray
    tongue: np.ndarray


@dataclass(frozen=True)
class MouthPaint:
    """Painted layers, premultiplied RGB and alpha, (4, h, w) float32 each, spread over one box of the picture.

    Attributes:
        left, top, width, height: box in pixel indices; the first and last samples lie on its first and last pixel.
        skull: upper gums and teeth, which stay with the skull.
        jaw: tongue, lower gums and teeth, which follow the jaw.
        cavity: (3,) colour behind them.
    """

    left: int
    top: int
    width: int
    height: int
    skull: np.ndarray
    jaw: np.ndarray
    cavity: np.ndarray


def photo_palette(image: np.ndarray, line: LipLine, look: Look) -> Palette:
    """Colours for a photograph: its light is read off the brightest skin of the face and off visible teeth.

    Args:
        image: uint8 (H, W, 3) RGB.
        line: the picture's mouth.
        look: of the face.
    """
    brightness = max(float(look.skin.mean()), 1.0)
    light = min(brightness / 215.0, 1.0)
    apart = np.log(np.maximum(look.skin, 1.0) / brightness / _SKIN)
    # skin has colours of its own, so that little of the difference is light; what no skin shows is all light
    cast = np.exp(np.sign(apart) * np.maximum(np.abs(apart) - _SKIN_COLOURS, 0.0))
    tint = (1.0 + _LIGHT_SHARE * (look.skin / brightness / _SKIN / cast - 1.0)) * cast
    seen = _visible_teeth(image, line)
    tooth = look.toned(np.array([212.0, 196.0, 170.0]) * light * tint) if seen is None else seen
    return Palette(
        cavity=look.toned(np.array([42.0, 14.0, 14.0]) * light * cast),
        gum=look.toned(np.array([168.0, 92.0, 92.0]) * light * tint),
        tooth=tooth,
        tongue=look.toned(np.array([168.0, 84.0, 82.0]) * light * tint),
    )


def drawn_palette(image: np.ndarray, points: np.ndarray, line: LipLine, look: Look) -> Palette:
    """Flat colours for a drawing: the mouth's dark from its own line, teeth from its lightest colour of the face."""
    x, y = np.round(points[:468]).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < image.shape[1]) & (y < image.shape[0])
    colours = image[y[inside], x[inside]].astype(np.float64)
    gray = colours @ LUMA
    light = colours[gray >= np.percentile(gray, 95)].mean(0)
    places = line.middle + line.s[:, None] * line.along + (0.5 * (line.upper + line.lower))[:, None] * line.down
    at = np.round(places[np.abs(line.s) < 0.8 * line.half]).astype(int)
    at = np.clip(at, 0, np.array(image.shape[1::-1]) - 1)
    dark = np.median(image[at[:, 1], at[:, 0]], axis=0)
    exposed = min(float(light.mean()) / _DRAWN_LIGHT, 1.0)
    cavity = np.minimum(0.45 * dark + np.array([30.0, 5.0, 8.0]) * exposed, 90.0)
    return Palette(
        cavity=look.toned(cavity),
        gum=look.toned(cavity),
        tooth=look.toned(0.35 * light + 0.65 * np.array([250.0, 247.0, 240.0]) * exposed),
        tongue=look.toned(0.5 * cavity + 0.5 * np.array([214.0, 98.0, 104.0]) * exposed),
    )


def paint_mouth(line: LipLine, palette: Palette, unit: float, drawn: bool, look: Look) -> MouthPaint:
    """Teeth, gums and tongue for one mouth.

    Args:
        line: the picture's mouth.
        palette: its colours.
        unit: inter-ocular distance in pixels.
        drawn: flat shapes instead of single shaded teeth.
        look: of the face; the layers get its sharpness.
    """
    reach = 1.35 * line.half
    left, top = (int(np.floor(v)) for v in line.middle - [reach, max(0.45 * unit, 0.7 * reach)])
    right, bottom = (int(np.ceil(v)) for v in line.middle + [reach, max(0.75 * unit, 0.9 * reach)])
    width, height = right - left + 1, bottom - top + 1
    x = left + np.arange(_DETAIL * (width - 1) + 1) / _DETAIL
    y = top + np.arange(_DETAIL * (height - 1) + 1) / _DETAIL
    s, v = line.to_frame(np.stack(np.meshgrid(x, y), -1))
    # Teeth stand on a gentle arc that follows the closed lips, flattened; an open picture's edge is its lower lip's.
    rest = float(np.mean(line.upper[np.abs(line.s) < 0.5 * line.half]))
    fit = np.polynomial.Polynomial.fit(line.s, line.upper - rest, 2)
    bent = fit(np.clip(s, line.s[0], line.s[-1]))
    u, w = s / unit, (v - rest - (1.0 if drawn else 0.3) * bent) / unit
    bow = 0.0 if drawn else 0.05 * (u / 0.4) ** 2
    size = line.half / (0.4 * unit)
    size = float(np.clip(size, 0.75, 1.15))
    edge = (
        (_DRAWN_EDGE if drawn else _UPPER_EDGE)
        if line.closed
        else max(_UPPER_EDGE, float((line.lower - line.upper).max()) / unit - 0.01)
    )
    upper = _tooth_row(u / size, (edge - bow - w) / size, _UPPER_WIDTHS, _UPPER_HEIGHTS, palette, drawn)
    lower = _tooth_row(u / size, (w + bow * 0.6 - edge - _DROP) / size, _LOWER_WIDTHS, _LOWER_HEIGHTS, palette, drawn)
    lower *= 0.0 if drawn else 1.0  # a drawn mouth shows its upper row only
    lower[:3] *= 0.8
    if not line.closed:  # the picture's own teeth are laid over these
        upper *= _ramp(0.72 * line.half - np.abs(s), 0.1 * line.half)
    tongue = _tongue(u, w, palette, drawn)
    jaw = lower + tongue * (1.0 - lower[3:])
    skull, jaw = (look.softened(np.float32(layer), _DETAIL) for layer in (upper, jaw))
    return MouthPaint(left, top, width, height, skull, jaw, np.float32(palette.cavity))


def _tooth_row(
    u: np.ndarray,
    rise: np.ndarray,
    widths: tuple[float, ...],
    heights: tuple[float, ...],
    palette: Palette,
    drawn: bool,
) -> np.ndarray:
    """(4, h, w) one row of teeth with its gum; ``rise`` is the distance from the teeth's edge towards the gum."""
    soft = 0.012
    if drawn:
        alpha = _ramp(rise, soft) * _ramp(0.17 - rise, soft) * _ramp(0.46 - np.abs(u), soft)
        return np.concatenate([palette.tooth[:, None, None] * alpha, alpha[None]])
    teeth = np.zeros_like(u)
    shade = np.ones_like(u)
    start = 0.0
    for k, (width, height) in enumerate(zip(widths, heights, strict=True)):
        across = (np.abs(u) - start) / width  # 0..1 over this tooth
        shrunk = 0.0 if k == 0 else (0.014 if k == 1 else 0.004)  # side incisors are a little shorter
        corner = 0.02 * np.abs(2 * across - 1) ** 4
        edge = rise - shrunk - corner
        crown = height - 0.35 * width * (2 * across - 1) ** 2 * 0.5
        here = (across >= 0) & (across < 1)
        alpha = _ramp(edge, soft) * _ramp(crown - rise, soft)
        teeth = np.where(here, alpha, teeth)
        gap = 1.0 - 0.3 * np.exp(-((np.minimum(across, 1 - across) * width / 0.006) ** 2))
        round_ = 1.0 - 0.16 * (2 * across - 1) ** 2
        shade = np.where(here, gap * round_, shade)
        start += width
    side = np.clip(1.08 - 1.15 * np.abs(u) ** 1.3, 0.2, 1.0)
    fall = 0.9 + 0.1 * np.clip(1 - rise / 0.15, 0, 1)
    arch = _ramp(start - np.abs(u), 0.05)
    gums = _ramp(rise - 0.03, soft) * arch
    colour = palette.gum[:, None, None] * (1 - teeth) + palette.tooth[:, None, None] * teeth * shade * fall
    alpha = np.maximum(teeth, gums) * arch
    return np.concatenate([colour * side * alpha, alpha[None]])


def _tongue(u: np.ndarray, w: np.ndarray, palette: Palette, drawn: bool) -> np.ndarray:
    """(4, h, w) the tongue's back behind the lower teeth, seen from the front."""
    top = (0.06 if drawn else 0.03) + 0.16 * (np.abs(u) / 0.3) ** 2.2
    alpha = _ramp(w - top, 0.03 if not drawn else 0.015)
    groove = 1.0 - 0.16 * np.exp(-((u / 0.03) ** 2)) * (0.0 if drawn else 1.0)
    light = 1.0 if drawn else np.clip(1.05 - 1.2 * np.abs(u), 0.2, 1.0) * np.clip(0.6 + 2.5 * (w - top), 0.4, 1.0)
    return np.concatenate([palette.tongue[:, None, None] * groove * light * alpha, alpha[None]])


def _ramp(x: np.ndarray, soft: float) -> np.ndarray:
    return np.clip(x / soft + 0.5, 0.0, 1.0)


def _visible_teeth(image: np.ndarray, line: LipLine) -> np.ndarray | None:
    """Mean colour of the teeth an open mouth shows, or None."""
    if line.closed:
        return None
    inside = opening_mask(image.shape[:2], line) > 0.9
    pixels = image[inside].astype(np.float64)
    if len(pixels) < 12:
        return None
    gray = pixels @ LUMA
    bright = pixels[gray >= np.percentile(gray, 75)].mean(0)
    return bright if bright.mean() > 110 and np.ptp(bright) < 90 else None


def opening_mask(shape: tuple[int, int], line: LipLine) -> np.ndarray:
    """(H, W) float32 share of each pixel that lies between the picture's open lips."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    upper, lower = line.cover(np.stack([x, y], -1))
    return 1.0 - upper - lower
