"""The six hair styles: what of each lies behind the head and what frames the face."""

from __future__ import annotations

import numpy as np

from scripts.drawing.canvas import Canvas, Mask, Paint, ellipse, linear, mix, radial, rgb, ribbon, shape
from scripts.drawing.hair import Hairdresser, mirrored
from scripts.drawing.head import HeadFrame, Look

# --- June: a glossy bob with a fringe ---------------------------------------------------------------------------------


def bob_back(hair: Hairdresser) -> None:
    """The bob's mass behind face and neck."""
    right = [(0.7, -1.6), (1.25, -1.1), (1.46, -0.3), (1.5, 0.6), (1.42, 1.35), (1.1, 1.62), (0.6, 1.55)]
    hair.body([(0, -1.78), *right, (0, 1.4), *mirrored(right)[::-1]], shade=1.0)


def bob_front(hair: Hairdresser) -> None:
    """Side curtains and fringe."""
    for flip in (False, True):
        outer = [
            (0.0, -1.78, -0.5),
            (0.78, -1.62, -0.5),
            (1.3, -1.05, -0.5),
            (1.49, -0.2, -0.5),
            (1.52, 0.7, -0.4),
            (1.46, 1.2, -0.35),
            (1.3, 1.5, -0.3),
            (1.0, 1.6, -0.25),
        ]
        inner = [
            (0.0, -1.6, -0.4),
            (0.55, -1.35, -0.2),
            (0.93, -0.9, -0.15),
            (1.02, -0.3, -0.2),
            (1.03, 0.4, -0.25),
            (1.02, 0.9, -0.2),
            (0.97, 1.28, -0.2),
            (0.86, 1.52, -0.2),
        ]
        if flip:
            outer, inner = mirrored(outer), mirrored(inner)
        hair.lock(inner, outer, 90, (0.36, 0.52), 0.5 if flip else 0.3, fill=-0.1)
    left = [(-0.12, -1.8, -0.5), (-0.62, -1.52, -0.2), (-0.94, -1.05, 0.0), (-1.03, -0.52, -0.1)]
    right = [(0.12, -1.8, -0.5), (0.62, -1.52, -0.2), (0.94, -1.05, 0.0), (1.03, -0.52, -0.1)]
    middle_l = [(-0.04, -1.8, -0.5), (-0.2, -1.5, -0.1), (-0.3, -1.05, 0.15), (-0.34, -0.64, 0.2)]
    middle_r = [(0.04, -1.8, -0.5), (0.22, -1.5, -0.1), (0.3, -1.05, 0.15), (0.36, -0.64, 0.2)]
    middle = [(0.0, -1.8, -0.5), (0.0, -1.5, -0.1), (0.01, -1.05, 0.15), (0.02, -0.65, 0.2)]
    for a, b in ((left, middle_l), (middle_l, middle), (middle, middle_r), (middle_r, right)):
        hair.lock(a, b, 60, (0.38, 0.6), 0.55, fill=0.0)


# --- Theo: silver, brushed back from a side parting -------------------------------------------------------------------


def swept_back(hair: Hairdresser) -> None:
    """Short hair behind the ears."""
    right = [(0.9, -1.45), (1.22, -0.9), (1.27, -0.2), (1.2, 0.45), (1.0, 0.8)]
    hair.body([(0, -1.66), *right, (0, 0.6), *mirrored(right)[::-1]], shade=0.8)


