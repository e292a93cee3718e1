"""Props on and before a drawn face: fingers, microphone, cup, cloth mask, beard, moustache, lipstick."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from masks.landmarks import FaceLandmarks
from masks.topology import LIPS_OUTER
from scripts.drawing.canvas import Canvas, Colour, Mask, curve, ellipse, linear, mix, radial, rgb, ribbon, shape
from scripts.drawing.head import HeadFrame

MOUTH_Y = 1.1
DARK = rgb("#17181b")


def on_photograph(picture: np.ndarray) -> Canvas:
    """A canvas over a uint8 (H, W, 3) picture."""
    canvas = Canvas(picture.shape[1], picture.shape[0])
    canvas.pixels[:] = picture / 255.0
    return canvas


def finished(canvas: Canvas) -> np.ndarray:
    """The canvas as uint8 (H, W, 3)."""
    return (np.clip(canvas.pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


def frame_of(face: FaceLandmarks) -> HeadFrame:
    """Face coordinates for a face that was found, with its mouth at theirs."""
    across = face.eyes[1] - face.eyes[0]
    frame = HeadFrame(0, 0, face.inter_ocular, 0.0, float(np.arctan2(across[1], across[0])))
    x, y = face.points[[61, 291], :2].mean(0) - frame.at([(0, MOUTH_Y)])[0]
    return HeadFrame(float(x), float(y), frame.size, 0.0, frame.roll)


def lips_of(face: FaceLandmarks) -> np.ndarray:
    """(20, 2) outline of the lips of a face that was found, pixels."""
    return face.points[list(LIPS_OUTER), :2]


def draw_fingers(canvas: Canvas, frame: HeadFrame, skin: Colour, count: int = 4, lean: float = 0.0) -> Mask:
    """Fingers of a hand held before the mouth, from below, ``lean`` radians from upright; what they cover."""
    size, covered = frame.size, None
    shade, light = mix(skin, rgb("#5a2416"), 0.5), mix(skin, rgb("#fff3e4"), 0.45)
    palm = _turned(
        curve([(-0.52, 1.5), (0.52, 1.5), (0.6, 2.2), (0.4, 2.9), (-0.4, 2.9), (-0.6, 2.2)], closed=True), lean
    )
    hand = shape(frame.behind(palm, 0.2))
    canvas.tint(hand.moved(0.05 * size, 0.05 * size).blurred(0.06 * size), DARK, 0.35)
    canvas.solid(
        hand, linear(*frame.behind(_turned(np.array([(-0.6, 2.0), (0.6, 2.2)]), lean), 0.2), light, skin, shade)
    )
    for index in range(count):
        x = (index - (count - 1) / 2) * 0.25
        top = 0.82 - 0.1 * np.cos((index - (count - 1) / 2) * 0.9)
        line = _turned(curve([(x * 0.9, 1.75), (x, 1.35), (x * 1.05, top)]), lean)
        finger = shape(ribbon(frame.behind(line, 0.2), 0.25 * size, 1, 1, 0.7), _tip(frame, line[-1], 0.105))
        canvas.tint(finger.moved(0.03 * size, 0.03 * size).blurred(0.03 * size), DARK, 0.4)
        edges = frame.behind(_turned(np.array([(x - 0.13, 1.2), (x + 0.13, 1.2)]), lean), 0.2)
        canvas.solid(finger, linear(*edges, mix(skin, shade, 0.4), light, skin, shade))
        nail = shape(frame.behind(_turned(ellipse(x * 1.05, top + 0.03, 0.07, 0.09), lean), 0.2))
        canvas.tint(nail.blurred(0.012 * size), mix(light, rgb("#e9a59a"), 0.4), 0.8)
        covered = finger if covered is None else covered.joined(finger)
    return hand if covered is None else hand.joined(covered)


def draw_microphone(canvas: Canvas, frame: HeadFrame, y: float = 1.25) -> Mask:
    """A hand microphone whose head is before the mouth, its middle ``y`` below the eyes; what it covers."""
    size = frame.size
    handle = shape(frame.behind([(-0.2, y), (0.2, y), (0.13, y + 2.2), (-0.13, y + 2.2)], 0.3))
    left, right = frame.behind([(-0.2, y), (0.2, y)], 0.3)
    canvas.solid(handle, linear(left, right, rgb("#34363b"), rgb("#75787f"), DARK))
    ball = shape(frame.behind(ellipse(0, y, 0.42, 0.46), 0.3))
    canvas.tint(ball.moved(0.06 * size, 0.06 * size).blurred(0.06 * size), DARK, 0.4)
    centre = frame.behind([(-0.12, y - 0.16)], 0.3)[0]
    canvas.solid(ball, radial(centre, 0.62 * size, rgb("#a6a9b0"), rgb("#5a5d64"), rgb("#1d1e22")))
    for offset in np.arange(-0.8, 0.81, 0.08):
        for slope in (-1, 1):
            wire = np.array([(offset - 0.5, y - 0.5 * slope), (offset + 0.5, y + 0.5 * slope)])
            canvas.tint(shape(ribbon(frame.behind(wire, 0.3), 0.02 * size, 1, 1, 1)).within(ball), DARK, 0.55)
    return ball.joined(handle)


def draw_cup(canvas: Canvas, frame: HeadFrame, colour: Colour) -> Mask:
    """A cup at the lips; what it covers."""
    outline = [(-0.55, 0.98), (0.55, 0.98), (0.45, 1.95), (-0.45, 1.95)]
    cup = shape(frame.behind(outline, 0.3))
    left, right = frame.behind([(-0.55, 1.3), (0.55, 1.3)], 0.3)
    canvas.tint(cup.moved(0.05 * frame.size, 0.05 * frame.size).blurred(0.05 * frame.size), DARK, 0.35)
    canvas.solid(cup, linear(left, right, mix(colour, DARK, 0.15), colour, mix(colour, DARK, 0.5)))
    rim = shape(frame.behind(ellipse(0, 0.98, 0.55, 0.07), 0.3))
    canvas.solid(rim, mix(colour, rgb("#ffffff"), 0.5))
    return cup.joined(rim)


def draw_cloth_mask(canvas: Canvas, frame: HeadFrame, colour: Colour) -> Mask:
    """A cloth mask over nose, mouth and chin; what it covers."""
    outline = [(-0.95, 0.5), (-0.45, 0.36), (0, 0.3), (0.45, 0.36), (0.95, 0.5), (0.85, 1.2), (0.45, 1.82), (0, 1.95)]
    outline += [(-0.45, 1.82), (-0.85, 1.2)]
    cloth = shape(frame.at(curve(outline, closed=True), 0.1))
    left, right = frame.at([(-0.9, 1.0), (0.9, 1.0)], 0.1)
    canvas.solid(cloth, linear(left, right, mix(colour, rgb("#ffffff"), 0.35), colour, mix(colour, DARK, 0.35)))
    for y in (0.75, 1.05, 1.35):
        fold = frame.at(curve([(-0.85, y - 0.02), (0, y + 0.06), (0.85, y - 0.02)]), 0.1)
        canvas.tint(shape(ribbon(fold, 0.03 * frame.size, 1, 1, 1)).within(cloth), DARK, 0.25)
    return cloth


def draw_beard(canvas: Canvas, frame: HeadFrame, colour: Colour, lips: np.ndarray, seed: int = 0) -> None:
    """A full beard of single hairs around lips whose outline is (N, 2) pixels and which stay free."""
    _hairs(canvas, frame, colour, np.random.default_rng(seed), 2600, _in_beard, lips)


def draw_moustache(canvas: Canvas, frame: HeadFrame, colour: Colour, lips: np.ndarray, seed: int = 0) -> None:
    """A moustache that hangs over the upper half of lips whose outline is (N, 2) pixels."""
    low = lips[:, 1] > lips[:, 1].mean()
    half = np.where(low[:, None], lips, (lips + [0, 0.6 * np.ptp(lips[:, 1])]))
    _hairs(canvas, frame, colour, np.random.default_rng(seed), 700, _in_moustache, half)


def draw_shadow(canvas: Canvas, frame: HeadFrame, strength: float = 0.55) -> None:
    """A hard shadow over half of the lower face, as a hat or a neighbour casts it."""
    edge = shape(frame.at([(-1.4, 0.9), (0.1, 0.75), (0.3, 2.4), (-1.4, 2.4)], 0.05)).blurred(0.02 * frame.size)
    canvas.tint(edge, np.full(3, 1 - strength, np.float32), 1.0, "multiply")


def _tip(frame: HeadFrame, at: np.ndarray, radius: float) -> np.ndarray:
    return frame.behind(ellipse(float(at[0]), float(at[1]), radius, radius), 0.2)


def _turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Points (N, 2) of the face turned about the mouth."""
    c, s = np.cos(angle), np.sin(angle)
    middle = np.array([0, MOUTH_Y + 0.3])
    return (np.asarray(points) - middle) @ np.array([[c, s], [-s, c]]) + middle


