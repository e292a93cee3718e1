"""A café out of focus behind the cast, and the table with cups in front of them."""

from __future__ import annotations

import cv2
import numpy as np

from scripts.drawing.canvas import Canvas, Mask, curve, ellipse, linear, mix, rgb, ribbon, shape

GLOW = rgb("#ffd596")
WALL = rgb("#4d706a")
WOOD = rgb("#8a5a3b")
NIGHT = rgb("#1d1a22")


def box(left: float, top: float, right: float, bottom: float, corner: float = 0.0) -> Mask:
    """A rectangle, its corners rounded by ``corner`` pixels."""
    if not corner:
        return shape(np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32))
    parts = [
        ellipse(x, y, corner, corner) for x in (left + corner, right - corner) for y in (top + corner, bottom - corner)
    ]
    tall = np.array(
        [(left + corner, top), (right - corner, top), (right - corner, bottom), (left + corner, bottom)], np.float32
    )
    wide = np.array(
        [(left, top + corner), (right, top + corner), (right, bottom - corner), (left, bottom - corner)], np.float32
    )
    return shape(*parts, tall, wide)


def draw_backdrop(canvas: Canvas, seed: int) -> None:
    """Wall, window, shelves, plants and lamps, blurred like a background in a portrait."""
    generator = np.random.default_rng(seed)
    height, width = canvas.figure.shape
    wall = linear((0, 0), (width, height), mix(WALL, GLOW, 0.3), WALL, mix(WALL, NIGHT, 0.25))
    canvas.tint(box(0, 0, width, height), wall)
    draw_window(canvas, generator, 36, -30, 500, 430)
    draw_shelves(canvas, generator, 690, 1262)
    draw_wainscot(canvas, width, height)
    for x, y in ((560, 92), (860, 60), (1160, 100)):
        draw_lamp(canvas, x, y)
    draw_hanging_plant(canvas, generator, 604, -10)
    canvas.pixels[:] = cv2.GaussianBlur(canvas.pixels, (0, 0), 4.5)
    draw_bokeh(canvas, generator)
    beam = shape(np.array([(60, -40), (470, -40), (980, height), (300, height)], np.float32)).blurred(46)
    canvas.tint(beam, rgb("#ffe3b0"), 0.18, "screen")


