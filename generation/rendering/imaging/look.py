"""The look of a face's picture, measured there so that painted parts share it: tone, exposure, sharpness and grain."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from generation.core.arrays import smoothstep

LUMA = np.array([0.299, 0.587, 0.114])
"""Luminance of RGB (ITU-R BT.601)."""
_OWN_COLOURS = 0.004, 0.028
"""How far a face's colours lie from one tone, as a share of its brightness: up to the first the picture is in shades
of one tone, from the second on it is an ordinary colour picture. Measured: sepia with grain 0.002, faces 0.036 to
0.084."""
_SMOOTHED = 2.0
"""Blur in pixels that takes the grain off colours."""
_SHARP = 1.15
"""Blur of an ordinary sharp picture's edges, pixels: measured 0.5 to 1.1; painted parts are as sharp of themselves."""
_EDGES = 85.0, 60.0
"""Percentile of the gradient from which on a pixel of the face is on an edge, and of the blur of such edges."""
_BLACK = 30.0, 70.0
"""Luminance of the darkest hundredth up to which a picture is an ordinary one, and from which on it has no black."""
_FINE = 2.5
"""Grain of this standard deviation, levels, and below is not seen and not painted."""
_SMALL = 60.0
"""Inter-ocular distance, pixels, below which windows of 8 pixels a side show grain, above it of 12."""
_FLATTEST, _LEAST = 0.05, 4
"""Share of the face's windows, and their least number, that show grain alone."""
_LEFT_OUT = 1.1
"""By how much grain is stronger than it is in the flattest windows."""
_EVEN = 0.46, 0.57
"""Strength in the flattest windows over the median: up to the first it is skin and hair, from the second on grain.
Measured: sharp portraits 0.36 to 0.43, with grain of 8 to 12 levels 0.51 to 0.83."""
_EXPOSED = 25.0, 230.0
"""Mean luminance of windows in which grain is not cut off."""


@dataclass(frozen=True)
class Grain:
    """Noise of a picture.

    Attributes:
        kernel: (n, n) float64 that turns white noise into it, of norm 1.
        mixing: (3, 3) that turns three fields of it into RGB levels.
    """

    kernel: np.ndarray
    mixing: np.ndarray

    def field(self, height: int, width: int) -> np.ndarray:
        """(height, width, 3) float32 levels around 0, always the same.

        White noise with the picture's spectrum: B. Galerne, Y. Gousseau and J.-M. Morel ("Random phase textures",
        2011).
        """
        white = np.random.default_rng(0).standard_normal((3, height, width))
        fields = [cv2.filter2D(plane, cv2.CV_64F, self.kernel, borderType=cv2.BORDER_REFLECT) for plane in white]
        return np.float32(np.stack(fields, -1) @ self.mixing.T)


@dataclass(frozen=True)
class Look:
    """What painted parts share with the picture around them.

    Attributes:
        tone: (256, 3) RGB of each luminance, where all the picture's colours are shades of one tone.
        own_colours: share 0..1 by which they are not: 0 in grey and sepia pictures, 1 in an ordinary colour picture.
        skin: (3,) RGB of the face's brightest tenth.
        black: luminance below which the picture has nothing, 0 in an ordinary one.
        blur: standard deviation in pixels by which edges are softer than a sharp picture's.
        grain: None where none is seen.
    """

    tone: np.ndarray
    own_colours: float
    skin: np.ndarray
    black: float
    blur: float
    grain: Grain | None

    @property
    def edge(self) -> float:
        """Width in pixels of a linear ramp as soft as an edge of the picture; 1 in a sharp one."""
        return float(np.sqrt(1.0 + 12.0 * self.blur**2))

    def toned(self, colour: np.ndarray) -> np.ndarray:
        """Colours (..., 3) as this picture shows them."""
        if self.own_colours == 1.0:
            return colour
        luminance = colour @ LUMA
        shade = np.stack([np.interp(luminance, np.arange(256), channel) for channel in self.tone.T], -1)
        return shade + self.own_colours * (colour - shade)

    def softened(self, planes: np.ndarray, detail: int) -> np.ndarray:
        """Planes (C, h, w) of ``detail`` samples a pixel, as soft as the picture."""
        if self.blur == 0.0:
            return planes
        blurred = [cv2.GaussianBlur(p, (0, 0), self.blur * detail, borderType=cv2.BORDER_REPLICATE) for p in planes]
        return np.stack(blurred)