def _in_beard(x: float, y: float) -> bool:
    outer = 0.35 < y < 1.95 - 0.35 * x * x and abs(x) < 1.0 - 0.25 * max(0.0, y - 1.0)
    return outer and not (abs(x) < 0.72 and y < 0.82 + 0.2 * max(0.0, 0.5 - abs(x)))


def _in_moustache(x: float, y: float) -> bool:
    return abs(x) < 0.46 and 0.8 < y + 0.12 * x * x < 0.98


def _hairs(
    canvas: Canvas, frame: HeadFrame, colour: Colour, generator: np.random.Generator, count: int,
    grows: Callable[[float, float], bool], free: np.ndarray,
) -> None:  # fmt: skip
    """Single hairs where ``grows`` says so of face coordinates, none over the outline ``free``."""
    strokes: list[list[np.ndarray]] = [[], [], []]
    made = 0
    while made < count:
        x, y = generator.uniform(-1.05, 1.05), generator.uniform(0.3, 2.0)
        if grows(x, y):
            made += 1
            down = np.array([0.25 * x + generator.normal(0, 0.12), 1.0]) * 0.15 * generator.uniform(0.5, 1.0)
            root = np.array([x, y])
            line = frame.at(np.stack([root, root + down / 2, root + down]), 0.08)
            strokes[made % 3].append(ribbon(line, 0.028 * frame.size, 1, 0.8, 0))
    bare = shape(free)
    for part, paint in zip(strokes, (mix(colour, DARK, 0.4), colour, mix(colour, rgb("#ffffff"), 0.2)), strict=True):
        for start in range(0, len(part), 300):
            canvas.tint(shape(*part[start : start + 300]).without(bare), paint, 0.75)