def swept_front(hair: Hairdresser) -> None:
    """Sideburns, then waves from the parting over the head."""
    hair.body(
        [(-0.56, -1.04, 0.05), (-1.0, -1.3), (-0.52, -1.62), (0, -1.7), (0.6, -1.55), (0.1, -1.2, 0.0)], shade=0.7
    )
    for flip in (False, True):
        side = [(0.98, -1.0, -0.1), (1.1, -0.6, -0.35), (1.13, -0.2, -0.42), (1.16, 0.2, -0.5)]
        rim = [(1.05, -1.3, -0.5), (1.28, -0.85, -0.5), (1.28, -0.3, -0.5), (1.19, 0.22, -0.5)]
        a, b = (mirrored(side), mirrored(rim)) if flip else (side, rim)
        hair.lock(a, b, 46, (0.1, 0.4), 0.4, fill=-0.35)
    # The small side, left of the parting at x = -0.55.
    hair.lock(
        [(-0.5, -1.04, 0.1), (-0.78, -0.98, 0.0), (-0.98, -0.85, -0.15), (-1.12, -0.55, -0.35)],
        [(-0.52, -1.62, -0.4), (-0.95, -1.5, -0.5), (-1.24, -1.12, -0.5),
         (-1.3, -0.6, -0.5)], 60, (0.2, 0.5), 0.5, fill=-0.1,
    )  # fmt: skip
    # Three broad waves to the right.
    tops = [
        [(-0.56, -1.02, 0.1), (-0.5, -1.5, -0.2), (0.05, -1.86, -0.5), (0.75, -1.72, -0.5), (1.24, -1.16, -0.5),
         (1.31, -0.62, -0.5)],
        [(-0.5, -1.02, 0.12), (-0.38, -1.38, 0.0), (0.1, -1.64, -0.2), (0.68, -1.5, -0.3), (1.14, -1.04, -0.4),
         (1.27, -0.55, -0.45)],
        [(-0.34, -1.02, 0.13), (-0.14, -1.26, 0.1), (0.24, -1.4, 0.0), (0.66, -1.3, -0.1), (1.02, -0.96, -0.25),
         (1.2, -0.5, -0.42)],
        [(-0.1, -1.0, 0.14), (0.12, -1.12, 0.12), (0.36, -1.17, 0.1), (0.66, -1.1, 0.0), (0.92, -0.88, -0.15),
         (1.12, -0.45, -0.4)],
    ]  # fmt: skip
    for k in range(3):
        hair.lock(tops[k], tops[k + 1], 90, (0.16 + 0.03 * k, 0.44 + 0.03 * k), 0.6, fill=0.15 - 0.1 * k)


# --- Nora: a cloud of curls -------------------------------------------------------------------------------------------


def curls_back(hair: Hairdresser) -> None:
    """The cloud's mass: many round puffs behind the head."""
    g, f = hair.generator, hair.frame
    puffs = [f.behind(ellipse(0, -0.42, 1.6, 1.5), -0.6)]
    for angle in np.linspace(-0.3 * np.pi, 1.3 * np.pi, 34):
        reach, radius = 1.6 + 0.06 * g.normal(), g.uniform(0.2, 0.3)
        puffs.append(
            f.behind(ellipse(reach * np.cos(angle), -0.45 - 0.95 * reach * np.sin(angle), radius, radius), -0.6)
        )
    hair.add(shape(*puffs), curl_light(hair))
    ringlets(hair, 420, (0.0, -0.45), (0.85, 1.75), (-0.3 * np.pi, 1.3 * np.pi), -0.6)


def curls_front(hair: Hairdresser) -> None:
    """Puffs that frame the forehead and temples and melt into the cloud."""
    g, f = hair.generator, hair.frame
    puffs = []
    for angle in np.linspace(-0.06 * np.pi, 1.06 * np.pi, 21):
        x, y, radius = 1.17 * np.cos(angle), -0.32 - 0.86 * np.sin(angle), g.uniform(0.13, 0.19)
        depth = -0.05 - 0.4 * abs(np.cos(angle))
        puffs.append(f.behind(ellipse(x, y, radius, radius), depth))
        puffs.append(f.behind(ellipse(1.12 * x, y - 0.16 * np.sin(angle), 0.25, 0.25), depth - 0.1))
        puffs.append(f.behind(ellipse(1.2 * x, y - 0.32 * np.sin(angle), 0.27, 0.27), depth - 0.2))
    hair.add(shape(*puffs), curl_light(hair))
    ringlets(hair, 420, (0.0, -0.35), (0.84, 1.7), (-0.16 * np.pi, 1.16 * np.pi), -0.3)