def measure_look(image: np.ndarray, points: np.ndarray, unit: float) -> Look:
    """Look of the face with landmarks ``points`` (478, 2), pixel indices of ``image`` (uint8 RGB).

    Args:
        image: the picture.
        points: landmarks.
        unit: inter-ocular distance in pixels.
    """
    around = 0.5 * unit
    low = np.clip(points[:468].min(0) - around, 0, np.array(image.shape[1::-1]) - 2).astype(int)
    high = np.clip(points[:468].max(0) + around, low + 2, image.shape[1::-1]).astype(int)
    crop = image[low[1] : high[1], low[0] : high[0]]
    hull = np.round(cv2.convexHull(np.float32(points[:468] - low))).astype(np.int32)
    inside = cv2.fillConvexPoly(np.zeros(crop.shape[:2], np.uint8), hull, 1) > 0
    if not inside.any():
        inside[:] = True
    gray = crop @ LUMA
    face = crop[inside].astype(np.float64)
    bright = gray[inside] >= np.percentile(gray[inside], 90)
    tone, own_colours = _tone(crop, inside)
    grain = _grain(crop, inside, unit)
    dark = float(np.percentile(cv2.GaussianBlur(gray, (0, 0), _SMOOTHED), 1))
    return Look(
        tone,
        own_colours,
        skin=face[bright].mean(0),
        black=dark * float(smoothstep(np.array((dark - _BLACK[0]) / (_BLACK[1] - _BLACK[0])))),
        blur=_blur(np.float32(gray), inside, unit, grain),
        grain=grain,
    )


def _tone(crop: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, float]:
    """The colour (256, 3) that each luminance of the face has, and how far its colours go their own ways, 0..1."""
    levels = np.arange(256.0)
    if (crop == crop[..., :1]).all():
        return np.repeat(levels[:, None], 3, 1), 0.0
    pixels = cv2.GaussianBlur(crop.astype(np.float32), (0, 0), _SMOOTHED)[inside].astype(np.float64)
    luminance = pixels @ LUMA
    chroma = pixels - luminance[:, None]
    curve, *_ = np.linalg.lstsq(_shapes(luminance), chroma, rcond=None)
    away = np.linalg.norm(chroma - _shapes(luminance) @ curve, axis=1)
    share = np.percentile(away, 80) / max(float(np.percentile(luminance, 90)), 1.0)
    low, high = _OWN_COLOURS
    tone = np.clip(levels[:, None] + _shapes(levels) @ curve, 0, 255)
    return tone, float(np.clip((share - low) / (high - low), 0.0, 1.0))


def _shapes(level: np.ndarray) -> np.ndarray:
    """(..., 4) curves over luminance of which a tone's chroma is made up; black has none."""
    x = level / 255.0
    return np.stack([x, x * (1 - x), x * x * (1 - x), x * (1 - x) ** 2], -1)


def _blur(gray: np.ndarray, inside: np.ndarray, unit: float, grain: Grain | None) -> float:
    """Pixels (standard deviation) by which the face's edges are softer than a sharp picture's.

    From the ratio of their gradients after two known blurs: S. Zhuo and T. Sim ("Defocus map estimation from a single
    image", 2011). Grain's own gradient is taken off, and what does not stand out from it is no edge.
    """
    noise = np.zeros((64, 64), np.float32) if grain is None else np.float32(grain.field(64, 64) @ LUMA)
    found = 0.0
    for first in (1.0, 2.0, 3.0, 4.0) if grain is None else (2.0, 3.0, 4.0):
        if first > max(2.0, 0.1 * unit):
            break
        narrow, wide = (_gradient(gray, sigma) for sigma in (first, 2.0 * first))
        least, less = (float(_gradient(noise, sigma).mean()) for sigma in (first, 2.0 * first))
        strong = max(float(np.percentile(narrow[inside], _EDGES[0])), 16.0 * least)
        edges = inside & (narrow >= strong) & (narrow == cv2.dilate(narrow, np.ones((3, 3), np.uint8)))
        if edges.sum() < 8:
            continue
        ratio = (narrow[edges] - least) / np.maximum(wide[edges] - less, 1e-3)
        squared = (4.0 - ratio) * first**2 / np.maximum(ratio - 1.0, 1e-3)
        found = max(found, float(np.sqrt(max(np.percentile(squared, _EDGES[1]), 0.0))))
        if found < 2.5 * first:  # else wider blurs tell it better
            break
    return float(np.sqrt(max(min(found, 0.12 * unit) ** 2 - _SHARP**2, 0.0)))


