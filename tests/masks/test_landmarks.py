"""Faces are found where they are, from all sides and sizes, and followed from frame to frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from matplotlib.cbook import get_sample_data
from PIL import Image

from masks import networks, topology
from masks.detector import PictureWindow, Pyramid, overlap
from masks.landmarks import FaceLandmarker, FaceLandmarks

PUPILS = np.array([[203.7, 101.5], [246.5, 103.7]])
"""Middle of the astronaut's pupils in pixels, read off the enlarged photograph."""
MOUTH_CORNERS = np.array([[200.0, 137.5], [246.5, 139.5]])


@pytest.fixture(scope="module")
def landmarker() -> FaceLandmarker:
    return FaceLandmarker()


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return np.ascontiguousarray(skimage.data.astronaut())


@pytest.fixture(scope="module")
def pair(astronaut: np.ndarray) -> np.ndarray:
    with get_sample_data("grace_hopper.jpg") as file:
        hopper = np.asarray(Image.open(file).convert("RGB"))
    return np.hstack([cv2.resize(im, (512, 600), interpolation=cv2.INTER_AREA) for im in (hopper, astronaut)])


def irises(face: FaceLandmarks) -> np.ndarray:
    return face.points[[topology.RIGHT_IRIS[0], topology.LEFT_IRIS[0]], :2]


def test_points_lie_on_the_features(landmarker: FaceLandmarker, astronaut: np.ndarray) -> None:
    (face,) = landmarker.detect(astronaut)
    assert face.score > 0.9
    np.testing.assert_allclose(irises(face), PUPILS, atol=1.5)
    np.testing.assert_allclose(face.points[[61, 291], :2], MOUTH_CORNERS, atol=3.0)
    assert abs(face.inter_ocular - 42) < 2
    assert abs(face.yaw) < 0.1
    upper = face.points[list(topology.LIPS_INNER_UPPER[1:-1]), 1]
    lower = face.points[list(topology.LIPS_INNER_LOWER[1:-1]), 1]
    assert (lower > upper).all()  # she smiles with her teeth showing
    x0, y0, x1, y1 = face.box
    assert x0 < PUPILS[0, 0] < PUPILS[1, 0] < x1
    assert y0 < PUPILS[0, 1] < MOUTH_CORNERS[0, 1] < y1


def test_eye_rings_hold_the_irises(landmarker: FaceLandmarker, astronaut: np.ndarray) -> None:
    (face,) = landmarker.detect(astronaut)
    for ring, iris in ((topology.LEFT_EYE, topology.LEFT_IRIS), (topology.RIGHT_EYE, topology.RIGHT_IRIS)):
        polygon = face.points[list(ring), :2]
        centre = face.points[iris[0], :2]
        assert cv2.pointPolygonTest(polygon, tuple(map(float, centre)), False) > 0
        rim = face.points[list(iris[1:]), :2] - centre
        np.testing.assert_allclose(np.linalg.norm(rim, axis=1), 0.09 * face.inter_ocular, rtol=0.3)
        towards_nose, top, away, bottom = rim
        assert top[1] < 0 < bottom[1]
        assert towards_nose[0] * (1 if iris is topology.RIGHT_IRIS else -1) > 0 > towards_nose @ away


def test_two_people_come_left_to_right(landmarker: FaceLandmarker, pair: np.ndarray) -> None:
    faces = landmarker.detect(pair)
    assert len(faces) == 2
    assert faces[0].box[2] < 512 < faces[1].box[0]
    mirrored = landmarker.detect(np.ascontiguousarray(pair[:, ::-1]))
    assert len(mirrored) == 2
    np.testing.assert_allclose(1024 - irises(mirrored[1])[::-1, 0], irises(faces[0])[:, 0], atol=3)


