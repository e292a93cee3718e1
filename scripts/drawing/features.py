"""Eyes, brows, nose, mouth and glasses, each with its named points."""

from __future__ import annotations

import numpy as np

from masks.topology import (
    LEFT_EYE_RING,
    LIPS_INNER_LOWER,
    LIPS_INNER_UPPER,
    LIPS_OUTER,
    RIGHT_EYE_RING,
)
from scripts.drawing.canvas import Canvas, Mask, curve, ellipse, linear, mix, radial, rgb, ribbon, shape
from scripts.drawing.head import HeadFrame, Look, RigPoints

INK = rgb("#2a1713")
EYE_X = 0.5


def eye_lines(look: Look, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower lid lines (N, 2) of one eye from the inner to the outer corner, in face coordinates."""
    tilt, opening = look.eye_tilt, look.eye_open
    inner, outer = (EYE_X - 0.25, 0.045), (EYE_X + 0.265, -0.005 - tilt)
    top = [inner, (EYE_X - 0.15, -0.085 * opening), (EYE_X + 0.0, -0.15 * opening - 0.3 * tilt)]
    top += [(EYE_X + 0.155, -0.105 * opening - 0.7 * tilt), outer]
    low = [
        inner,
        (EYE_X - 0.12, 0.09 * opening),
        (EYE_X + 0.03, 0.115 * opening),
        (EYE_X + 0.165, 0.074 * opening),
        outer,
    ]
    flip = np.array([side, 1], np.float32)
    return curve(top, samples=10) * flip, curve(low, samples=10) * flip


def draw_eye(canvas: Canvas, look: Look, frame: HeadFrame, head: Mask, rig: RigPoints, side: int) -> None:
    """One eye with lids, iris, highlights and lashes; ``side`` -1 is the left one in the picture."""
    base, shade, light, blush = look.skin_tones
    size = frame.size
    x = side * EYE_X
    socket = mix(shade, blush, 0.35)
    canvas.tint(frame.blob(side * 0.3, -0.1, 0.1, 0.13, 0.08).within(head), socket, 0.5)
    canvas.tint(frame.blob(x, -0.17, 0.25, 0.07, 0.06).within(head), socket, 0.42)
    canvas.tint(frame.blob(x + side * 0.02, 0.19, 0.2, 0.045, 0.05).within(head), socket, 0.22)
    canvas.tint(frame.blob(x + side * 0.06, -0.33, 0.2, 0.04, 0.05).within(head), light, 0.4)
    top, low = eye_lines(look, side)
    lift = 0.05
    upper, lower = frame.at(top, lift), frame.at(low, lift)
    opening = shape(np.concatenate([upper, lower[::-1]]))
    centre = frame.at([(x, -0.015)], lift)[0] + np.array([np.sin(frame.yaw) * -0.05 * size, 0], np.float32)
    draw_eyeball(canvas, look, opening, centre, upper, size)
    canvas.tint(shape(ribbon(lower, 0.022 * size, 0.5, 1, 0.6)).blurred(0.006 * size), mix(shade, blush, 0.4), 0.75)
    wet = frame.at(low + np.array([0, -0.012], np.float32), lift)
    canvas.tint(shape(ribbon(wet, 0.014 * size, 0.2, 1, 0.3)), mix(light, blush, 0.25), 0.6)
    crease = frame.at(top * np.array([1, 1.1], np.float32) + np.array([side * 0.005, -0.075], np.float32), lift)
    canvas.tint(shape(ribbon(crease[4:], 0.026 * size, 0.1, 1, 0.2)).blurred(0.007 * size), mix(shade, INK, 0.35), 0.65)
    draw_lashes(canvas, look, frame, top, side, lift)
    mark_eye(rig, upper, lower, centre, 0.132 * size, side)


def mark_eye(
    rig: RigPoints, upper: np.ndarray, lower: np.ndarray, centre: np.ndarray, radius: float, side: int
) -> None:
    """The edge of both lids (lines from the inner corner outwards, in pixels), the pupil and the iris's rim."""
    label, ring = ("right", RIGHT_EYE_RING) if side < 0 else ("left", LEFT_EYE_RING)
    rig.mark_along(ring[:9], lower[::-1])
    rig.mark_along(ring[9:], upper[::-1], 1 / 8, 7 / 8)
    rig.mark(f"{label}_eye_outer", upper[-1])
    rig.mark(f"{label}_eye_inner", upper[0])
    rig.mark(f"{label}_pupil", centre)
    rig.mark(f"{label}_iris_edge", centre + (side * radius, 0))


def draw_eyeball(canvas: Canvas, look: Look, opening: Mask, centre: np.ndarray, upper: np.ndarray, size: float) -> None:
    """White, iris, pupil, the lid's shadow and two highlights, all inside ``opening``."""
    cx, cy = centre
    white = radial((cx, cy), 0.3 * size, rgb("#fffdf8"), rgb("#f6efe9"), rgb("#d9c8c4"))
    canvas.tint(opening, white)
    iris, radius = rgb(look.iris), 0.132 * size
    dark, glow = mix(iris, INK, 0.6), mix(iris, rgb("#fff0cf"), 0.45)
    disc = shape(ellipse(cx, cy, radius, radius)).within(opening)
    canvas.tint(disc, radial((cx, cy), radius, dark, iris, iris, mix(iris, INK, 0.35), mix(iris, INK, 0.75)))
    shine = shape(ellipse(cx + 0.015 * size, cy + 0.5 * radius, 0.62 * radius, 0.38 * radius)).blurred(0.02 * size)
    canvas.tint(shine.within(disc), glow, 0.75)
    canvas.tint(shape(ellipse(cx, cy, 0.45 * radius, 0.45 * radius)).within(opening), rgb("#130c0d"))
    shadow = shape(ribbon(upper + np.array([0, 0.02 * size], np.float32), 0.1 * size, 0.4, 1, 0.4))
    canvas.tint(shadow.blurred(0.018 * size).within(opening), rgb("#4a3242"), 0.5)
    spark = shape(ellipse(cx - 0.36 * radius, cy - 0.36 * radius, 0.29 * radius, 0.25 * radius))
    canvas.tint(spark.within(opening), rgb("#ffffff"), 0.96)
    small = shape(ellipse(cx + 0.42 * radius, cy + 0.4 * radius, 0.13 * radius, 0.12 * radius))
    canvas.tint(small.within(opening), rgb("#ffffff"), 0.7)


def draw_lashes(canvas: Canvas, look: Look, frame: HeadFrame, top: np.ndarray, side: int, lift: float) -> None:
    """The dark line along the upper lid, thicker outside, with a wing; single lashes would stay behind in a blink."""
    size = frame.size
    wing = top[-1] + np.array([[side * 0.03, -0.014], [side * 0.055, -0.034]], np.float32) * look.lashes
    line = frame.at(curve(np.concatenate([top[::5] + np.array([0, -0.008], np.float32), wing]), samples=6), lift)
    strokes = [ribbon(line, (0.034 + 0.014 * look.lashes) * size, 0.25, 1.0, 0.05)]
    if look.lashes > 0.5:
        outer = np.stack([top[-12], top[-5], top[-1], wing[0] + np.array([0, 0.008], np.float32), wing[1]])
        strokes.append(ribbon(frame.at(curve(outer, samples=6), lift), 0.05 * size, 0.2, 1.0, 0.0))
    canvas.tint(shape(*strokes), mix(INK, rgb(look.brow), 0.25))


def draw_brow(canvas: Canvas, look: Look, frame: HeadFrame, rig: RigPoints, side: int) -> None:
    """One eyebrow as a tapered shape with hair strokes."""
    size, weight = frame.size, 0.1 * look.brow_weight
    points = [(0.2, -0.385), (0.42, -0.455), (0.66, -0.465), (0.88, -0.37)]
    middle = curve([(side * x, y) for x, y in points], samples=10)
    line = frame.at(middle, 0.06)
    body = shape(ribbon(line, weight * size, 0.62, 1.0, 0.12)).blurred(0.012 * size)
    colour = rgb(look.brow)
    canvas.tint(body, colour, 0.82)
    generator = np.random.default_rng(11)
    hairs = []
    for t in np.linspace(0.02, 0.93, 26):
        root = middle[int(t * (len(middle) - 1))] + np.array([0, 0.2 * weight * (1 - t)], np.float32)
        lean = np.array(
            [side * (0.03 + 0.06 * t), -0.06 * weight / 0.1 * (1 - t) - 0.004], np.float32
        ) * generator.uniform(0.7, 1.1)
        hairs.append(ribbon(frame.at(np.stack([root, root + lean / 2, root + lean]), 0.06), 0.016 * size, 1, 0.8, 0))
    canvas.tint(shape(*hairs), mix(colour, INK, 0.35), 0.55)
    label = "right" if side < 0 else "left"
    top = frame.at(middle - np.array([0, 0.42 * weight], np.float32), 0.06)
    rig.mark(f"{label}_brow_inner", top[1])
    rig.mark(f"{label}_brow_middle", top[len(top) * 2 // 3])
    rig.mark(f"{label}_brow_outer", line[-1])


def draw_nose(canvas: Canvas, look: Look, frame: HeadFrame, head: Mask, rig: RigPoints) -> None:
    """Bridge, tip, wings and nostrils, mostly by light and shade."""
    base, shade, light, blush = look.skin_tones
    size, w = frame.size, look.nose_width
    warm = mix(shade, blush, 0.25)
    side = [(0.1, -0.2), (0.1, 0.1), (0.13, 0.38), (w + 0.02, 0.6), (w - 0.03, 0.7), (0.08, 0.62), (0.05, 0.2)]
    canvas.tint(shape(frame.at(curve(side, closed=True), 0.14)).blurred(0.045 * size).within(head), warm, 0.5)
    under = [(-w, 0.63), (-0.1, 0.66), (0, 0.69), (0.1, 0.66), (w, 0.63), (0.13, 0.75), (0, 0.78), (-0.13, 0.75)]
    canvas.tint(shape(frame.at(curve(under, closed=True), 0.16)).blurred(0.03 * size).within(head), warm, 0.75)
    canvas.tint(frame.blob(0.02, 0.52, 0.14, 0.12, 0.08, 0.25), blush, 0.3)
    canvas.tint(frame.blob(-0.035, 0.16, 0.035, 0.27, 0.035, 0.18), light, 0.55)
    canvas.tint(frame.blob(-0.04, 0.5, 0.055, 0.05, 0.035, 0.3), mix(light, rgb("#ffffff"), 0.35), 0.75)
    dark = mix(shade, INK, 0.55)
    for s in (-1, 1):
        wing = frame.line(
            [(s * (w - 0.02), 0.5), (s * (w + 0.015), 0.58), (s * (w - 0.005), 0.665), (s * (w - 0.06), 0.69)], 0.12
        )
        canvas.tint(shape(ribbon(wing, 0.028 * size, 0, 1, 0.1)).blurred(0.007 * size), dark, 0.55)
        hole = [(s * 0.045, 0.668), (s * 0.09, 0.648), (s * (w - 0.06), 0.668), (s * 0.09, 0.69)]
        canvas.tint(shape(frame.at(curve(hole, closed=True), 0.2)).blurred(0.009 * size), dark, 0.8)
    rig.mark("nose_bridge", frame.at([(0, -0.07)], 0.14))
    rig.mark("nose_tip", frame.at([(0, 0.56)], 0.3))
    rig.mark("nose_bottom", frame.at([(0, 0.71)], 0.2))
    rig.mark("right_nostril", frame.at([(-w - 0.01, 0.6)], 0.12))
    rig.mark("left_nostril", frame.at([(w + 0.01, 0.6)], 0.12))


def mouth_lines(look: Look) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upper edge, line between the closed lips and lower edge, each (N, 2) from left to right, in face coordinates."""
    full, smile = look.lip_fullness, look.smile
    corner = 1.09 - smile
    seam = [(-0.4, corner), (-0.22, 1.088), (-0.08, 1.1), (0, 1.108), (0.08, 1.1), (0.22, 1.088), (0.4, corner)]
    up = 0.125 * full
    upper = [(-0.4, corner), (-0.25, 1.09 - 0.55 * up), (-0.1, 1.09 - up), (0, 1.09 - 0.78 * up)]
    upper += [(-x, y) for x, y in upper[-2::-1]]
    down = 0.15 * full
    lower = [(-0.4, corner), (-0.24, 1.1 + 0.7 * down), (0, 1.1 + down), (0.24, 1.1 + 0.7 * down), (0.4, corner)]
    return curve(upper), curve(seam), curve(lower)


def draw_mouth(canvas: Canvas, look: Look, frame: HeadFrame, head: Mask, rig: RigPoints) -> None:
    """Closed, relaxed lips with a clear line between them."""
    base, shade, light, blush = look.skin_tones
    size, lift = frame.size, 0.12
    top, seam, low = mouth_lines(look)
    upper, between, lower = (frame.at(line, lift) for line in (top, seam, low))
    dip = frame.blob(0, 0.85, 0.035, 0.07, 0.03, 0.14)
    canvas.tint(dip.within(head), shade, 0.35)
    for s in (-1, 1):
        canvas.tint(frame.blob(s * 0.46, 1.08 - look.smile, 0.05, 0.06, 0.04, lift).within(head), shade, 0.5)
    upper_lip = shape(np.concatenate([upper, between[::-1]]))
    lower_lip = shape(np.concatenate([between, lower[::-1]]))
    up_colour, low_colour = rgb(look.lips[0]), rgb(look.lips[1])
    (_, y_top), (_, y_seam), (_, y_low) = upper.min(axis=0), between[len(between) // 2], lower.max(axis=0)
    canvas.tint(
        upper_lip, linear((0, y_top), (0, y_seam), mix(up_colour, light, 0.18), up_colour, mix(up_colour, INK, 0.25))
    )
    canvas.tint(
        lower_lip, linear((0, y_seam), (0, y_low), mix(low_colour, INK, 0.12), low_colour, mix(low_colour, light, 0.08))
    )
    for x, amount in ((-0.07, 0.55), (0.1, 0.25)):
        spot = frame.blob(x, 1.155 + 0.03 * (look.lip_fullness - 1), 0.09, 0.016, 0.02, lift)
        canvas.tint(spot.within(lower_lip), mix(light, rgb("#ffffff"), 0.4), amount)
    edge = frame.at(top + np.array([0, -0.018], np.float32), lift)
    canvas.tint(shape(ribbon(edge, 0.022 * size)).blurred(0.01 * size), light, 0.4)
    canvas.tint(shape(ribbon(between, 0.026 * size, 0.5, 1, 0.5)), mix(up_colour, INK, 0.68), 0.92)
    rig.mark_along(LIPS_OUTER[:11], upper)
    rig.mark_along((*reversed(LIPS_OUTER[11:]),), lower, 0.1, 0.9)
    rig.mark_along(LIPS_INNER_UPPER, between, 0.04, 0.96)
    rig.mark_along(LIPS_INNER_LOWER[1:-1], between, 0.132, 0.868)
    rig.mark("mouth_right", between[0])
    rig.mark("mouth_left", between[-1])
    rig.mark("upper_lip", upper[len(upper) // 2])
    rig.mark("lower_lip", lower[len(lower) // 2])


def draw_glasses(canvas: Canvas, look: Look, frame: HeadFrame, head: Mask) -> None:
    """Thin round frames that keep clear of the lids, with a faint reflection."""
    size, lift = frame.size, 0.22
    colour = rgb(look.glasses)
    rings = []
    for side in (-1, 1):
        outer = frame.at(ellipse(side * 0.53, 0.055, 0.42, 0.395), lift)
        lens = shape(outer)
        rings.append(lens.without(shape(frame.at(ellipse(side * 0.53, 0.055, 0.384, 0.36), lift))))
        canvas.tint(lens, rgb("#dff1ff"), 0.07, "screen")
    bridge = frame.line([(-0.12, -0.06), (0, -0.11), (0.12, -0.06)], lift + 0.1)
    strokes = [ribbon(bridge, 0.05 * size, 1, 1, 1)]
    for side in (-1, 1):
        ends = [frame.at([(side * 0.93, -0.09)], lift)[0], frame.behind([(side * (look.cheek + 0.01), -0.12)], -0.5)[0]]
        strokes.append(ribbon(np.stack([ends[0], (ends[0] + ends[1]) / 2, ends[1]]), 0.05 * size, 1, 1, 1))
    metal = shape(*strokes).joined(rings[0]).joined(rings[1])
    shadow = metal.moved(0.03 * size, 0.05 * size).blurred(0.025 * size).within(head)
    canvas.tint(shadow, look.skin_tones[1], 0.4)
    canvas.solid(metal, colour)
    glint = metal.without(metal.moved(0.015 * size, 0.018 * size))
    canvas.tint(glint, mix(colour, rgb("#ffffff"), 0.6), 0.7)


def draw_features(canvas: Canvas, look: Look, frame: HeadFrame, head: Mask, rig: RigPoints) -> None:
    """All features of the face, in painting order."""
    draw_nose(canvas, look, frame, head, rig)
    draw_mouth(canvas, look, frame, head, rig)
    for side in (-1, 1):
        draw_eye(canvas, look, frame, head, rig, side)
        draw_brow(canvas, look, frame, rig, side)
