"""Face detection by MediaPipe's full-range detector on LiteRT, over overlapping windows of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from masks.networks import model_path, without_native_messages

INPUT = 192
GRID = 48
MIN_SCORE = 0.5
SAME_FACE_IOU = 0.3


@dataclass(frozen=True)
class PictureWindow:
    """A square, turned cut-out of a picture: centre (x, y) and side in pixels, angle of its x axis in radians."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Map (N, 2) points in [0, 1] of the window to pixels of the picture."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        centred = (np.asarray(points, np.float64) - 0.5) * self.side
        return centred @ np.array([[c, s], [-s, c]]) + (self.x, self.y)


class Pyramid:
    """A picture and its halvings: a cut-out is taken from the level of about the size asked for (no aliasing)."""

    def __init__(self, image: np.ndarray) -> None:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"A picture is a uint8 array (height, width, 3); this one is {image.dtype} {image.shape}.")
        self.levels = [image]
        self.height, self.width = image.shape[:2]

    def cut(self, window: PictureWindow, size: int, flip: bool = False) -> np.ndarray:
        """The window as (size, size, 3) float32 in [0, 1]; black outside the picture; ``flip`` mirrors it."""
        wanted = max(0, int(np.log2(max(window.side / size, 1.0))))
        while len(self.levels) <= wanted and min(self.levels[-1].shape[:2]) > 1:
            last = self.levels[-1]
            half = (max(1, last.shape[1] // 2), max(1, last.shape[0] // 2))
            self.levels.append(cv2.resize(last, half, interpolation=cv2.INTER_AREA))
        level = self.levels[min(wanted, len(self.levels) - 1)]
        corners = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
        source = window.to_picture(corners) * (level.shape[1] / self.width, level.shape[0] / self.height)
        target = corners.copy()
        if flip:
            target[:, 0] = 1 - target[:, 0]
        # OpenCV counts from pixel centres, we from pixel corners
        matrix = cv2.getAffineTransform((source - 0.5).astype(np.float32), (target * size - 0.5).astype(np.float32))
        return cv2.warpAffine(level, matrix, (size, size), flags=cv2.INTER_LINEAR).astype(np.float32) / 255.0


@dataclass(frozen=True)
class FaceBox:
    """A found face: its window (square around the face, upright along the eyes) and the detector's score in [0, 1]."""

    window: PictureWindow
    score: float


class Network:
    """A LiteRT network with one picture as input, on one thread."""

    def __init__(self, name: str) -> None:
        path = str(model_path(name))
        with without_native_messages():
            self._interpreter = Interpreter(model_path=path, num_threads=1)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [d["index"] for d in self._interpreter.get_output_details()]

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        """Run on one (size, size, 3) float32 picture; the outputs without their batch axis."""
        self._interpreter.set_tensor(self._input, image[None])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(i)[0] for i in self._outputs]


class FaceDetector:
    """BlazeFace, full range: one anchor per cell of a 48 x 48 grid, offsets in pixels of the 192 x 192 input."""

    def __init__(self) -> None:
        self._network = Network("face_detection_full_range.tflite")
        cells = (np.arange(GRID) + 0.5) / GRID
        self._anchors = np.stack(np.meshgrid(cells, cells), -1).reshape(-1, 2)

    def detect(self, pyramid: Pyramid, windows: list[PictureWindow]) -> list[FaceBox]:
        """Faces seen in any of the windows, best score first, each once."""
        found = [box for window in windows for box in self._look(pyramid, window)]
        kept: list[FaceBox] = []
        for box in sorted(found, key=lambda b: -b.score):
            if all(overlap(box.window, other.window) < SAME_FACE_IOU for other in kept):
                kept.append(box)
        return kept

    def _look(self, pyramid: Pyramid, window: PictureWindow) -> list[FaceBox]:
        raw, logits = self._network(pyramid.cut(window, INPUT) * 2.0 - 1.0)
        scores = 1.0 / (1.0 + np.exp(-np.clip(logits[:, 0], -100.0, 100.0)))
        boxes = []
        for i in np.flatnonzero(scores >= MIN_SCORE):
            numbers = raw[i].reshape(-1, 2) / INPUT
            centre = numbers[0] + self._anchors[i]
            side = float(numbers[1].max()) * window.side
            right_eye, left_eye = numbers[2:4]
            roll = np.arctan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0])
            x, y = window.to_picture(centre[None])[0]
            boxes.append(FaceBox(PictureWindow(float(x), float(y), side, float(roll + window.angle)), float(scores[i])))
        return boxes


def search_windows(width: int, height: int) -> list[PictureWindow]:
    """Square windows that see both a face filling the picture and one of about 1/25 of its longer side."""
    whole = float(max(width, height))
    windows = [PictureWindow(width / 2, height / 2, whole), PictureWindow(width / 2, height / 2, whole * 1.6)]
    for part in (2, 4):
        side = whole / part
        if side < 96:  # smaller windows would only enlarge the grain
            break
        for y in _starts(height, side):
            windows += [PictureWindow(x + side / 2, y + side / 2, side) for x in _starts(width, side)]
    return windows


def small_windows(width: int, height: int) -> list[PictureWindow]:
    """Windows of an eighth of a large picture's longer side: faces far away."""
    side = max(width, height) / 8
    if side < INPUT:  # the windows of a quarter see them
        return []
    return [
        PictureWindow(x + side / 2, y + side / 2, side) for y in _starts(height, side) for x in _starts(width, side)
    ]


def turned_windows(width: int, height: int) -> list[PictureWindow]:
    """The whole picture seen from other sides: somebody lying down, or a picture without its orientation."""
    side = max(width, height) * 1.2
    return [PictureWindow(width / 2, height / 2, side, float(angle)) for angle in np.radians([-75, 75, 180])]


def overlap(a: PictureWindow, b: PictureWindow) -> float:
    """Intersection over union of two windows, taken as upright squares."""
    reach = (a.side + b.side) / 2
    width, height = (min(reach - abs(gap), a.side, b.side) for gap in (a.x - b.x, a.y - b.y))
    common = max(width, 0.0) * max(height, 0.0)
    return common / (a.side**2 + b.side**2 - common)


def _starts(length: int, side: float) -> list[float]:
    """Starts of windows of ``side`` over ``length`` that overlap by at least a third."""
    if length <= side:
        return [(length - side) / 2]
    count = int(np.ceil((length - side) / (side * 0.67))) + 1
    return list(np.linspace(0, length - side, count))
