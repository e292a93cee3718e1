"""Head, ears and neck: the skin with its light and shade."""

from __future__ import annotations

import numpy as np

from scripts.drawing.canvas import Canvas, Mask, curve, ellipse, linear, mix, radial, rgb, ribbon, shape
from scripts.drawing.head import HeadFrame, Look, RigPoints, face_outline, tone

RIM = rgb("#ffb978")


def draw_neck(canvas: Canvas, look: Look, frame: HeadFrame) -> Mask:
    """Neck and upper chest down to the collar, with the shadow the head casts on it."""
    base, shade, light, _ = look.skin_tones
    w = look.neck
    right = [(w + 0.02, 0.9, -0.5), (w, 1.7, -0.5), (w + 0.02, 2.1, -0.5), (w + 0.22, 2.42, -0.5), (1.25, 2.7, -0.5)]
    left = [(-x, y, z) for x, y, z in right[::-1]]
    upright = HeadFrame(frame.x, frame.y, frame.size, frame.yaw * 0.4, frame.roll * 0.35)
    outline = upright.place(curve([*right, (0.6, 3.3, -0.5), (-0.6, 3.3, -0.5), *left]))
    neck = shape(outline)
    size = frame.size
    paint = linear((frame.x - size, frame.y), (frame.x + size, frame.y), tone(look, 0.15), tone(look, -0.25), shade)
    canvas.solid(neck, paint)
    head = shape(frame.place(curve(face_outline(look), closed=True)))
    cast = head.moved(0.1 * size, 0.3 * size).blurred(0.09 * size).within(neck)
    canvas.tint(cast, mix(shade, shade * shade, 0.55), 0.62)
    muscle = upright.behind(curve([(0.5, 1.75), (0.3, 2.2), (0.1, 2.5)]), -0.4)
    canvas.tint(shape(ribbon(muscle, 0.1 * size, 0.2, 1, 0)).blurred(0.04 * size).within(neck), shade, 0.45)
    muscle = upright.behind(curve([(-0.48, 1.8), (-0.28, 2.2), (-0.08, 2.5)]), -0.4)
    canvas.tint(shape(ribbon(muscle, 0.06 * size, 0.2, 1, 0)).blurred(0.03 * size).within(neck), light, 0.25)
    return neck


def draw_ears(canvas: Canvas, look: Look, frame: HeadFrame) -> None:
    """Both ears; hair may cover them later."""
    base, shade, light, blush = look.skin_tones
    for side in (-1, 1):
        x = side * (look.cheek + 0.03)
        rim = [(x - side * 0.1, -0.2), (x + side * 0.08, -0.3), (x + side * 0.2, -0.12), (x + side * 0.15, 0.2)]
        rim += [(x + side * 0.05, 0.47), (x - side * 0.08, 0.5), (x - side * 0.14, 0.2)]
        ear = shape(frame.behind(curve(rim, closed=True), -0.6))
        canvas.solid(ear, mix(tone(look, 0.1 if side < 0 else -0.35), blush, 0.22))
        bowl = shape(frame.behind(ellipse(x + side * 0.04, 0.05, 0.07, 0.2, side * 0.15), -0.6))
        canvas.tint(bowl.blurred(0.03 * frame.size).within(ear), mix(shade, blush, 0.4), 0.7)
        fold = frame.behind(curve([(x - side * 0.02, -0.2), (x + side * 0.12, -0.15), (x + side * 0.1, 0.2)]), -0.6)
        canvas.tint(shape(ribbon(fold, 0.05 * frame.size)).blurred(0.012 * frame.size).within(ear), light, 0.4)


