"""Two photographed people followed through made-up videos: cuts, faces that leave and come back, who is who."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from matplotlib.cbook import get_sample_data
from PIL import Image

from masks.landmarks import FaceLandmarker
from masks.tracking.cuts import CutDetector
from masks.tracking.people import LEAST_FRAMES, ClipTrack, PeopleTracker, TrackedPerson
from masks.tracking.smoothing import smooth_peaks

SIDE = 200


@pytest.fixture(scope="module")
def landmarker() -> FaceLandmarker:
    return FaceLandmarker()


@pytest.fixture(scope="module")
def faces() -> tuple[np.ndarray, np.ndarray]:
    """Two people, 200 pixels a side."""
    with get_sample_data("grace_hopper.jpg") as file:
        hopper = np.asarray(Image.open(file).convert("RGB"))[0:500, 6:506]
    astronaut = skimage.data.astronaut()[0:270, 90:360]
    first, second = (cv2.resize(im, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for im in (astronaut, hopper))
    return first, second


def moved(image: np.ndarray, x: float, y: float = 0.0) -> np.ndarray:
    """The picture shifted by pixels, its border repeated."""
    matrix = np.float32([[1, 0, x], [0, 1, y]])
    return cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def test_people_are_followed_and_known_after_cuts(
    landmarker: FaceLandmarker, faces: tuple[np.ndarray, np.ndarray]
) -> None:
    astronaut, hopper = faces
    both = [np.hstack([moved(astronaut, k), moved(hopper, 0, k)]) for k in range(9)]
    alone = [np.hstack([moved(hopper, 0.5 * k), np.full_like(hopper, 60)]) for k in range(9)]
    swapped = [np.hstack([moved(hopper, k), moved(astronaut, k)]) for k in range(9)]
    track = PeopleTracker(landmarker).track(iter(both + alone + swapped))
    assert track.n_frames == 27 and track.size == (SIDE, 2 * SIDE) and track.cuts == (9, 18)
    first, second = track.people
    np.testing.assert_array_equal(first.frames, [*range(9), *range(18, 27)])
    np.testing.assert_array_equal(second.frames, range(27))
    assert first.points[-1, :, 0].mean() > SIDE > second.points[-1, :, 0].mean()
    # 1 pixel a frame to the right
    assert np.diff(first.points[:9, :, 0].mean(1)).mean() == pytest.approx(1.0, abs=0.15)
    assert first.at(10) is None and second.at(10) is not None
    assert track.runs(first) == [slice(0, 9), slice(9, 18)]


def test_a_face_that_leaves_and_comes_back(landmarker: FaceLandmarker, faces: tuple[np.ndarray, np.ndarray]) -> None:
    astronaut, _ = faces
    wall = np.full((SIDE, SIDE, 3), 100, np.uint8)

    def at(x: int) -> np.ndarray:
        """She walks along a wall that stays."""
        frame = np.hstack([wall, wall, wall])
        left = max(x, 0)
        frame[:, left : x + SIDE] = astronaut[:, left - x :]
        return frame

    away = [at(-k) for k in range(0, SIDE + 10, 14)]
    track = PeopleTracker(landmarker).track(iter([*away, *[np.hstack([wall] * 3)] * 6, *reversed(away)]))
    (person,) = track.people
    assert track.cuts == ()
    gone = np.diff(person.frames).max()
    assert gone > 8 and len(person.frames) > 12
    assert len(track.runs(person)) == 2


def test_short_gaps_are_filled_in(landmarker: FaceLandmarker, faces: tuple[np.ndarray, np.ndarray]) -> None:
    astronaut, _ = faces
    frames = [np.pad(moved(astronaut, k), ((200, 0), (200, 200), (0, 0)), mode="edge") for k in range(12)]
    frames[5][200:380, 240:390] = 90
    (person,) = PeopleTracker(landmarker).track(iter(frames)).people
    np.testing.assert_array_equal(person.frames, range(12))
    between = 0.5 * (person.points[4] + person.points[6])
    np.testing.assert_allclose(person.points[5, :468], between[:468], atol=4.0)


def test_nobody_and_nothing(landmarker: FaceLandmarker) -> None:
    gray = np.full((80, 80, 3), 90, np.uint8)
    assert PeopleTracker(landmarker).track(iter([gray] * LEAST_FRAMES)).people == ()
    with pytest.raises(ValueError, match="no frames"):
        PeopleTracker(landmarker).track(iter([]))


def test_a_pan_is_no_cut(faces: tuple[np.ndarray, np.ndarray]) -> None:
    astronaut, hopper = faces
    wide = np.hstack([astronaut, hopper, astronaut[:, ::-1]])
    pan = [wide[:, 12 * k : 12 * k + 300] for k in range(25)]
    detector = CutDetector()
    assert [detector.is_cut(frame) for frame in pan] == [False] * 25
    assert detector.is_cut(np.hstack([hopper, hopper[:, :100]]))


def test_smoothing_keeps_peaks_and_takes_jitter() -> None:
    time = np.arange(50)
    syllables = np.sin(2 * np.pi * time / 6.25)  # four openings a second
    assert smooth_peaks(syllables).max() > 0.9 * syllables.max()
    noise = np.random.default_rng(0).normal(0, 1, (4000, 2))
    assert 0.6 < smooth_peaks(noise).std() < 0.75
    assert smooth_peaks(noise[:2]).shape == (2, 2)


def test_nothing_is_smoothed_across_a_cut() -> None:
    points = np.zeros((20, 478, 3), np.float32)
    points[10:] = 100
    track = ClipTrack(20, (10, 10), (10,), (TrackedPerson(np.arange(20), points),))
    np.testing.assert_allclose(track.smoothed().people[0].points, points, atol=1e-3)
    whole = ClipTrack(20, (10, 10), (), track.people)
    assert np.abs(whole.smoothed().people[0].points - points).max() > 5