def draw_window(
    canvas: Canvas, generator: np.random.Generator, left: float, top: float, right: float, bottom: float
) -> None:
    """A tall window with a morning street behind it."""
    pane = box(left, top, right, bottom)
    sky = linear((left, top), (left, bottom), rgb("#d3ecf2"), rgb("#fff3dc"), rgb("#ffe2b4"))
    canvas.tint(pane, sky)
    for x, w, h, code in (
        (30, 110, 250, "#d9b3a0"),
        (140, 90, 190, "#e6c5ab"),
        (225, 130, 270, "#c99f94"),
        (360, 150, 205, "#dcb8a4"),
    ):
        canvas.tint(box(x, bottom - h, x + w, bottom).within(pane), rgb(code), 0.85)
        for row in range(int(h // 42)):
            for column in range(w // 30):
                y = bottom - h + 16 + 42 * row
                canvas.tint(box(x + 9 + 30 * column, y, x + 21 + 30 * column, y + 22).within(pane), rgb("#fff0cc"), 0.5)
    leaves = {code: [] for code in ("#6f9a63", "#93b877", "#bfd58e")}
    for code, polygons in leaves.items():
        for _ in range(45):
            x, y = generator.normal(410, 70), generator.normal(110, 62)
            radius = generator.uniform(9, 24)
            polygons.append(ellipse(x, y, radius, radius * 0.8))
        canvas.tint(shape(*polygons).within(pane), rgb(code), 0.8)
    canvas.tint(shape(ellipse(180, 70, 150, 150)).blurred(60).within(pane), rgb("#fff6dc"), 1.0, "screen")
    frame = rgb("#5b3f31")
    for x in (left, (left + right) / 2, right):
        canvas.tint(box(x - 9, top, x + 9, bottom), frame)
        canvas.tint(box(x - 9, top, x - 5, bottom), mix(frame, GLOW, 0.4))
    canvas.tint(box(left - 9, 168, right + 9, 182), frame)
    canvas.tint(box(left - 34, bottom - 6, right + 34, bottom + 18), mix(frame, GLOW, 0.25))
    for x, size in ((92, 1.0), (432, 0.8)):
        draw_pot(canvas, generator, x, bottom - 6, size)


def draw_pot(canvas: Canvas, generator: np.random.Generator, x: float, y: float, size: float) -> None:
    """A potted plant standing at ``y``."""
    for code in ("#3f6b45", "#5c8f56", "#86b06a"):
        blades = []
        for _ in range(9):
            lean, reach = generator.normal(0, 0.55), generator.uniform(60, 120) * size
            tip = (x + reach * np.sin(lean), y - 40 * size - reach * np.cos(lean))
            bend = ((x + tip[0]) / 2 - 8 * lean, (y - 40 * size + tip[1]) / 2 - 10)
            blades.append(ribbon(curve([(x, y - 36 * size), bend, tip]), 20 * size, 0.3, 1, 0))
        canvas.tint(shape(*blades), rgb(code), 0.95)
    pot = np.array(
        [(x - 28 * size, y - 46 * size), (x + 28 * size, y - 46 * size), (x + 20 * size, y), (x - 20 * size, y)],
        np.float32,
    )
    canvas.tint(shape(pot), linear((x - 28, 0), (x + 28, 0), rgb("#e08a5e"), rgb("#a9553a")))


def draw_shelves(canvas: Canvas, generator: np.random.Generator, left: float, right: float) -> None:
    """Two lit boards with cups, jars, bottles and books."""
    colours = [rgb(c) for c in ("#e9dcc3", "#c96f4a", "#e2b35c", "#7fa39a", "#f2ede2", "#9a4f4a", "#4f6d8f", "#d8a48f")]
    for y in (176, 322):
        glow = shape(ellipse((left + right) / 2, y - 60, (right - left) / 2, 66)).blurred(34)
        canvas.tint(glow, GLOW, 0.42, "screen")
        x = left + 14
        while x < right - 46:
            kind, colour = generator.integers(4), colours[generator.integers(len(colours))]
            lit = linear((x, 0), (x + 44, 0), mix(colour, rgb("#ffffff"), 0.25), mix(colour, NIGHT, 0.3))
            if kind == 0:
                canvas.tint(box(x, y - 40, x + 38, y, 9), lit)
                handle = shape(ellipse(x + 40, y - 22, 12, 12)).without(shape(ellipse(x + 40, y - 22, 7, 7)))
                canvas.tint(handle, mix(colour, NIGHT, 0.2))
                x += 62
            elif kind == 1:
                canvas.tint(box(x, y - 74, x + 26, y, 6), lit)
                canvas.tint(box(x + 8, y - 98, x + 18, y - 70, 3), lit)
                x += 40
            elif kind == 2:
                canvas.tint(box(x, y - 62, x + 44, y, 7), lit, 0.9)
                canvas.tint(box(x + 2, y - 70, x + 42, y - 60, 3), WOOD)
                x += 58
            else:
                for k in range(3):
                    book = colours[generator.integers(len(colours))]
                    tall = generator.uniform(58, 84)
                    canvas.tint(box(x + 15 * k, y - tall, x + 15 * k + 13, y), mix(book, NIGHT, 0.12))
                x += 60
        canvas.tint(
            box(left, y, right, y + 13), linear((0, y), (0, y + 13), mix(WOOD, GLOW, 0.4), mix(WOOD, NIGHT, 0.4))
        )
        canvas.tint(box(left, y + 13, right, y + 40).blurred(9), NIGHT, 0.3)


def draw_wainscot(canvas: Canvas, width: int, height: int) -> None:
    """Wooden panels along the lower wall."""
    top = 470
    canvas.tint(box(0, top, width, height), linear((0, top), (0, height), rgb("#6b4a39"), rgb("#3a2925")))
    for x in range(-20, width, 86):
        canvas.tint(box(x, top, x + 3, height), NIGHT, 0.4)
    canvas.tint(box(0, top - 9, width, top + 4), rgb("#99694a"))


def draw_lamp(canvas: Canvas, x: float, y: float) -> None:
    """A pendant lamp with its glow."""
    canvas.tint(box(x - 1.5, -5, x + 1.5, y - 30), NIGHT, 0.9)
    canvas.tint(shape(ellipse(x, y + 40, 130, 120)).blurred(50), GLOW, 0.62, "screen")
    hood = curve(
        [(x - 50, y + 14), (x - 40, y - 12), (x - 13, y - 30), (x + 13, y - 30), (x + 40, y - 12), (x + 50, y + 14)]
    )
    canvas.tint(shape(hood), linear((x - 50, 0), (x + 50, 0), rgb("#d98a4e"), rgb("#7e4128")))
    canvas.tint(shape(ellipse(x, y + 15, 47, 8)), rgb("#fff3cf"))
    canvas.tint(shape(ellipse(x, y + 21, 17, 15)), rgb("#fffdf0"))


def draw_hanging_plant(canvas: Canvas, generator: np.random.Generator, x: float, y: float) -> None:
    """Trailing leaves from a basket under the ceiling."""
    for code in ("#2f5740", "#4d7d50", "#7ea866"):
        leaves = []
        for _ in range(16):
            side, drop = generator.normal(0, 34), generator.uniform(30, 120)
            line = curve([(x, y + 10), (x + side, y + 20), (x + 1.5 * side, y + drop)])
            leaves.append(ribbon(line, 5, 1, 1, 0.3))
            for px, py in line[4::4]:
                leaves.append(ellipse(px, py, 11, 6.5, generator.uniform(0, 3)))
        canvas.tint(shape(*leaves), rgb(code), 0.9)


def draw_bokeh(canvas: Canvas, generator: np.random.Generator) -> None:
    """Discs of light, as small lamps far out of focus look."""
    for x0, x1, y0, y1, count, code in ((300, 480, 20, 250, 22, "#fff4cf"), (740, 1270, 20, 150, 22, "#ffd08a")):
        for _ in range(count):
            x, y, radius = generator.uniform(x0, x1), generator.uniform(y0, y1), generator.uniform(6, 19)
            disc = shape(ellipse(x, y, radius, radius))
            canvas.tint(disc.blurred(1.5), rgb(code), generator.uniform(0.06, 0.26), "screen")


def draw_table(canvas: Canvas, cups: list[tuple[float, float, str]], top: float) -> None:
    """The table's edge with cups (x, size, colour) standing on it, in front of everybody."""
    height, width = canvas.figure.shape
    wood = linear((0, top), (0, height), rgb("#d39a66"), rgb("#b0713f"), rgb("#7c4a2b"))
    canvas.tint(box(-10, top - 14, width + 10, top).blurred(9), NIGHT, 0.35)
    canvas.solid(box(-10, top, width + 10, height + 10), wood)
    generator = np.random.default_rng(3)
    grain = []
    for _ in range(46):
        x, y = generator.uniform(-100, width), generator.uniform(top + 6, height)
        span = generator.uniform(80, 320)
        grain.append(ribbon(curve([(x, y), (x + span / 2, y + generator.normal(0, 1.5)), (x + span, y)]), 2.0))
    canvas.tint(shape(*grain).blurred(0.6), rgb("#6d3f22"), 0.3)
    canvas.tint(box(-10, top, width + 10, top + 3), rgb("#ffdba6"), 0.6)
    for x, size, code in cups:
        draw_cup(canvas, x, top + 10 + 16 * size, size, rgb(code))


def draw_cup(canvas: Canvas, x: float, y: float, size: float, colour: np.ndarray) -> None:
    """A mug on a saucer with its bottom at ``y``; ``size`` 1 is 84 pixels wide."""
    w, h = 42 * size, 72 * size
    canvas.tint(shape(ellipse(x + 14 * size, y + 4, 1.5 * w, 10 * size)).blurred(7), NIGHT, 0.45)
    saucer = shape(ellipse(x, y + 1, 1.42 * w, 9 * size))
    canvas.solid(
        saucer, linear((x - 1.4 * w, 0), (x + 1.4 * w, 0), mix(colour, rgb("#ffffff"), 0.5), mix(colour, NIGHT, 0.2))
    )
    canvas.tint(saucer.without(saucer.moved(0, -3)), mix(colour, NIGHT, 0.5), 0.5)
    ring = shape(ellipse(x + 1.08 * w, y - 0.56 * h, 0.42 * w, 0.3 * h))
    hole = shape(ellipse(x + 1.1 * w, y - 0.56 * h, 0.25 * w, 0.18 * h))
    canvas.solid(ring.without(hole), mix(colour, NIGHT, 0.22))
    body = curve(
        [
            (x - w, y - h),
            (x - 0.97 * w, y - 0.5 * h),
            (x - 0.8 * w, y - 0.12 * h),
            (x - 0.5 * w, y),
            (x + 0.5 * w, y),
            (x + 0.8 * w, y - 0.12 * h),
            (x + 0.97 * w, y - 0.5 * h),
            (x + w, y - h),
        ]
    )
    mug = shape(body, ellipse(x, y - h, w, 7 * size))
    light = mix(colour, rgb("#ffffff"), 0.5)
    canvas.solid(mug, linear((x - w, 0), (x + w, 0), mix(colour, light, 0.5), light, colour, mix(colour, NIGHT, 0.38)))
    canvas.tint(shape(ellipse(x, y - h, 0.93 * w, 5.2 * size)), mix(colour, NIGHT, 0.4))
    canvas.tint(
        shape(ellipse(x, y - h + 1.2 * size, 0.86 * w, 3.8 * size)),
        linear((x - w, 0), (x + w, 0), rgb("#e6b98a"), rgb("#a9714a")),
    )
    gloss = ribbon(
        curve([(x - 0.66 * w, y - 0.86 * h), (x - 0.64 * w, y - 0.5 * h), (x - 0.52 * w, y - 0.2 * h)]), 7 * size
    )
    canvas.tint(shape(gloss).blurred(1.5 * size), rgb("#ffffff"), 0.55)