def curl_light(hair: Hairdresser) -> Paint:
    """Light on the whole cloud, the same for its parts, so that they join."""
    f = hair.frame
    low = mix(hair.dark, hair.dark * hair.dark, 0.4)
    start = (f.x - 1.1 * f.size, f.y - 1.5 * f.size)
    return radial(start, 3.3 * f.size, mix(hair.base, hair.light, 0.5), hair.base, mix(hair.base, hair.dark, 0.7), low)


def ringlets(
    hair: Hairdresser,
    count: int,
    centre: tuple[float, float],
    reach: tuple[float, float],
    span: tuple[float, float],
    depth: float,
) -> None:
    """Small open rings in a ring around the face: dark ones below, then lit ones, more of them towards the window."""
    g, f = hair.generator, hair.frame
    for lit in (False, True):
        rings = []
        for _ in range(count):
            angle, distance = g.uniform(*span), g.uniform(*reach)
            x, y = centre[0] + distance * np.cos(angle), centre[1] - 0.95 * distance * np.sin(angle)
            if lit and g.random() > 0.55 - 0.3 * x - 0.2 * (y + 0.5):
                continue
            radius, begin = g.uniform(0.05, 0.12), g.uniform(0, 2 * np.pi)
            turn = begin + np.linspace(0, g.uniform(2.4, 4.4), 10)
            ring = np.stack([x + radius * np.cos(turn), y + 0.9 * radius * np.sin(turn)], axis=1)
            rings.append(ribbon(f.behind(ring, depth), g.uniform(0.026, 0.05) * f.size, 0.1, 1, 0.1))
        colour, opacity = (hair.light, 0.5) if lit else (hair.dark * 0.6, 0.55)
        hair.canvas.tint(shape(*rings).blurred(0.007 * f.size).within(hair.mask), colour, opacity)


# --- Ravi: a dark, wavy top -------------------------------------------------------------------------------------------


def quiff_back(hair: Hairdresser) -> None:
    """Short hair behind the ears."""
    right = [(0.9, -1.5), (1.2, -0.95), (1.24, -0.3), (1.12, 0.3)]
    hair.body([(0, -1.7), *right, (0, 0.3), *mirrored(right)[::-1]], shade=0.9)


def quiff_front(hair: Hairdresser) -> None:
    """Cropped sides and waves that rise from the forehead and fall over to the right."""
    for flip in (False, True):
        side = [(0.88, -1.08, 0.0), (1.04, -0.75, -0.25), (1.1, -0.35, -0.42), (1.14, 0.22, -0.5)]
        rim = [(1.0, -1.4, -0.5), (1.22, -1.0, -0.5), (1.25, -0.4, -0.5), (1.17, 0.22, -0.5)]
        a, b = (mirrored(side), mirrored(rim)) if flip else (side, rim)
        hair.lock(a, b, 40, (0.1, 0.35), 0.3 if flip else 0.12, fill=-0.35)
    waves = [
        [(-1.0, -0.86, -0.15), (-1.2, -1.12, -0.4), (-1.14, -1.5, -0.5), (-0.7, -1.84, -0.5),
         (-0.05, -1.98, -0.5), (0.62, -1.88, -0.5), (1.06, -1.52, -0.5), (1.18, -1.08, -0.4), (1.02, -0.92, -0.2)],
        [(-0.86, -0.94, -0.05), (-0.98, -1.26, -0.2), (-0.84, -1.55, -0.3), (-0.45, -1.74, -0.3),
         (0.05, -1.76, -0.3), (0.55, -1.64, -0.3), (0.9, -1.34, -0.3), (1.02, -1.0, -0.25), (0.92, -0.86, -0.12)],
        [(-0.66, -1.0, 0.06), (-0.72, -1.24, 0.0), (-0.6, -1.44, -0.1), (-0.3, -1.55, -0.1), (0.06, -1.55, -0.1),
         (0.42, -1.45, -0.1), (0.7, -1.2, -0.1), (0.84, -0.96, -0.1), (0.8, -0.82, -0.05)],
        [(-0.44, -1.04, 0.12), (-0.46, -1.2, 0.1), (-0.36, -1.32, 0.05), (-0.16, -1.38, 0.05),
         (0.08, -1.36, 0.05), (0.32, -1.26, 0.05), (0.52, -1.08, 0.04), (0.64, -0.92, 0.02), (0.62, -0.8, 0.02)],
        [(-0.26, -1.04, 0.15), (-0.24, -1.12, 0.14), (-0.16, -1.16, 0.13), (-0.04, -1.17, 0.13),
         (0.1, -1.14, 0.13), (0.22, -1.07, 0.12), (0.34, -0.97, 0.1), (0.4, -0.88, 0.1), (0.36, -0.8, 0.1)],
    ]  # fmt: skip
    for k in range(4):
        hair.lock(waves[k], waves[k + 1], 90, (0.26, 0.5), 0.4, fill=0.05 - 0.1 * k)


