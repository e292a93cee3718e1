"""A small antialiased painting surface: soft masks, curves, gradients and blending, on numpy and OpenCV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

SUPERSAMPLE = 4

Colour = np.ndarray
Paint = Colour | Callable[[np.ndarray, np.ndarray], np.ndarray]


def rgb(code: str) -> Colour:
    """``"#rrggbb"`` as (3,) float32 in [0, 1]."""
    value = int(code.lstrip("#"), 16)
    return np.array([value >> 16, value >> 8 & 255, value & 255], np.float32) / 255


def mix(first: Colour, second: Colour, amount: float) -> Colour:
    """``amount`` = 0 gives ``first``, 1 gives ``second``."""
    return (first + (second - first) * np.float32(amount)).astype(np.float32)


@dataclass(frozen=True)
class Mask:
    """Coverage in a window of the canvas: ``alpha`` (h, w) float32 in [0, 1], top left pixel at ``x``, ``y``."""

    x: int
    y: int
    alpha: np.ndarray

    def moved(self, dx: float, dy: float) -> Mask:
        """The same shape shifted by whole pixels (rounded)."""
        return Mask(self.x + round(dx), self.y + round(dy), self.alpha)

    def blurred(self, sigma: float) -> Mask:
        """Gaussian blur of ``sigma`` pixels; wide blurs work on a reduced copy."""
        pad = int(3 * sigma) + 2
        step = max(1, int(sigma / 3))
        padded = np.pad(self.alpha, pad)
        if step == 1:
            return Mask(self.x - pad, self.y - pad, cv2.GaussianBlur(padded, (0, 0), sigma))
        height, width = padded.shape
        small = cv2.resize(padded, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / step)
        return Mask(self.x - pad, self.y - pad, cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))

    def sampled_on(self, other: Mask) -> np.ndarray:
        """This mask's coverage in the window of ``other``, (h, w) float32; zero outside this mask's own window."""
        out = np.zeros_like(other.alpha)
        height, width = out.shape
        x0, y0 = max(self.x, other.x), max(self.y, other.y)
        x1 = min(self.x + self.alpha.shape[1], other.x + width)
        y1 = min(self.y + self.alpha.shape[0], other.y + height)
        if x0 < x1 and y0 < y1:
            out[y0 - other.y : y1 - other.y, x0 - other.x : x1 - other.x] = self.alpha[
                y0 - self.y : y1 - self.y, x0 - self.x : x1 - self.x
            ]
        return out

    def within(self, other: Mask) -> Mask:
        """Product of both coverages."""
        return Mask(self.x, self.y, self.alpha * other.sampled_on(self))

    def without(self, other: Mask) -> Mask:
        """This mask where ``other`` is not."""
        return Mask(self.x, self.y, self.alpha * (1 - other.sampled_on(self)))

    def joined(self, other: Mask) -> Mask:
        """Union of both coverages."""
        x0, y0 = min(self.x, other.x), min(self.y, other.y)
        x1 = max(self.x + self.alpha.shape[1], other.x + other.alpha.shape[1])
        y1 = max(self.y + self.alpha.shape[0], other.y + other.alpha.shape[0])
        window = Mask(x0, y0, np.zeros((y1 - y0, x1 - x0), np.float32))
        return Mask(x0, y0, np.maximum(self.sampled_on(window), other.sampled_on(window)))


def shape(*polygons: np.ndarray) -> Mask:
    """Antialiased union of closed polygons, each (N, 2) in pixels (pixel centres at integer + 0.5)."""
    points = np.concatenate(polygons)
    low = np.floor(points.min(axis=0)).astype(int) - 1
    high = np.ceil(points.max(axis=0)).astype(int) + 1
    width, height = np.maximum(high - low, 1)
    # Large shapes need no finer grid than 2 x 2 a pixel on top of OpenCV's own edge smoothing; fine ones do.
    factor = SUPERSAMPLE if width * height < 60_000 else 2
    grid = np.zeros((height * factor, width * factor), np.uint8)
    for polygon in polygons:
        scaled = np.round(((polygon - low) * factor - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(grid, [scaled], 255, lineType=cv2.LINE_8, shift=4)
    coverage = cv2.resize(grid, (int(width), int(height)), interpolation=cv2.INTER_AREA)
    return Mask(int(low[0]), int(low[1]), coverage.astype(np.float32) / 255)


def curve(points: Sequence[Sequence[float]] | np.ndarray, closed: bool = False, samples: int = 12) -> np.ndarray:
    """Catmull-Rom curve through control points of any dimension: (N, D) -> (M, D) with ``samples`` steps a span."""
    p = np.asarray(points, np.float32)
    if closed:
        p = np.concatenate([p[-1:], p, p[:2]])
    else:
        p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = (np.arange(samples, dtype=np.float32) / samples)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    spans = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    line = spans.reshape(-1, p.shape[1])
    return line if closed else np.concatenate([line, p[-2:-1]])


def resampled(line: np.ndarray, count: int) -> np.ndarray:
    """``count`` points at equal distances along a polyline (N, D)."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, lengths[-1], count)
    return np.stack([np.interp(at, lengths, line[:, i]) for i in range(line.shape[1])], axis=1).astype(np.float32)


