"""A photograph's face laid on its own mesh and turned to the side, before a plain head and wall."""

from __future__ import annotations

import cv2
import numpy as np

from masks.landmarks import FaceLandmarks
from masks.mesh_fit import canonical_mesh

WALL = (150, 160, 170)
UNIT = 70.0
"""Pixels between the eyes of the face before it is turned."""


def turned_head(picture: np.ndarray, face: FaceLandmarks, degrees: float, side: int = 512) -> np.ndarray:
    """The face of a picture turned to the right of the picture: uint8 (side, side, 3).

    Depth is the landmarks' own; what a photograph does not show (hair, the back of the head) is a plain ellipse.
    """
    _, triangles = canonical_mesh()
    triangles = triangles[(triangles < 468).all(1)]
    points = face.points[:468].astype(np.float64)
    angle = np.radians(degrees)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    middle = points[[33, 263, 1, 152, 10]].mean(0)
    placed = (points - middle) / face.inter_ocular * UNIT @ turn.T + (side / 2, side / 2, 0)
    canvas = np.full((side, side, 3), WALL, np.uint8)
    _draw_head(canvas, picture, face, turn)
    for corners in triangles[np.argsort(-placed[triangles, 2].mean(1))]:
        _lay(canvas, picture, points[corners, :2], placed[corners, :2])
    return cv2.GaussianBlur(canvas, (0, 0), 0.7)


def _draw_head(canvas: np.ndarray, picture: np.ndarray, face: FaceLandmarks, turn: np.ndarray) -> None:
    """Neck and hair, in the photograph's colours."""
    side, unit = len(canvas), face.inter_ocular
    left, top, right, _ = (max(0, round(edge)) for edge in face.box)
    hair = np.median(picture[max(0, top - round(0.5 * unit)) : top + 1, left:right].reshape(-1, 3), axis=0)
    x, y = face.points[[50, 280, 205, 425], :2].astype(int).T
    skin = np.median(picture[y, x], axis=0)
    sine, cosine = abs(turn[2, 0]), abs(turn[0, 0])
    cv2.ellipse(canvas, (round(side / 2 - 40 * sine), side // 2 + 200), (60, 170), 0, 0, 360, skin.tolist(), -1)
    at = np.array([0, -35, 75.0]) @ turn.T + side / 2
    size = (round(118 * (0.8 * cosine + sine)), 135)
    cv2.ellipse(canvas, (round(at[0]), round(at[1])), size, 0, 0, 360, hair.tolist(), -1)


def _lay(canvas: np.ndarray, picture: np.ndarray, source: np.ndarray, target: np.ndarray) -> None:
    """Copies one triangle (3, 2) of the picture to another place, unless it is turned away."""
    before, after = (np.linalg.det(corners[1:] - corners[0]) for corners in (source, target))
    low, high = np.floor(target.min(0)).astype(int), np.ceil(target.max(0)).astype(int) + 1
    if before * after <= 0 or (low < 0).any() or (high > canvas.shape[1::-1]).any():
        return
    size = (high - low).tolist()
    matrix = cv2.getAffineTransform(source.astype(np.float32), (target - low).astype(np.float32))
    patch = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    inside = np.zeros(size[::-1], np.uint8)
    cv2.fillConvexPoly(inside, np.int32(np.round((target - low) * 16)), 1, cv2.LINE_8, 4)
    canvas[low[1] : high[1], low[0] : high[0]][inside > 0] = patch[inside > 0]
