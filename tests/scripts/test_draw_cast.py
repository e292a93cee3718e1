"""The drawn casts: pictures, rig points and masks that fit together, and the sample scenes made of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from generation.core.assets import asset
from masks.landmarks import FaceLandmarker
from masks.picture import load_picture
from masks.regions import CharacterMask, check_masks, load_mask
from masks.rig_file import load_rig
from scripts.compose_portraits import write_scene
from scripts.draw_cast import DrawnCast, draw_cast, write_cast
from studio.scene.document import load_scene

EYES = {"right_eye_outer": 33, "right_eye_inner": 133, "left_eye_inner": 362, "left_eye_outer": 263}
COUNTS = [1, *(pytest.param(count, marks=pytest.mark.slow) for count in (2, 4, 5)), 3, 6]
"""Smallest and largest casts, and that of the sample; to draw one takes a second."""


@cache
def cast_of(count: int) -> DrawnCast:
    return draw_cast(count)


def at(mask: np.ndarray, point: Sequence[float]) -> float:
    return float(mask[int(point[1]), int(point[0])])


@pytest.mark.parametrize("count", COUNTS)
def test_everybody_has_a_face_a_mask_and_a_name(count: int) -> None:
    cast = cast_of(count)
    assert cast.picture.shape == (720, 1280, 3) and cast.picture.dtype == np.uint8
    assert cast.masks.shape == (count, 720, 1280)
    assert len({face.name for face in cast.faces}) == count
    masks = [CharacterMask(face.name, mask) for face, mask in zip(cast.faces, cast.masks, strict=True)]
    assert check_masks(masks, (720, 1280)) == []
    assert cast.masks.sum(axis=0).max() <= 1 + 1e-5


@pytest.mark.parametrize("count", COUNTS)
def test_faces_are_large_and_nothing_covers_them(count: int) -> None:
    cast = cast_of(count)
    for face, mask in zip(cast.faces, cast.masks, strict=True):
        points = np.array(list(face.points.values()))
        inside = points.mean(axis=0) + 0.96 * (points - points.mean(axis=0))
        assert min(at(mask, point) for point in inside) > 0.99
        assert 200 <= np.ptp(points[:, 1]) <= 300


@pytest.mark.parametrize("count", COUNTS)
def test_the_mesh_fits_and_its_lips_are_closed(count: int) -> None:
    for face in cast_of(count).faces:
        fitted = face.landmarks()
        for name, index in EYES.items():
            assert np.linalg.norm(fitted.points[index, :2] - face.points[name]) < 0.5
        gap = np.linalg.norm(fitted.points[13, :2] - fitted.points[14, :2])
        assert gap < 0.02 * fitted.inter_ocular
        assert abs(np.degrees(fitted.yaw)) < 20


def test_the_points_are_where_a_face_network_sees_them() -> None:
    cast = cast_of(3)
    seen = FaceLandmarker().detect(cast.picture)
    assert len(seen) == 3
    for face, found in zip(cast.faces, seen, strict=True):
        apart = [np.linalg.norm(found.points[i, :2] - face.points[name]) for name, i in EYES.items()]
        assert max(apart) < 0.2 * found.inter_ocular
        mouth = [
            np.linalg.norm(found.points[i, :2] - face.points[n]) for n, i in (("mouth_right", 61), ("mouth_left", 291))
        ]
        assert max(mouth) < 0.25 * found.inter_ocular


def test_the_line_between_the_lips_is_the_darkest_part_of_the_mouth() -> None:
    grey = cast_of(3).picture.astype(float).mean(axis=2)
    for face in cast_of(3).faces:
        x, y = (int(v) for v in face.landmarks().points[13, :2])
        top, bottom = int(face.points["upper_lip"][1]) - 6, int(face.points["lower_lip"][1]) + 6
        darkest = top + int(np.argmin(grey[top:bottom, x - 2 : x + 3].mean(axis=1)))
        assert abs(darkest - y) <= 2


def test_seeds_choose_the_cast_and_repeat_it() -> None:
    first, again = draw_cast(1, seed=7), draw_cast(1, seed=7)
    assert np.array_equal(first.picture, again.picture)
    assert first.faces == again.faces
    assert first.faces[0].name != cast_of(1).faces[0].name


@pytest.mark.parametrize("count", [0, 7, -1])
def test_another_number_of_characters_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 6 characters; {count} were"):
        draw_cast(count)


def test_the_sample_scene_is_what_the_script_draws(tmp_path: Path) -> None:
    folder = asset("scenes/cafe")
    write_cast(cast_of(3), tmp_path)
    drawn, shipped = (load_picture(f / "picture.png").astype(int) for f in (tmp_path, folder))
    # Another version of OpenCV may round an edge differently; another drawing differs by far more.
    assert np.abs(drawn - shipped).mean() < 0.3
    for here, there in zip(load_rig(tmp_path / "rig.yaml"), load_rig(folder / "rig.yaml"), strict=True):
        assert here.name == there.name and list(here.points) == list(there.points)
        assert np.allclose(list(here.points.values()), list(there.points.values()), atol=0.15)
    assert (folder / "picture.png").stat().st_size < 700_000


def test_the_sample_scene_names_its_files() -> None:
    path = asset("scenes/cafe/scene.yaml")
    scene, folder = load_scene(path), path.parent
    names = [face.name for face in load_rig(folder / str(scene.rig))]
    assert [character.name for character in scene.cast] == names
    for character, face in zip(scene.cast, load_rig(folder / str(scene.rig)), strict=True):
        mask = load_mask(character.name, folder / str(character.mask), (720, 1280))
        assert at(mask.mask, face.points["nose_tip"]) > 0.99
    assert len(scene.script) >= 4
    assert any(line.overlap for line in scene.script) and any((line.pause or 0) >= 0.5 for line in scene.script)


def test_two_real_portraits_become_a_picture_with_two_faces(tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    pytest.importorskip("matplotlib")
    path = write_scene(tmp_path)
    scene = load_scene(path)
    faces = FaceLandmarker().detect(load_picture(path.parent / scene.picture))
    assert len(faces) == len(scene.cast) == 2
    for character, face in zip(scene.cast, faces, strict=True):
        outline = np.array(character.region, np.float32)
        centre = tuple(float(v) for v in face.points[:, :2].mean(axis=0))
        assert cv2.pointPolygonTest(outline, centre, measureDist=False) > 0
        assert face.inter_ocular > 60