# --- Ingrid: long waves -----------------------------------------------------------------------------------------------


def waves_back(hair: Hairdresser) -> None:
    """The long hair behind neck and shoulders."""
    right = [(0.8, -1.58), (1.34, -0.95), (1.5, 0.0), (1.58, 1.0), (1.5, 1.9), (1.62, 2.4), (1.2, 2.8), (0.5, 2.7)]
    hair.body([(0, -1.76), *right, *mirrored(right)[::-1]], shade=0.9)


def waves_front(hair: Hairdresser) -> None:
    """Two curtains from a middle parting that fall in waves before the shoulders."""
    hair.body(
        [(0.0, -1.12, 0.1), (0.3, -1.3, -0.1), (0.34, -1.66), (0, -1.78), (-0.34, -1.66), (-0.3, -1.3, -0.1)], shade=0.4
    )
    for flip in (False, True):
        rails = [
            [(0.03, -1.1, 0.1), (0.42, -0.98, 0.1), (0.82, -0.6, -0.05), (1.02, 0.05, -0.2), (1.0, 0.8, -0.25),
             (0.92, 1.5, -0.2), (1.06, 2.15, -0.1), (1.02, 2.6, -0.1), (1.18, 2.98, -0.1)],
            [(0.01, -1.35, -0.1), (0.55, -1.25, -0.1), (0.98, -0.8, -0.25), (1.16, -0.05, -0.3),
             (1.17, 0.8, -0.3), (1.1, 1.5, -0.25), (1.26, 2.15, -0.15), (1.18, 2.6, -0.15), (1.22, 3.06, -0.15)],
            [(0.0, -1.62, -0.35), (0.66, -1.48, -0.3), (1.14, -0.95, -0.4), (1.31, -0.1, -0.4),
             (1.35, 0.8, -0.4), (1.3, 1.5, -0.3), (1.46, 2.15, -0.2), (1.36, 2.6, -0.2), (1.27, 3.08, -0.2)],
            [(0.0, -1.78, -0.5), (0.76, -1.62, -0.5), (1.3, -1.02, -0.5), (1.46, -0.1, -0.5), (1.53, 0.8, -0.5),
             (1.48, 1.5, -0.4), (1.64, 2.15, -0.3), (1.54, 2.6, -0.3), (1.32, 3.02, -0.3)],
        ]  # fmt: skip
        for k in range(3):
            a, b = rails[k], rails[k + 1]
            if flip:
                a, b = mirrored(a), mirrored(b)
            hair.lock(a, b, 90, (0.2, 0.36), 0.5 if flip else 0.35, fill=(-0.2, 0.1, -0.1)[k])


# --- Vera: white hair pinned up ---------------------------------------------------------------------------------------


