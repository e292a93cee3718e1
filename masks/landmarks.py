"""Face landmarks by MediaPipe on LiteRT: mesh (468 points) and irises (2 x 5), with our own cropping and read-out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from masks.detector import (
    SAME_FACE_IOU,
    FaceDetector,
    Network,
    PictureWindow,
    Pyramid,
    overlap,
    search_windows,
    turned_windows,
)
from masks.topology import (
    LEFT_EYE_CORNERS,
    LEFT_EYE_RING,
    LEFT_EYE_SKIN,
    LEFT_IRIS,
    RIGHT_EYE_CORNERS,
    RIGHT_EYE_RING,
    RIGHT_EYE_SKIN,
    RIGHT_IRIS,
)

MESH_INPUT = 192
IRIS_INPUT = 64
FACE_MARGIN = 1.5
EYE_MARGIN = 2.3
MIN_SCORE = 0.5
MIN_INTER_OCULAR = 6.0
N_POINTS = 478


@dataclass(frozen=True)
class FaceLandmarks:
    """One face in one picture.

    Attributes:
        points: (478, 3) float32, x (right) and y (down) in pixels of the picture, pixel centres at integer + 0.5; z on
            the scale of x, negative = nearer to the viewer. Indices of MediaPipe's face mesh, see ``masks.topology``.
        score: 0..1, how sure it is that this is a face.

    Raises:
        ValueError: wrong shape or a number that is not finite.
    """

    points: np.ndarray
    score: float = 1.0

    def __post_init__(self) -> None:
        points = np.ascontiguousarray(self.points, dtype=np.float32)
        if points.shape != (N_POINTS, 3) or not np.isfinite(points).all():
            raise ValueError(
                f"A face needs ({N_POINTS}, 3) finite landmark coordinates; these have shape {points.shape}."
            )
        object.__setattr__(self, "points", points)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Smallest upright box (x0, y0, x1, y1) in pixels around the landmarks."""
        low, high = self.points[:, :2].min(0), self.points[:, :2].max(0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def eyes(self) -> np.ndarray:
        """(2, 2) middle of the eye corners in pixels, the person's right eye (left in the picture) first."""
        return np.stack([self.points[list(c), :2].mean(0) for c in (RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS)])

    @property
    def inter_ocular(self) -> float:
        """Pixels between the middles of the two eyes."""
        return float(np.linalg.norm(self.eyes[1] - self.eyes[0]))

    @property
    def yaw(self) -> float:
        """Turn of the head in radians, 0 = towards the viewer, positive = towards the right of the picture."""
        across = self.points[454].astype(np.float64) - self.points[234]
        return float(np.arctan2(across[2], np.hypot(*across[:2])))


class FaceLandmarker:
    """Landmarks of all faces in a picture (``detect``) and of one face from frame to frame (``track``)."""

    def __init__(self) -> None:
        self._detector = FaceDetector()
        self._mesh = Network("face_landmark.tflite")
        self._iris = Network("iris_landmark.tflite")

    def detect(self, image: np.ndarray) -> list[FaceLandmarks]:
        """Faces of a uint8 (H, W, 3) RGB picture, left to right by the middle between the eyes.

        Raises:
            ValueError: not a uint8 (H, W, 3) array.
        """
        pyramid = Pyramid(image)
        found = self._detect(pyramid, search_windows(pyramid.width, pyramid.height))
        if not found:
            found = self._detect(pyramid, turned_windows(pyramid.width, pyramid.height))
        return sorted(found, key=lambda f: float(f.eyes[:, 0].mean()))

    def track(self, image: np.ndarray, previous: FaceLandmarks) -> FaceLandmarks | None:
        """The face of the frame before in this uint8 (H, W, 3) frame; None when it is no longer there.

        Raises:
            ValueError: not a uint8 (H, W, 3) array.
        """
        pyramid = Pyramid(image)
        face = self._read(pyramid, _window_of(previous))
        return None if face is None else self._with_eyes(pyramid, face)

    def _detect(self, pyramid: Pyramid, windows: list[PictureWindow]) -> list[FaceLandmarks]:
        faces: list[FaceLandmarks] = []
        for box in self._detector.detect(pyramid, windows):
            face: FaceLandmarks | None = None
            window = PictureWindow(box.window.x, box.window.y, box.window.side * FACE_MARGIN, box.window.angle)
            for _ in range(2):  # the first pass centres the second
                face = self._read(pyramid, window)
                if face is None:
                    break
                window = _window_of(face)
            if face is None or face.inter_ocular < MIN_INTER_OCULAR:
                continue
            if all(overlap(window, _window_of(other)) < SAME_FACE_IOU for other in faces):
                faces.append(self._with_eyes(pyramid, face))
        return faces

    def _read(self, pyramid: Pyramid, window: PictureWindow) -> FaceLandmarks | None:
        raw, logit = self._mesh(pyramid.cut(window, MESH_INPUT))
        score = float(1.0 / (1.0 + np.exp(-logit.ravel()[0])))
        if score < MIN_SCORE:
            return None
        mesh = raw.reshape(-1, 3) / MESH_INPUT
        points = np.zeros((N_POINTS, 3))
        points[:468] = np.column_stack([window.to_picture(mesh[:, :2]), mesh[:, 2] * window.side])
        return FaceLandmarks(points, score)

    def _with_eyes(self, pyramid: Pyramid, face: FaceLandmarks) -> FaceLandmarks:
        """The face with eyelids and irises read from a closer look at each eye (the network knows eyes of one side)."""
        points = face.points.copy()
        for corners, around, iris, flip in (
            (RIGHT_EYE_CORNERS, RIGHT_EYE_RING + RIGHT_EYE_SKIN, RIGHT_IRIS, False),
            (LEFT_EYE_CORNERS, LEFT_EYE_RING + LEFT_EYE_SKIN, LEFT_IRIS, True),
        ):
            a, b = points[list(corners), :2]
            middle, length = (a + b) / 2, float(np.linalg.norm(b - a))
            angle = float(np.arctan2(b[1] - a[1], b[0] - a[0]))
            window = PictureWindow(float(middle[0]), float(middle[1]), max(length, 1.0) * EYE_MARGIN, angle)
            for indices, raw in zip((around, iris), self._iris(pyramid.cut(window, IRIS_INPUT, flip)), strict=True):
                read = raw.reshape(-1, 3)[: len(indices), :2] / IRIS_INPUT
                if flip:
                    read[:, 0] = 1 - read[:, 0]
                # the outermost ring goes half way, so that the skin further out follows without a step
                share = np.where(np.arange(len(indices)) < 32, 1.0, 0.5)[:, None]
                old = points[list(indices), :2]
                points[list(indices), :2] = old + share * (window.to_picture(read) - old)
            points[list(iris), 2] = points[list(around[:16]), 2].mean()
        return FaceLandmarks(points, face.score)


def _window_of(face: FaceLandmarks) -> PictureWindow:
    """Square around the 468 mesh points, upright along the outer eye corners, with the network's margin."""
    mesh = face.points[:468, :2].astype(np.float64)
    outer = mesh[LEFT_EYE_CORNERS[1]] - mesh[RIGHT_EYE_CORNERS[0]]
    angle = float(np.arctan2(outer[1], outer[0]))
    c, s = np.cos(angle), np.sin(angle)
    upright = mesh @ np.array([[c, -s], [s, c]])
    low, high = upright.min(0), upright.max(0)
    x, y = ((low + high) / 2) @ np.array([[c, s], [-s, c]])
    return PictureWindow(float(x), float(y), float((high - low).max()) * FACE_MARGIN, angle)
