"""People cut out: soft outlines keep their own colours over any background, bodies go down to the picture's edge."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from generation.rendering.cut_out import (
    cut_out,
    fill_face,
    find_bodies,
    nearest_colours,
    soft_outline,
    straight_colours,
)
from masks.landmarks import FaceLandmarker, FaceLandmarks
from masks.person_segmentation import segment_person


def test_a_soft_outline_shows_nothing_of_the_old_background() -> None:
    disc = cv2.circle(np.zeros((80, 80), np.float32), (40, 40), 20, 1.0, -1)
    matte = cv2.GaussianBlur(disc, (0, 0), 3)
    person, old, new = np.array([200.0, 120, 60]), np.array([10.0, 60, 240]), np.array([255.0, 255, 255])
    image = np.uint8(np.round(matte[..., None] * person + (1 - matte[..., None]) * old))
    people = cut_out(image, matte)
    expected = matte[..., None] * person + (1 - matte[..., None]) * new
    over = people[..., :3] + (1 - people[..., 3:] / 255) * new
    assert np.abs(over - expected).max() < 4
    naive = matte[..., None] * image + (1 - matte[..., None]) * new
    assert np.abs(naive - expected).max() > 30, "what is left without taking the background away"
    straight = straight_colours(people, nearest_colours(people))
    assert np.abs(straight[..., :3] - person).max() < 35
    assert np.abs(straight[people[..., 3] > 60][:, :3] - person).max() < 6
    np.testing.assert_array_equal(straight[..., 3], people[..., 3])


@pytest.fixture(scope="module")
def face() -> FaceLandmarks:
    return FaceLandmarker().detect(astronaut())[0]


def test_bodies_reach_the_lower_edge(face: FaceLandmarks) -> None:
    picture = astronaut()
    figure = segment_person(picture, face)
    figure[300:] = 0  # a head alone
    body = find_bodies(picture, [face], [figure], [])
    suit, wall, shuttle = body[300:500, 120:240], body[20:120, 320:380], body[150:260, 380:440]
    assert suit.mean() > 0.97 and wall.max() == 0 and shuttle.max() < 0.1
    matte = soft_outline(picture, face, np.maximum(figure, body))
    hair = matte[15:130, 140:310]
    assert 0.01 < ((hair > 0.1) & (hair < 0.9)).mean() < 0.2


def test_a_face_that_is_kept_out_is_no_body(face: FaceLandmarks) -> None:
    picture = astronaut()
    two = np.hstack([picture, picture])
    other = FaceLandmarks(face.points + np.float32([512, 0, 0]))
    body = find_bodies(two, [face], [segment_person(two, face, others=[other])], [other])
    assert body[:, 512 + 100 : 512 + 350].mean() < 0.05


def test_a_face_has_no_holes_and_the_edge_of_its_matte() -> None:
    """Landmarks beside the outline take no background for the person: it would move, hard-edged, as a row of dots."""
    y, x = np.mgrid[:120, :120]
    radius = np.hypot(x - 60, y - 60)
    matte = np.clip(40.5 - radius, 0, 1).astype(np.float32)
    matte[50:54, 50:54] = 0.0
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    filled = fill_face(matte.copy(), 60 + 42 * np.stack([np.cos(angles), np.sin(angles)], 1))
    assert (filled[radius < 36] == 1).all()
    np.testing.assert_array_equal(filled[radius > 39.5], matte[radius > 39.5])
