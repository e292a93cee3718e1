"""More faces than cast, covered mouths, faces at the edge, on their side and turned away: said with their place."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from matplotlib.cbook import get_sample_data
from PIL import Image
from skimage.data import astronaut

from masks.landmarks import FaceLandmarker, FaceLandmarks
from scripts.drawing import props
from scripts.drawing.canvas import rgb
from scripts.drawing.turning import turned_head
from studio.core.problems import Problem
from studio.scene.voices import voice_names
from studio.validation.scene_check import Report, check_scene

FACE = np.ascontiguousarray(astronaut()[0:256, 100:356])


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    with get_sample_data("grace_hopper.jpg") as file:
        return np.asarray(Image.open(file).convert("RGB"))[:512]


@pytest.fixture(scope="module")
def found() -> FaceLandmarks:
    return FaceLandmarker().detect(FACE)[0]


def check(folder: Path, picture: np.ndarray, names: str = "ANNA BOB", **regions: object) -> Report:
    """What the check says of a picture with a cast of these names, with places for some of them."""
    cv2.imwrite(str(folder / "picture.png"), picture[..., ::-1])
    voice = voice_names()[0]
    cast = [{"name": name, "voice": voice, "region": regions.get(name, "auto")} for name in names.split()]
    script = [{"who": name, "text": "Good morning."} for name in names.split()]
    scene = {"picture": "picture.png", "consent": "drawn", "cast": cast, "script": script}
    (folder / "scene.yaml").write_text(yaml.safe_dump(scene))
    return check_scene(folder / "scene.yaml")


def with_portrait(portrait: np.ndarray, side: int) -> np.ndarray:
    """Two people, and a framed portrait between them."""
    wall = np.full((256, 190, 3), (196, 190, 178), np.uint8)
    wall[30 : 50 + side, 15 : 35 + side] = (84, 52, 30)
    wall[40 : 40 + side, 25 : 25 + side] = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    return np.concatenate([FACE, wall, FACE[:, ::-1]], 1)


def middles(report: Report) -> list[float]:
    assert report.assignment is not None
    return [float(person.face.eyes[:, 0].mean()) for person in report.assignment.assigned]


def only(warnings: tuple[Problem, ...]) -> Problem:
    assert len(warnings) == 1, warnings
    return warnings[0]


@pytest.mark.parametrize("side", [80, 140])
def test_a_portrait_between_two_people_does_not_speak(tmp_path: Path, portrait: np.ndarray, side: int) -> None:
    report = check(tmp_path, with_portrait(portrait, side))
    assert report.problems == ()
    left, right = middles(report)
    assert left < 256
    assert right > 446
    told = only(report.warnings)
    assert "1 face is nobody's and will not move: " in told.sentence
    x0, y0, x1, y1 = told.box
    assert 256 + 25 <= x0 < x1 <= 256 + 25 + side
    assert 30 <= y0 < y1 <= 50 + side
    assert f"(x {x0} to {x1}, y {y0} to {y1})" in told.sentence


def test_equal_faces_are_refused_until_regions_are_given(tmp_path: Path) -> None:
    picture = np.concatenate([FACE, FACE[:, ::-1], FACE], 1)
    report = check(tmp_path, picture)
    problem = only(report.problems)
    assert problem.what.startswith("it is not clear which of 3 faces are ANNA and BOB: at the left (x ")
    assert problem.repair == "give ANNA and BOB a region or a mask each"
    assert middles(report) == []
    report = check(tmp_path, picture, ANNA=[512, 0, 768, 256], BOB=[0, 0, 256, 256])
    assert (report.problems, report.warnings) == ((), ())
    first, second = middles(report)
    assert first > 512
    assert second < 256


def test_a_poster_larger_than_one_of_two_people_does_not_speak(tmp_path: Path) -> None:
    large = cv2.resize(FACE, (400, 400), interpolation=cv2.INTER_CUBIC)
    middling, small = np.zeros((400, 280, 3), np.uint8), np.zeros((400, 200, 3), np.uint8)
    middling[:280] = cv2.resize(FACE, (280, 280), interpolation=cv2.INTER_CUBIC)
    small[:200] = cv2.resize(FACE, (200, 200), interpolation=cv2.INTER_AREA)
    report = check(tmp_path, np.concatenate([middling, large, small], 1))
    assert "it is not clear which of 3 faces" in only(report.problems).what


def test_one_person_and_a_portrait_are_no_cast_of_two(tmp_path: Path, portrait: np.ndarray) -> None:
    report = check(tmp_path, with_portrait(portrait, 140)[:, :446])
    assert "it is not clear which of 2 faces" in only(report.problems).what


def test_a_covered_mouth_is_said_and_a_narrator_offered(tmp_path: Path, found: FaceLandmarks) -> None:
    canvas = props.on_photograph(FACE)
    props.draw_fingers(canvas, props.frame_of(found), rgb("#e2b49c"))
    report = check(tmp_path, np.concatenate([FACE, props.finished(canvas)], 1))
    assert report.problems == ()
    told = only(report.warnings)
    assert told.what.startswith("BOB's mouth seems to be covered by something at the right (x ")
    assert "narrator" in told.repair
    x, y = found.points[13, :2] + (256, 0)
    x0, y0, x1, y1 = told.box
    assert x0 < x < x1
    assert y0 < y < y1


@pytest.mark.parametrize(("cut", "edge"), [(np.s_[:, 125:], "left edge"), (np.s_[75:], "upper edge")])
def test_a_face_cut_off_by_the_picture_is_said(tmp_path: Path, cut: tuple, edge: str) -> None:
    told = only(check(tmp_path, FACE[cut], "ANNA").warnings)
    assert told.what.startswith("ANNA's face ")
    assert f"is cut off by the {edge} of the picture" in told.what


@pytest.mark.parametrize(("turns", "how", "repair"), [
    (1, "on its side", "turn it by a quarter to the right and save it"),
    (-1, "on its side", "turn it by a quarter to the left and save it"),
    (2, "upside down", "turn it half round and save it"),
])  # fmt: skip
def test_a_picture_on_its_side_is_said(tmp_path: Path, turns: int, how: str, repair: str) -> None:
    report = check(tmp_path, np.rot90(np.concatenate([FACE, FACE[:, ::-1]], 1), turns))
    assert report.problems == ()
    assert len(middles(report)) == 2
    told = only(report.warnings)
    assert (told.what, told.repair) == (f"the picture is {how}", repair)


def test_a_turned_head_is_said_and_a_profile_named(tmp_path: Path, found: FaceLandmarks) -> None:
    turned = turned_head(FACE, found, 50)
    told = only(check(tmp_path, turned, "ANNA").warnings)
    assert "ANNA's face in the middle" in told.what
    assert "is seen from the side" in told.what
    profile = turned_head(FACE, found, 90)
    problem = only(check(tmp_path, np.concatenate([turned_head(FACE, found, 0), profile], 1)).problems)
    assert "a head seen from the side or covered is at the right (x " in problem.what


def test_eyes_and_mouth_in_the_scene_mark_a_face_that_is_not_found(tmp_path: Path) -> None:
    drawing = np.full((300, 400, 3), 235, np.uint8)
    cv2.circle(drawing, (200, 150), 100, (90, 120, 200), 4)
    assert "no face is found" in only(check(tmp_path, drawing, "FOX").problems).what
    scene = yaml.safe_load((tmp_path / "scene.yaml").read_text())
    scene["cast"][0]["eyes_and_mouth"] = [[160, 120], [240, 120], [200, 190]]
    (tmp_path / "scene.yaml").write_text(yaml.safe_dump(scene))
    report = check_scene(tmp_path / "scene.yaml")
    assert (report.problems, report.warnings) == ((), ())
    np.testing.assert_allclose(report.assignment.assigned[0].face.eyes, [(160, 120), (240, 120)], atol=1)
    for bad, needle in (
        ([[160, 120], [240, 120]], "three points"),
        ([[160, 120], [240, 120], [200, 120]], "lie on one line"),
        ([[240, 120], [160, 120], [200, 190]], "exchanged"),
    ):
        scene["cast"][0]["eyes_and_mouth"] = bad
        (tmp_path / "scene.yaml").write_text(yaml.safe_dump(scene))
        assert any(needle in problem.sentence for problem in check_scene(tmp_path / "scene.yaml").problems), needle