def test_small_faces_in_a_large_picture(landmarker: FaceLandmarker, pair: np.ndarray) -> None:
    small = cv2.resize(pair, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    picture = np.full((1000, 1600, 3), 120, np.uint8)
    picture[600:750, 900 : 900 + small.shape[1]] = small
    faces = landmarker.detect(picture)
    expected = [irises(f) * 0.25 + (900, 600) for f in landmarker.detect(pair)]
    assert len(faces) == 2
    for face, pupils in zip(faces, expected, strict=True):
        np.testing.assert_allclose(irises(face), pupils, atol=1.5)


@pytest.mark.parametrize("degrees", [-30, 45, 90, 180])
def test_turned_faces(landmarker: FaceLandmarker, astronaut: np.ndarray, degrees: float) -> None:
    matrix = cv2.getRotationMatrix2D((255.5, 255.5), degrees, 1.0)
    turned = cv2.warpAffine(astronaut, matrix, (512, 512), borderValue=(90, 90, 90))
    (face,) = landmarker.detect(turned)
    expected = (PUPILS - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    np.testing.assert_allclose(irises(face), expected, atol=2.5)


def test_a_face_that_fills_the_picture(landmarker: FaceLandmarker, astronaut: np.ndarray) -> None:
    (face,) = landmarker.detect(np.ascontiguousarray(astronaut[50:175, 170:280]))
    np.testing.assert_allclose(irises(face) + (170, 50), PUPILS, atol=2.5)


@pytest.mark.parametrize("name", ["coffee", "chelsea", "brick"])
def test_nobody_there(landmarker: FaceLandmarker, name: str) -> None:
    picture = getattr(skimage.data, name)()
    assert landmarker.detect(picture if picture.ndim == 3 else np.stack([picture] * 3, -1)) == []


def test_track_follows_and_loses(landmarker: FaceLandmarker, astronaut: np.ndarray) -> None:
    (face,) = landmarker.detect(astronaut)
    moved = np.roll(astronaut, (6, -9), (0, 1))
    followed = landmarker.track(moved, face)
    assert followed is not None
    np.testing.assert_allclose(irises(followed), PUPILS + (-9, 6), atol=1.5)
    assert landmarker.track(np.full_like(astronaut, 128), face) is None


def test_landmarks_refuse_wrong_arrays(landmarker: FaceLandmarker) -> None:
    with pytest.raises(ValueError, match="478"):
        FaceLandmarks(np.zeros((468, 3)))
    with pytest.raises(ValueError, match="finite"):
        FaceLandmarks(np.full((478, 3), np.nan))
    with pytest.raises(ValueError, match="uint8"):
        landmarker.detect(np.zeros((64, 64, 3), np.float32))


def test_cut_out_maps_back(astronaut: np.ndarray) -> None:
    window = PictureWindow(200.0, 120.0, 96.0, 0.4)
    cut = Pyramid(astronaut).cut(window, 96)
    inside = np.array([[0.25, 0.4], [0.7, 0.6]])
    for (u, v), (x, y) in zip(inside * 96, window.to_picture(inside), strict=True):
        seen = cv2.getRectSubPix(cut, (1, 1), (float(u) - 0.5, float(v) - 0.5)).ravel()
        there = cv2.getRectSubPix(astronaut.astype(np.float32), (1, 1), (float(x) - 0.5, float(y) - 0.5)).ravel()
        np.testing.assert_allclose(seen * 255, there, atol=12)
    assert overlap(window, window) == pytest.approx(1.0)
    assert overlap(window, PictureWindow(248.0, 120.0, 96.0)) == pytest.approx(1 / 3)
    assert overlap(window, PictureWindow(200.0, 120.0, 48.0)) == pytest.approx(1 / 4)
    assert overlap(window, PictureWindow(400.0, 120.0, 96.0)) == 0


def test_models_are_the_pinned_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert networks.missing_models() == []
    with pytest.raises(ValueError, match="no face network called"):
        networks.model_path("pose.tflite")
    monkeypatch.setattr(networks.sys, "prefix", str(tmp_path))
    assert networks.missing_models() == list(networks.MODELS)
    with pytest.raises(RuntimeError, match="parley setup"):
        networks.model_path("face_landmark.tflite")
    wheel = tmp_path / "other.whl"
    with networks.zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("data/face_landmark.tflite", b"something else")
    with pytest.raises(RuntimeError, match="expected"):
        networks.unpack_models(wheel, tmp_path)
    assert not list(tmp_path.glob("*.tflite"))