def _gradient(gray: np.ndarray, sigma: float) -> np.ndarray:
    """Square of the gradient of (h, w) float32 after a blur."""
    smooth = cv2.GaussianBlur(gray, (0, 0), sigma)
    return cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125) ** 2 + cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125) ** 2


def _grain(crop: np.ndarray, inside: np.ndarray, unit: float) -> Grain | None:
    """Grain of the face's flattest windows, each without its smooth shading."""
    side = 8 if unit < _SMALL else 12
    half = side // 2
    rows, columns = (range(0, length - side + 1, half) for length in inside.shape)
    corners = [(y, x) for y in rows for x in columns if inside[y + half, x + half]]
    windows = np.array([crop[y : y + side, x : x + side] for y, x in corners], np.float64).reshape(-1, side * side, 3)
    level = (windows @ LUMA).mean(1)
    windows = windows[(level >= _EXPOSED[0]) & (level <= _EXPOSED[1])]
    if len(windows) < 4 * _LEAST:
        return None
    at = np.linspace(-1, 1, side)
    x, y = (axis.ravel() for axis in np.meshgrid(at, at))
    shading, _ = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1))
    windows -= shading @ (shading.T @ windows)
    strength = np.sqrt(np.square(windows @ LUMA).mean(1))
    flat = windows[np.argsort(strength)[: max(int(_FLATTEST * len(windows)), _LEAST)]]
    covariance = np.einsum("nic,nid->cd", flat, flat) / (len(flat) * (side**2 - shading.shape[1]))
    seen = float(LUMA @ covariance @ LUMA)
    even = float(smoothstep((np.percentile(strength, 3) / np.median(strength) - _EVEN[0]) / (_EVEN[1] - _EVEN[0])))
    if seen <= _FINE**2 or even == 0.0:
        return None
    kernel = _kernel((flat @ LUMA).reshape(-1, side, side))
    if np.ptp(covariance) < 1e-6 * covariance.max():  # grey: all channels the same number
        mixing = np.zeros((3, 3))
        mixing[:, 0] = np.sqrt(seen)
    else:
        share, axes = np.linalg.eigh(covariance)
        mixing = axes * np.sqrt(np.maximum(share, 0.0))
    return Grain(kernel, mixing * _LEFT_OUT * even * np.sqrt(1.0 - _FINE**2 / seen))


def _kernel(windows: np.ndarray) -> np.ndarray:
    """(n, n) of norm 1 that turns white noise into such as fills windows (N, s, s): the root of their spectrum."""
    side = windows.shape[1]
    ones, padded = np.ones((side, side)), (2 * side, 2 * side)
    power, overlap = (np.square(np.abs(np.fft.fft2(a, padded))) for a in (windows, ones))
    alike = np.fft.ifft2(power.mean(0)).real / np.maximum(np.fft.ifft2(overlap).real, 0.5)
    lag = np.abs(np.fft.fftfreq(2 * side, 1 / (2 * side)))
    near = np.clip(1.5 - 3.0 * lag / side, 0.0, 1.0)  # what lies further apart is left of the shading
    spectrum = np.maximum(np.fft.fft2(alike * np.outer(near, near)).real, 0.0)
    kernel = np.fft.fftshift(np.fft.ifft2(np.sqrt(spectrum)).real)
    return kernel / np.linalg.norm(kernel)
