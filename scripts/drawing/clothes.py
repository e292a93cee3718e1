"""Shoulders and clothes."""

from __future__ import annotations

import numpy as np

from scripts.drawing.canvas import Canvas, Mask, curve, ellipse, linear, mix, rgb, ribbon, shape
from scripts.drawing.head import HeadFrame, Look

NIGHT = rgb("#1c1626")


def symmetric(right: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A closed outline from its right half, listed from the middle line (x = 0) on."""
    return [*right, *[(-x, y) for x, y in reversed(right) if x > 0]]


class Tailor:
    """Draws clothes in a frame that follows the body, not the head's turn."""

    def __init__(self, canvas: Canvas, look: Look, frame: HeadFrame) -> None:
        self.canvas, self.look = canvas, look
        self.frame = HeadFrame(frame.x, frame.y, frame.size, frame.yaw * 0.4, frame.roll * 0.3)
        self.main, self.second = (rgb(code) for code in look.cloth)

    def area(self, points: list[tuple[float, float]], depth: float = -0.45, closed: bool = True) -> Mask:
        """A smooth closed area."""
        return shape(self.frame.behind(curve(points, closed=closed), depth))

    def stroke(self, points: list[tuple[float, float]], width: float, middle: float = 1.0, end: float = 0.0) -> Mask:
        """A soft fold along ``points``."""
        line = self.frame.behind(curve(points), -0.3)
        return shape(ribbon(line, width * self.frame.size, 0.1, middle, end))

    def torso(self, neckline: list[tuple[float, float]]) -> Mask:
        """Shoulders and chest, lit from the left; ``neckline`` runs from its middle to the right shoulder."""
        s, f = self.look.shoulder, self.frame
        right = [*neckline, (1.0, 2.44), (1.45, 2.62), (s - 0.2, 2.92), (s, 3.45), (s + 0.1, 4.6), (s + 0.12, 9.0)]
        mask = self.area(symmetric(right))
        span = s * f.size
        low = mix(self.main, self.main * self.main * 0.7, 0.75)
        bright = mix(self.main, rgb("#fff0d8"), 0.16)
        self.canvas.solid(
            mask, linear((f.x - span, f.y + 2 * f.size), (f.x + span, f.y + 3.6 * f.size), bright, self.main, low)
        )
        chest = shape(f.behind(ellipse(-0.9, 2.95, 0.7, 0.2, 0.25))).blurred(0.16 * f.size)
        self.canvas.tint(chest.within(mask), bright, 0.6)
        for side in (-1, 1):
            fold = self.stroke([(side * (s - 0.45), 3.05), (side * (s - 0.62), 3.7), (side * (s - 0.55), 4.8)], 0.16)
            self.canvas.tint(fold.blurred(0.06 * f.size).within(mask), low, 0.75)
            fold = self.stroke([(side * 0.9, 2.62), (side * 0.8, 3.1), (side * 1.0, 3.6)], 0.12)
            self.canvas.tint(fold.blurred(0.06 * f.size).within(mask), low, 0.35)
        rim = mask.without(mask.moved(-0.05 * f.size, 0.03 * f.size)).blurred(0.02 * f.size).within(mask)
        self.canvas.tint(rim, rgb("#ffb978"), 0.4, "screen")
        return mask

    def head_shadow(self, mask: Mask, amount: float = 0.5) -> None:
        """The soft shadow of the head on the chest."""
        f = self.frame
        shadow = shape(f.behind(ellipse(0.18, 2.25, 0.8, 0.42))).blurred(0.16 * f.size)
        self.canvas.tint(shadow.within(mask), NIGHT, amount * 0.6)


def turtleneck(tailor: Tailor) -> None:
    """A knitted sweater with a folded collar."""
    canvas, f = tailor.canvas, tailor.frame
    torso = tailor.torso([(0, 2.45), (0.6, 2.28)])
    tailor.head_shadow(torso)
    w = tailor.look.neck + 0.12
    outline = symmetric([(0, 2.1), (0.3, 2.08), (w, 1.95), (w + 0.12, 2.4), (0.35, 2.62), (0, 2.65)])
    collar = tailor.area(outline, -0.2)
    canvas.tint(collar.moved(0, 0.08 * f.size).blurred(0.06 * f.size).within(torso), NIGHT, 0.4)
    low = mix(tailor.main, tailor.main * tailor.main * 0.6, 0.8)
    canvas.solid(
        collar,
        linear(
            (f.x - 0.7 * f.size, 0), (f.x + 0.8 * f.size, 0), mix(tailor.main, rgb("#fff0d8"), 0.18), tailor.main, low
        ),
    )
    ribs = []
    for x in np.linspace(-w - 0.05, w + 0.05, 21):
        sag = 0.12 * (1 - (x / w) ** 2)
        ribs.append(
            ribbon(
                f.behind(curve([(x * 0.93, 1.98 + sag), (x * 1.02, 2.25 + sag), (x * 1.08, 2.5 + sag)]), -0.2),
                0.03 * f.size,
                0.6,
                1,
                0.6,
            )
        )
    canvas.tint(shape(*ribs).blurred(0.012 * f.size).within(collar), tailor.second * 0.7, 0.5)
    shade = shape(f.behind(ellipse(0.12, 1.98, 0.62, 0.16), -0.2)).blurred(0.07 * f.size)
    canvas.tint(shade.within(collar), NIGHT, 0.5)
    knit = []
    for row in np.arange(2.6, 6, 0.13):
        knit.append(
            ribbon(
                f.behind(
                    curve([(-2.4, row + 0.5), (-1, row + 0.1), (0, row + 0.16), (1, row + 0.1), (2.4, row + 0.5)]), -0.3
                ),
                0.03 * f.size,
                1,
                1,
                1,
            )
        )
    canvas.tint(shape(*knit).blurred(0.012 * f.size).within(torso.without(collar)), tailor.second * 0.8, 0.22)


def lapel(tailor: Tailor, points: list[tuple[float, float]], colour: np.ndarray, torso: Mask) -> None:
    """One flap of a collar on both sides, with its shadow."""
    for side in (-1, 1):
        flap = shape(tailor.frame.behind([(side * x, y) for x, y in points], -0.25))
        size = tailor.frame.size
        shadow = flap.moved(0.04 * size, 0.07 * size).blurred(0.045 * size)
        tailor.canvas.tint(shadow.within(torso), NIGHT, 0.4)
        tint = mix(colour, rgb("#ffffff"), 0.12) if side < 0 else mix(colour, NIGHT, 0.12)
        tailor.canvas.solid(flap, tint)
        edge = flap.without(flap.moved(0, -0.02 * tailor.frame.size))
        tailor.canvas.tint(edge, mix(colour, NIGHT, 0.5), 0.4)


def cardigan(tailor: Tailor) -> None:
    """A shirt with a collar under an open cardigan."""
    canvas, f = tailor.canvas, tailor.frame
    torso = tailor.torso([(0, 2.62), (0.66, 2.26)])
    cream = tailor.second
    front = tailor.area(symmetric([(0, 2.56), (0.3, 2.45), (0.7, 2.24), (0.66, 3.0), (0.36, 4.2), (0.1, 9)]))
    canvas.solid(front, linear((f.x - 0.6 * f.size, 0), (f.x + 0.7 * f.size, 0), cream, mix(cream, NIGHT, 0.22)))
    placket = tailor.stroke([(0.0, 2.5), (0.0, 3.2), (0, 9)], 0.03, end=1)
    canvas.tint(placket, mix(cream, NIGHT, 0.4), 0.5)
    for y in (2.85, 3.4):
        canvas.tint(shape(f.behind(ellipse(0.05, y, 0.04, 0.04))), mix(cream, NIGHT, 0.35))
    tailor.head_shadow(front, 0.6)
    low = mix(tailor.main, NIGHT, 0.35)
    for side in (-1, 1):
        band = tailor.stroke([(side * 0.78, 2.2), (side * 0.74, 2.8), (side * 0.44, 3.9), (side * 0.2, 9)], 0.24, 1, 1)
        canvas.tint(band.moved(0, 0.05 * f.size).blurred(0.05 * f.size).within(front), NIGHT, 0.4)
        canvas.solid(band, tailor.main if side < 0 else mix(tailor.main, NIGHT, 0.18))
        canvas.tint(band.without(band.moved(-side * 0.03 * f.size, 0)).blurred(0.01 * f.size), low, 0.6)
    lapel(tailor, [(0.62, 1.98), (0.8, 2.36), (0.5, 2.82), (0.02, 2.48), (0.3, 2.32)], cream, front.joined(torso))


def blouse(tailor: Tailor) -> None:
    """A soft blouse with a V neck and a pointed collar."""
    torso = tailor.torso([(0, 3.2), (0.3, 2.75), (0.62, 2.24)])
    lapel(
        tailor,
        [(0.56, 2.06), (0.86, 2.3), (0.78, 2.86), (0.06, 3.3), (0.34, 2.7)],
        mix(tailor.main, tailor.second, 0.16),
        torso,
    )
    placket = tailor.stroke([(0.0, 3.25), (0.0, 4), (0, 9)], 0.03, end=1)
    tailor.canvas.tint(placket, mix(tailor.main, NIGHT, 0.5), 0.5)


def shirt(tailor: Tailor) -> None:
    """An open shirt over a light T-shirt."""
    canvas, f = tailor.canvas, tailor.frame
    torso = tailor.torso([(0, 2.75), (0.45, 2.55), (0.7, 2.26)])
    white = tailor.second
    tee = tailor.area(symmetric([(0, 2.62), (0.36, 2.5), (0.74, 2.2), (0.74, 3.0), (0.6, 9)]))
    canvas.solid(tee, linear((f.x - 0.6 * f.size, 0), (f.x + 0.7 * f.size, 0), white, mix(white, NIGHT, 0.2)))
    tailor.head_shadow(tee, 0.6)
    for side in (-1, 1):
        edge = tailor.area(
            [(side * 0.72, 2.6), (side * 0.9, 2.7), (side * 1.1, 9), (side * 0.5, 9), (side * 0.62, 3.4)]
        )
        canvas.tint(edge.moved(-side * 0.05 * f.size, 0.03 * f.size).blurred(0.05 * f.size).within(tee), NIGHT, 0.35)
        canvas.solid(edge, mix(tailor.main, rgb("#fff0d8"), 0.08) if side < 0 else mix(tailor.main, NIGHT, 0.15))
    lapel(
        tailor,
        [(0.6, 2.0), (0.9, 2.32), (0.92, 2.95), (0.5, 2.78), (0.42, 2.4)],
        mix(tailor.main, white, 0.08),
        tee.joined(torso),
    )


OUTFITS = {"turtleneck": turtleneck, "cardigan": cardigan, "blouse": blouse, "shirt": shirt}


def draw_clothes(canvas: Canvas, look: Look, frame: HeadFrame) -> None:
    """Shoulders, chest and what they wear."""
    OUTFITS[look.outfit](Tailor(canvas, look, frame))


def draw_earrings(canvas: Canvas, look: Look, frame: HeadFrame) -> None:
    """Small hoops below the ears."""
    for side in (-1, 1):
        x = side * (look.cheek + 0.02)
        ring = shape(frame.behind(ellipse(x, 0.66, 0.1, 0.13), -0.5))
        hole = shape(frame.behind(ellipse(x, 0.66, 0.07, 0.1), -0.5))
        canvas.solid(ring.without(hole), rgb(look.earrings))
