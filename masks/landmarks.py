"""Face landmarks by MediaPipe on LiteRT: mesh (468 points) and irises (2 x 5), with our own cropping and read-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from masks.detector import (
    SAME_FACE_IOU,
    FaceDetector,
    Network,
    PictureWindow,
    Pyramid,
    overlap,
    search_windows,
    small_windows,
    turned_windows,
)
from masks.topology import (
    CHIN,
    FOREHEAD_TOP,
    LEFT_EYE_CORNERS,
    LEFT_EYE_RING,
    LEFT_EYE_SKIN,
    LEFT_IRIS,
    NOSE_BRIDGE,
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
SIDE_EYES = 0.55
SIDE_YAW = np.radians(35)
WEAK_SCORE, BETTER_SCORE = 0.8, 0.1
"""The detector sees faces that stand on their head as upright ones too: 0.54 to 0.77 in place of 0.92 to 0.96."""
_TURNED = np.radians(40)
UNREAD_SCORE = 0.6
"""Least score of the detector for a head without readable features; heads in profile measured 0.6 to 0.83."""
UNREAD_OVERLAP = 0.1


@dataclass(frozen=True)
class FaceLandmarks:
    """Landmarks of a face in a picture.

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

    @property
    def height(self) -> float:
        """Pixels from the chin to the top of the forehead: a size that a turn of the head leaves alone."""
        return float(np.linalg.norm(self.points[CHIN, :2] - self.points[FOREHEAD_TOP, :2]))

    @property
    def roll(self) -> float:
        """Tilt in radians, 0 = upright, positive = clockwise in the picture; near pi or -pi = upside down."""
        across = self.eyes[1] - self.eyes[0]
        return float(np.arctan2(across[1], across[0]))

    @property
    def from_the_side(self) -> bool:
        """Whether the head is turned by about 40 degrees or more.

        The network flattens such heads: turned by 20, 40 and 60 degrees they measured a yaw of 12 to 18, 19 to 32 and
        21 to 38, but eyes whose outer corners lie e^0.33, e^0.6 to e^0.8 and e^0.6 to e^1.2 times as far from the
        nose's bridge on one side as on the other.
        """
        bridge = self.points[NOSE_BRIDGE[0], :2]
        near, far = (
            float(np.linalg.norm(self.points[i, :2] - bridge)) for i in (RIGHT_EYE_CORNERS[0], LEFT_EYE_CORNERS[1])
        )
        return abs(np.log(max(near, 1e-3) / max(far, 1e-3))) > SIDE_EYES or abs(self.yaw) > SIDE_YAW


_Scored = tuple[FaceLandmarks, float]
"""A face and the detector's score of it."""


