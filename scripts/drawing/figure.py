"""One whole character: hair, body, head and features in painting order."""

from __future__ import annotations

from scripts.drawing.canvas import Canvas
from scripts.drawing.clothes import draw_clothes, draw_earrings
from scripts.drawing.features import draw_features, draw_glasses
from scripts.drawing.hairstyles import draw_hair_back, draw_hair_front
from scripts.drawing.head import HeadFrame, Look, RigPoints
from scripts.drawing.skin import draw_ears, draw_head, draw_neck


def draw_figure(canvas: Canvas, look: Look, frame: HeadFrame) -> RigPoints:
    """Paints the character and returns the points of its face; the canvas' figure holds what they cover."""
    rig = RigPoints()
    draw_hair_back(canvas, look, frame)
    draw_neck(canvas, look, frame)
    draw_clothes(canvas, look, frame)
    draw_ears(canvas, look, frame)
    if look.earrings:
        draw_earrings(canvas, look, frame)
    head = draw_head(canvas, look, frame, rig)
    draw_features(canvas, look, frame, head, rig)
    draw_hair_front(canvas, look, frame, head)
    if look.glasses:
        draw_glasses(canvas, look, frame, head)
    return rig