def bun_back(hair: Hairdresser) -> None:
    """The bun on top and the hair behind the ears."""
    hair.body(
        [(0.0, -2.42), (0.42, -2.3), (0.56, -1.95), (0.35, -1.62), (-0.35, -1.62), (-0.56, -1.95), (-0.42, -2.3)], 0.3
    )
    for a, b in (((-0.5, 0.1)), ((0.1, 0.52))):
        hair.lock(
            [(a, -1.66, -0.5), (a * 1.25, -2.0, -0.4), (a * 0.7, -2.36, -0.5)],
            [(b, -1.66, -0.5), (b * 1.25, -2.0, -0.4), (b * 0.7, -2.36, -0.5)], 60, (0.4, 0.75), 0.5,
        )  # fmt: skip
    right = [(0.85, -1.5), (1.26, -0.95), (1.3, -0.2), (1.18, 0.35), (0.8, 0.7)]
    hair.body([(0, -1.72), *right, *mirrored(right)[::-1]], shade=0.8)


def bun_front(hair: Hairdresser) -> None:
    """Hair drawn from the temples up to the bun."""
    hair.body([(0.0, -1.1, 0.1), (0.4, -1.3, -0.1), (0.4, -1.7), (-0.4, -1.7), (-0.4, -1.3, -0.1)], shade=0.5)
    for flip in (False, True):
        rails = [
            [(0.02, -1.08, 0.12), (0.05, -1.35, -0.1), (0.04, -1.72, -0.45)],
            [(0.42, -1.02, 0.1), (0.42, -1.4, -0.15), (0.14, -1.76, -0.45)],
            [(0.76, -0.86, 0.0), (0.86, -1.34, -0.25), (0.26, -1.78, -0.45)],
            [(1.02, -0.5, -0.2), (1.18, -1.1, -0.4), (0.36, -1.78, -0.48)],
            [(1.14, 0.05, -0.42), (1.42, -0.75, -0.5), (1.12, -1.5, -0.5), (0.42, -1.8, -0.5)],
        ]  # fmt: skip
        for k in range(4):
            a, b = rails[k], rails[k + 1]
            if flip:
                a, b = mirrored(a), mirrored(b)
            hair.lock(a, b, 60, (0.22, 0.6), 0.55 if flip else 0.4, fill=(0.1, 0.0, -0.1, -0.2)[k])


BACK = {
    "bob": bob_back, "swept": swept_back, "curls": curls_back, "quiff": quiff_back, "waves": waves_back,
    "bun": bun_back,
}  # fmt: skip
FRONT = {
    "bob": bob_front, "swept": swept_front, "curls": curls_front, "quiff": quiff_front, "waves": waves_front,
    "bun": bun_front,
}  # fmt: skip


def draw_hair_back(canvas: Canvas, look: Look, frame: HeadFrame) -> None:
    """What lies behind head and neck."""
    BACK[look.hair_style](Hairdresser(canvas, look, frame))


def draw_hair_front(canvas: Canvas, look: Look, frame: HeadFrame, head: Mask) -> None:
    """What frames the face, with its shadow on the skin."""
    hair = Hairdresser(canvas, look, frame)
    FRONT[look.hair_style](hair)
    shadow = hair.mask.moved(0.05 * frame.size, 0.09 * frame.size).blurred(0.05 * frame.size)
    shade = look.skin_tones[1]
    canvas.tint(shadow.within(head).without(hair.mask), mix(shade, shade * shade, 0.4), 0.5)
    if look.hair_style == "curls":
        return
    whole = hair.mask.joined(head)
    rim = whole.without(whole.moved(-0.04 * frame.size, 0.03 * frame.size)).blurred(0.015 * frame.size)
    lamps = linear((frame.x, frame.y), (frame.x + frame.size, frame.y), rgb("#000000"), rgb("#ffc98f"))
    canvas.tint(rim.within(hair.mask), lamps, 0.3, "screen")