@dataclass(frozen=True)
class Sighting:
    """What a search of a picture found.

    Attributes:
        faces: faces from left to right.
        unread: heads whose features cannot be read: seen from the side, or covered.
    """

    faces: tuple[FaceLandmarks, ...]
    unread: tuple[PictureWindow, ...] = ()


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
        return list(self.search(image, 1).faces)

    def search(self, image: np.ndarray, wanted: int) -> Sighting:
        """Faces of a uint8 (H, W, 3) RGB picture, looked for again in other ways while fewer than ``wanted`` are found.

        The other ways: from other sides (somebody lies down, or the picture does), in small windows, and with its
        contrast evened out.

        Raises:
            ValueError: not a uint8 (H, W, 3) array.
        """
        pyramid = Pyramid(image)
        size = pyramid.width, pyramid.height
        upright = search_windows(*size)
        found, unread = self._detect(pyramid, upright, ())
        if len(found) < wanted:
            found, _ = self._detect(pyramid, turned_windows(*size), found)
        if len(found) < wanted:
            found, more = self._detect(pyramid, small_windows(*size), found)
            unread += more
        if len(found) < wanted:
            found, _ = self._detect(Pyramid(_evened(image)), upright, found)
        for angle in np.radians([90, -90, 180]):
            if len(found) < wanted or any(score < WEAK_SCORE for _, score in found):
                turned = [PictureWindow(w.x, w.y, w.side, float(angle)) for w in upright if 2 * w.side >= max(size)]
                found = _merged(found, self._detect(pyramid, turned, ())[0], len(found) < wanted)
        faces = [face for face, _ in found]
        alone = [w for w in unread if all(overlap(w, face_window(face)) < UNREAD_OVERLAP for face in faces)]
        return Sighting(tuple(sorted(faces, key=lambda f: float(f.eyes[:, 0].mean()))), tuple(alone))

    def detect_upright(self, image: np.ndarray) -> list[FaceLandmarks]:
        """Faces of a uint8 (H, W, 3) RGB picture that one look finds: upright ones, not far away; in any order.

        Raises:
            ValueError: not a uint8 (H, W, 3) array.
        """
        pyramid = Pyramid(image)
        found, _ = self._detect(pyramid, search_windows(pyramid.width, pyramid.height), ())
        return [face for face, _ in found]

    def track(self, image: np.ndarray, previous: FaceLandmarks) -> FaceLandmarks | None:
        """The face of the frame before in this uint8 (H, W, 3) frame; None when it is no longer there.

        Raises:
            ValueError: not a uint8 (H, W, 3) array.
        """
        pyramid = Pyramid(image)
        face = self._read(pyramid, face_window(previous))
        return None if face is None else self._with_eyes(pyramid, face)

    def _detect(
        self, pyramid: Pyramid, windows: list[PictureWindow], known: Sequence[_Scored]
    ) -> tuple[list[_Scored], list[PictureWindow]]:
        """The known faces and those seen in the windows, with the detector's score; and heads the mesh cannot read."""
        found, unread = list(known), []
        for box in self._detector.detect(pyramid, windows):
            face: FaceLandmarks | None = None
            window = PictureWindow(box.window.x, box.window.y, box.window.side * FACE_MARGIN, box.window.angle)
            passes = 2 if abs(window.angle) < _TURNED else 5  # each centres the next; boxes of turned heads lie askew
            for _ in range(passes):
                face = self._read(pyramid, window)
                if face is None:
                    break
                window = face_window(face)
            if face is None:
                if box.score >= UNREAD_SCORE:
                    unread.append(box.window)
                continue
            if face.inter_ocular < MIN_INTER_OCULAR:
                continue
            if all(overlap(window, face_window(other)) < SAME_FACE_IOU for other, _ in found):
                found.append((self._with_eyes(pyramid, face), box.score))
        return found, unread

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


def _merged(found: Sequence[_Scored], turned: Sequence[_Scored], add: bool) -> list[_Scored]:
    """The faces found, those that another way up shows clearly better taken from there; ``add`` takes new ones too."""
    merged = list(found)
    for face, score in turned:
        window = face_window(face)
        same = [i for i, (other, _) in enumerate(merged) if overlap(window, face_window(other)) >= SAME_FACE_IOU]
        if same and all(score > merged[i][1] + BETTER_SCORE for i in same):
            merged = [pair for i, pair in enumerate(merged) if i not in same] + [(face, score)]
        elif not same and add:
            merged.append((face, score))
    return merged


def _evened(image: np.ndarray) -> np.ndarray:
    """The picture with the contrast of its lightness evened out (CLAHE): dark and pale ones show what they hold."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(3.0, (8, 8)).apply(cv2.normalize(lab[..., 0], None, 0, 255, cv2.NORM_MINMAX))
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def face_window(face: FaceLandmarks) -> PictureWindow:
    """Square around the 468 mesh points, upright along the outer eye corners, with the network's margin."""
    mesh = face.points[:468, :2].astype(np.float64)
    outer = mesh[LEFT_EYE_CORNERS[1]] - mesh[RIGHT_EYE_CORNERS[0]]
    angle = float(np.arctan2(outer[1], outer[0]))
    c, s = np.cos(angle), np.sin(angle)
    upright = mesh @ np.array([[c, -s], [s, c]])
    low, high = upright.min(0), upright.max(0)
    x, y = ((low + high) / 2) @ np.array([[c, s], [-s, c]])
    return PictureWindow(float(x), float(y), float((high - low).max()) * FACE_MARGIN, angle)