def draw_head(canvas: Canvas, look: Look, frame: HeadFrame, rig: RigPoints) -> Mask:
    """The face's skin without features, shaded by light from the left and a warm rim from the right."""
    base, shade, light, blush = look.skin_tones
    size = frame.size
    outline = frame.place(curve(face_outline(look), closed=True))
    head = shape(outline)
    left, right = outline[:, 0].min(), outline[:, 0].max()
    sides = linear((left, frame.y), (right, frame.y + 0.5 * size), tone(look, 0.45), base, base, tone(look, -0.5))
    canvas.solid(head, sides)

    def on_face(mask: Mask) -> Mask:
        return mask.within(head)

    window = radial((left - 0.3 * size, frame.y - 0.6 * size), 2.6 * size, rgb("#ffdfae"), rgb("#000000"))
    canvas.tint(head, window, 0.22, "screen")
    turned = head.without(head.moved(-0.3 * size, -0.14 * size).blurred(0.16 * size))
    canvas.tint(on_face(turned.blurred(0.06 * size)), mix(shade, blush, 0.15), 0.6)
    canvas.tint(on_face(frame.blob(-0.3, -0.72, 0.5, 0.22, 0.2)), light, 0.55)
    canvas.tint(on_face(frame.blob(-0.74, 0.45, 0.22, 0.16, 0.14, turn=-0.5)), light, 0.6)
    canvas.tint(on_face(frame.blob(0.66, 0.42, 0.16, 0.12, 0.12, turn=0.5)), light, 0.25)
    for x, amount in ((-0.72, 0.36), (0.7, 0.42)):
        canvas.tint(on_face(frame.blob(x, 0.66, 0.24, 0.17, 0.15)), blush, amount)
    canvas.tint(on_face(frame.blob(-0.04, look.chin_y - 0.27, 0.15, 0.1, 0.09)), light, 0.4)
    canvas.tint(on_face(frame.blob(0.0, 1.36, 0.2, 0.045, 0.05)), shade, 0.55)
    rim = head.without(head.moved(-0.045 * size, 0.0).blurred(0.02 * size))
    canvas.tint(on_face(rim), RIM, 0.5, "screen")
    if look.freckles:
        draw_freckles(canvas, look, frame, head)
    if look.age > 0:
        draw_age(canvas, look, frame, head)
    mark_outline(look, frame, rig)
    return head


def draw_freckles(canvas: Canvas, look: Look, frame: HeadFrame, head: Mask) -> None:
    """Freckles over nose and cheeks."""
    generator = np.random.default_rng(5)
    spots = []
    for _ in range(70):
        x = generator.normal(0, 0.42)
        y = 0.42 + 0.1 * generator.normal() + 0.1 * abs(x)
        radius = generator.uniform(0.008, 0.02)
        if abs(x) < 0.95 and y > 0.25:
            spots.append(frame.at(ellipse(x, y, radius, radius * 0.85), 0.1))
    canvas.tint(shape(*spots).within(head), mix(look.skin_tones[1], look.skin_tones[3], 0.3), 0.45)


def draw_age(canvas: Canvas, look: Look, frame: HeadFrame, head: Mask) -> None:
    """Soft lines of age beside the eyes, on the forehead and from the nose downwards, well clear of the lips."""
    shade = mix(look.skin_tones[1], look.skin_tones[3], 0.2)
    lines = []
    for side in (-1, 1):
        for k in range(3):
            y = 0.0 + 0.075 * k
            lines.append([(side * 0.84, y), (side * 0.92, y + 0.02 * (k - 1)), (side * 0.99, y + 0.05 * (k - 0.7))])
        lines.append([(side * 0.3, 0.66), (side * 0.46, 0.8), (side * 0.55, 1.0)])
        lines.append([(side * 0.34, 0.22), (side * 0.5, 0.27), (side * 0.66, 0.23)])
    for y in (-0.7, -0.86):
        lines.append([(-0.42, y + 0.03), (-0.15, y), (0.15, y), (0.42, y + 0.03)])
    strokes = shape(*[ribbon(frame.line(points), 0.035 * frame.size) for points in lines])
    canvas.tint(strokes.blurred(0.012 * frame.size).within(head), shade, 0.6 * look.age)
    canvas.tint(strokes.moved(0, 0.03 * frame.size).blurred(0.02 * frame.size).within(head), look.skin_tones[2], 0.25)


OUTLINE = {
    "cheek": (1.14, 0.32), (132, 361): (1.07, 0.86), "jaw": (0.89, 1.37), (150, 379): (0.63, 1.68),
    (176, 400): (0.36, 1.87),
}  # fmt: skip
"""Where the face mesh itself has these points of its outline (x, y in inter-ocular distances), by name or numbers."""


def mark_outline(look: Look, frame: HeadFrame, rig: RigPoints) -> None:
    """Points of the face's outline and the forehead; mesh points go where their direction meets the drawn outline."""
    outline = curve(face_outline(look), closed=True)
    directions = np.arctan2(outline[:, 1] - 0.6, outline[:, 0])
    for key, (x, y) in OUTLINE.items():
        for side, number in ((-1, 0), (1, 1)):
            name = f"{('right', 'left')[number]}_{key}" if isinstance(key, str) else key[number]
            gap = directions - np.arctan2(y - 0.6, side * x)
            nearest = int(np.argmin(np.abs((gap + np.pi) % (2 * np.pi) - np.pi)))
            rig.mark(name, frame.place(outline[nearest : nearest + 1]))
    chin = int(np.argmax(outline[:, 1]))
    rig.mark("chin", frame.place(outline[chin : chin + 1]))
    rig.mark("forehead", frame.at([(0.0, -0.95)]))
    rig.mark("right_forehead", frame.place(np.array([[-1.0, -0.63, -0.3]])))
    rig.mark("left_forehead", frame.place(np.array([[1.0, -0.63, -0.3]])))
