"""Hair: locks between two guide curves with strands and a band of light."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scripts.drawing.canvas import Canvas, Mask, Paint, curve, mix, radial, resampled, ribbon, shape
from scripts.drawing.head import HeadFrame, Look

Guide = Sequence[Sequence[float]]
STEPS = 40


class Hairdresser:
    """Paints locks of one character's hair on their head; collects the mask of all hair painted."""

    def __init__(self, canvas: Canvas, look: Look, frame: HeadFrame) -> None:
        self.canvas, self.look, self.frame = canvas, look, frame
        self.dark, self.base, self.light = look.hair_tones
        self.generator = np.random.default_rng(sum(map(ord, look.name)))
        self.mask: Mask | None = None

    def guide(self, points: Guide) -> np.ndarray:
        """Control points (x, y) or (x, y, depth) in face coordinates -> (STEPS, 2) pixels."""
        p = [(*point, -0.3) if len(point) == 2 else tuple(point) for point in points]
        return resampled(self.frame.place(curve(p)), STEPS)

    def body(self, outline: Guide, shade: float = 0.0) -> Mask:
        """A closed area of hair, lit from the upper left; ``shade`` 0..1 darkens it."""
        p = [(*point, -0.5) if len(point) == 2 else tuple(point) for point in outline]
        mask = shape(self.frame.place(curve(p, closed=True)))
        f = self.frame
        lit = mix(self.base, self.light, 0.25 * (1 - shade))
        low = mix(self.dark, self.dark * self.dark, 0.3)
        paint = radial(
            (f.x - 0.8 * f.size, f.y - 1.7 * f.size), 3.8 * f.size, lit, mix(self.base, low, shade), self.dark, low
        )
        self.add(mask, paint)
        return mask

    def add(self, mask: Mask, paint: Paint) -> None:
        """Paints hair and joins it to the mask."""
        self.canvas.solid(mask, paint)
        self.mask = mask if self.mask is None else self.mask.joined(mask)

    def lock(
        self,
        first: Guide,
        second: Guide,
        strands: int,
        shine: tuple[float, float] = (0.18, 0.42),
        gloss: float = 0.5,
        fill: float | None = None,
    ) -> None:
        """Hair flowing from root to tip between two guides.

        ``shine`` is the stretch along the strands that catches light, ``gloss`` how much of it there is, ``fill`` the
        tone of the area below the strands (-1 dark .. 1 light; None leaves what is there).
        """
        a, b = self.guide(first), self.guide(second)
        area = shape(np.concatenate([a, b[::-1]]))
        if fill is not None:
            self.add(area, mix(self.base, self.light if fill > 0 else self.dark, abs(fill)))
        size, g = self.frame.size, self.generator
        soft = area.blurred(0.008 * size)
        for colour, share, opacity in ((self.dark, 0.4, 0.5), (mix(self.base, self.light, 0.3), 0.35, 0.4)):
            lines = []
            for t in g.random(int(strands * share)):
                start, stop = sorted(g.uniform(0, 1, 2))
                part = slice(
                    int(start * 0.5 * STEPS), max(int((0.5 + 0.5 * stop) * STEPS), int(start * 0.5 * STEPS) + 6)
                )
                lines.append(ribbon((a + (b - a) * t)[part], g.uniform(0.012, 0.03) * size, 0.1, 1, 0.05))
            if lines:
                self.canvas.tint(shape(*lines).within(soft), colour, opacity)
        lines = []
        for t in g.random(int(strands * gloss)):
            start = int((shine[0] + g.normal(0, 0.035)) * STEPS)
            stop = int((shine[1] + g.normal(0, 0.05)) * STEPS)
            start, stop = max(start, 0), min(stop, STEPS)
            if stop - start > 4:
                lines.append(ribbon((a + (b - a) * t)[start:stop], g.uniform(0.015, 0.04) * size, 0, 1, 0))
        if lines:
            self.canvas.tint(shape(*lines).blurred(0.007 * size).within(soft), self.light, 0.6)


def mirrored(points: Guide) -> list[tuple[float, ...]]:
    """The same guide on the other side of the head."""
    return [(-p[0], *p[1:]) for p in points]