def ellipse(cx: float, cy: float, rx: float, ry: float, turn: float = 0.0) -> np.ndarray:
    """Polygon (48, 2) of an ellipse; ``turn`` in radians."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    x, y = rx * np.cos(angle), ry * np.sin(angle)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([cx + c * x - s * y, cy + s * x + c * y], axis=1).astype(np.float32)


def ribbon(line: np.ndarray, width: float, start: float = 0.0, middle: float = 1.0, end: float = 0.0) -> np.ndarray:
    """Polygon of a brush stroke along ``line`` (N, 2), ``width`` wide, scaled at its start, middle and end."""
    direction = np.gradient(line, axis=0)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True) + 1e-6
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
    t = np.linspace(0, 1, len(line))
    # Smooth hump between the three given relative widths.
    profile = np.where(t < 0.5, start + (middle - start) * np.sin(np.pi * t), end + (middle - end) * np.sin(np.pi * t))
    half = (0.5 * width * profile)[:, None]
    return np.concatenate([line + normal * half, (line - normal * half)[::-1]]).astype(np.float32)


def linear(start: Sequence[float], stop: Sequence[float], *colours: Colour) -> Paint:
    """Gradient along start -> stop (pixels) through evenly spaced colours."""
    origin = np.asarray(start, np.float32)
    axis = np.asarray(stop, np.float32) - origin
    stops = np.linspace(0, 1, len(colours))
    table = np.stack(colours)

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        t = ((x - origin[0]) * axis[0] + (y - origin[1]) * axis[1]) / (axis @ axis)
        return np.stack([np.interp(t, stops, table[:, i]) for i in range(3)], axis=-1).astype(np.float32)

    return paint


def radial(centre: Sequence[float], radius: float, *colours: Colour) -> Paint:
    """Gradient from the centre outwards through evenly spaced colours."""
    stops = np.linspace(0, 1, len(colours))
    table = np.stack(colours)

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        t = np.hypot(x - centre[0], y - centre[1]) / radius
        return np.stack([np.interp(t, stops, table[:, i]) for i in range(3)], axis=-1).astype(np.float32)

    return paint


class Canvas:
    """An RGB picture (H, W, 3) float32 in [0, 1] that masks are painted on; ``figure`` (H, W) sums what was solid."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels = np.zeros((height, width, 3), np.float32)
        self.figure = np.zeros((height, width), np.float32)

    def solid(self, mask: Mask, paint: Paint) -> Mask:
        """Paints something that belongs to the figure being drawn; returns the mask for shading on it."""
        window = self._window(mask)
        if window is not None:
            rows, columns, alpha = window
            self.figure[rows, columns] += (1 - self.figure[rows, columns]) * alpha
        self.tint(mask, paint)
        return mask

    def tint(self, mask: Mask, paint: Paint, opacity: float = 1.0, mode: str = "normal") -> None:
        """Blends a colour or gradient through ``mask``; ``mode`` is normal, multiply or screen."""
        window = self._window(mask)
        if window is None:
            return
        rows, columns, alpha = window
        if callable(paint):
            y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
            colour = paint(x, y)
        else:
            colour = paint
        below = self.pixels[rows, columns]
        if mode == "multiply":
            colour = below * colour
        elif mode == "screen":
            colour = 1 - (1 - below) * (1 - colour)
        below += (colour - below) * (alpha * np.float32(opacity))[..., None]

    def take_figure(self) -> np.ndarray:
        """The coverage of what was painted solid since the last call, (H, W) float32; starts a new figure."""
        figure, self.figure = self.figure, np.zeros_like(self.figure)
        return figure

    def _window(self, mask: Mask) -> tuple[slice, slice, np.ndarray] | None:
        height, width = self.figure.shape
        x0, y0 = max(mask.x, 0), max(mask.y, 0)
        x1, y1 = min(mask.x + mask.alpha.shape[1], width), min(mask.y + mask.alpha.shape[0], height)
        if x0 >= x1 or y0 >= y1:
            return None
        return slice(y0, y1), slice(x0, x1), mask.alpha[y0 - mask.y : y1 - mask.y, x0 - mask.x : x1 - mask.x]
