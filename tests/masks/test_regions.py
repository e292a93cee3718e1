"""Masks and motion regions: bad ones are named with their repair, good ones stay with their person."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from matplotlib.cbook import get_sample_data
from PIL import Image

from masks import person_segmentation
from masks.landmarks import FaceLandmarks
from masks.person_segmentation import segment_person
from masks.regions import (
    CharacterMask,
    box_mask,
    check_masks,
    face_of,
    fill,
    head_outline,
    load_mask,
    motion_region,
    motion_room,
    outline_mask,
)
from masks.rig_file import fit_points
from masks.topology import FACE_OVAL, LIPS_OUTER

SIZE = (240, 400)


def face_at(x: float, y: float, unit: float = 30.0) -> FaceLandmarks:
    """A frontal face with its eyes about (x, y), ``unit`` pixels apart."""
    marks = {
        "right_eye_outer": (-0.72, 0), "right_eye_inner": (-0.28, 0), "left_eye_inner": (0.28, 0),
        "left_eye_outer": (0.72, 0), "nose_tip": (0, 0.67), "mouth_right": (-0.39, 1.16), "mouth_left": (0.39, 1.16),
        "lower_lip": (0, 1.34), "chin": (0, 1.95),
    }  # fmt: skip
    return fit_points({k: (x + unit * u, y + unit * v) for k, (u, v) in marks.items()})


LEFT, RIGHT = face_at(100, 100), face_at(300, 100)


def halves(left: float = 200, right: float = 200) -> list[CharacterMask]:
    return [box_mask("Ann", (0, 0, left, 240), SIZE), box_mask("Bob", (right, 0, 400, 240), SIZE)]


def test_boxes_and_outlines_count_parts_of_pixels() -> None:
    box = box_mask("Ann", (10, 20, 30.5, 40), SIZE).mask
    assert box.dtype == np.float32
    assert box.sum() == pytest.approx(20.5 * 20)
    assert box[20, 10] == 1
    assert box[19].max() == box[:, 9].max() == 0
    assert box[30, 30] == 0.5
    triangle = outline_mask("Ann", [(0, 0), (100, 0), (0, 100)], SIZE).mask
    assert triangle.sum() == pytest.approx(5000, rel=0.02)
    assert box_mask("Ann", (-30, -30, 100, 100), SIZE).mask.sum() == 10_000  # reaches out of the picture, mostly inside


def test_mask_files(tmp_path: Path) -> None:
    painted = np.zeros((120, 200), np.uint8)
    painted[:60] = 255
    Image.fromarray(painted).save(tmp_path / "white.png")
    np.testing.assert_array_equal(load_mask("Ann", tmp_path / "white.png", SIZE).mask[[10, 200], 0], [1, 0])
    see_through = np.dstack([np.zeros((120, 200, 3), np.uint8), painted])
    Image.fromarray(see_through).save(tmp_path / "clear.png")
    np.testing.assert_array_equal(load_mask("Ann", tmp_path / "clear.png", SIZE).mask[[10, 200], 0], [1, 0])


def text_file(folder: Path) -> CharacterMask:
    (folder / "mask.png").write_text("hello")
    return load_mask("Ann", folder / "mask.png", SIZE)


def square_file(folder: Path) -> CharacterMask:
    Image.new("L", (100, 100)).save(folder / "mask.png")
    return load_mask("Ann", folder / "mask.png", SIZE)


REFUSED = {
    "Ann's mask has shape (4,); give it": lambda _: CharacterMask("Ann", np.ones(4)),
    "Ann's mask holds values that are not numbers; paint": lambda _: CharacterMask("Ann", np.full(SIZE, np.nan)),
    "Ann's mask goes from 0 to 255; scale": lambda _: CharacterMask("Ann", np.array([[0, 255]])),
    "Ann's mask goes from -1 to 0; scale": lambda _: CharacterMask("Ann", np.array([[0, -1]])),
    "Ann's box needs four numbers": lambda _: box_mask("Ann", (1, 2, 3), SIZE),
    "Ann's box needs four numbers (left": lambda _: box_mask("Ann", (1, 2, 3, np.nan), SIZE),
    "Ann's box [30, 0, 10, 40] has no extent": lambda _: box_mask("Ann", [30, 0, 10, 40], SIZE),
    "lies outside the picture of 400 x 240 pixels": lambda _: box_mask("Ann", (500, 10, 600, 100), SIZE),
    "Ann's region from (350, 10) to (600, 100) lies": lambda _: box_mask("Ann", (350, 10, 600, 100), SIZE),
    "Ann's region from (10, 300)": lambda _: outline_mask("Ann", [(10, 300), (90, 300), (50, 390)], SIZE),
    "Ann's outline needs at least three": lambda _: outline_mask("Ann", [(10, 30), (90, 30)], SIZE),
    "Ann's outline encloses no area": lambda _: outline_mask("Ann", [(10, 30), (90, 30), (50, 30)], SIZE),
    "mask absent.png is missing; check": lambda folder: load_mask("Ann", folder / "absent.png", SIZE),
    "Ann's mask mask.png is not a picture that can be read": text_file,
    "Ann's mask has 100 x 100 pixels and the picture 400 x 240": square_file,
}


@pytest.mark.parametrize("part", REFUSED)
def test_unusable_masks_are_refused(tmp_path: Path, part: str) -> None:
    with pytest.raises(ValueError) as caught:
        REFUSED[part](tmp_path)
    assert part in str(caught.value)
    assert str(caught.value).startswith("Ann's")
    assert "\n" not in str(caught.value)


def test_a_mask_named_like_its_character_is_told_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"^mask's mask mask\.png is not a picture"):
        load_mask("mask", tmp_path / "mask.png", SIZE)


def test_a_sound_cast_has_no_problems() -> None:
    assert check_masks(halves(), SIZE) == []
    assert check_masks(halves(215, 185), SIZE) == []  # a narrow overlap is fine
    assert check_masks([CharacterMask("Ann", np.stack([halves()[0].mask] * 3)), halves()[1]], SIZE) == []


def moving(frames: int, *, shift: int = 0) -> np.ndarray:
    mask = np.zeros((frames, *SIZE), np.float32)
    for t in range(frames):
        mask[t, :, shift * t : shift * t + 80] = 1
    return mask


PASSING = CharacterMask("Ann", moving(4, shift=80))
PROBLEMS = {
    "Ann's mask is empty; paint over Ann": [CharacterMask("Ann", np.zeros(SIZE))],
    "Ann's mask is empty": [CharacterMask("Ann", np.full((2, *SIZE), 0.2))],
    "Ann's mask covers the whole picture; mark only Ann": [CharacterMask("Ann", np.ones(SIZE))],
    "Ann's mask is only 12 x 40 pixels; make it at least 16": [box_mask("Ann", (10, 10, 22, 50), SIZE)],
    "Ann's mask has 30 x 20 pixels and the picture 400 x 240": [CharacterMask("Ann", np.ones((20, 30)))],
    "Ann and Bob share 50% of the smaller one; draw them": [halves()[0], box_mask("Bob", (150, 0, 250, 240), SIZE)],
    "The masks of Ann and Bob share 100%": [PASSING, box_mask("Bob", (0, 0, 80, 240), SIZE)],
    "have 4 and 3 frames": [CharacterMask("Ann", moving(4)), CharacterMask("Bob", moving(3))],
    "Two masks are named Ann; keep one": [halves()[0], CharacterMask("Ann", halves()[1].mask)],
}


@pytest.mark.parametrize("part", PROBLEMS)
def test_every_problem_has_its_own_sentence(part: str) -> None:
    (problem,) = check_masks(PROBLEMS[part], SIZE)
    assert part in problem
    assert "\n" not in problem


def test_all_problems_come_at_once() -> None:
    masks = [CharacterMask("Ann", np.zeros(SIZE)), CharacterMask("Bob", np.ones(SIZE)), *halves(200, 120)]
    found = check_masks([*masks[:2], CharacterMask("Cy", masks[2].mask), CharacterMask("Di", masks[3].mask)], SIZE)
    assert [p.split(" ")[0] for p in found] == ["Ann's", "Bob's", "The"]


def test_a_mask_finds_its_face() -> None:
    ann, bob = halves()
    assert face_of(ann, [RIGHT, LEFT]) is LEFT
    assert face_of(bob, [RIGHT, LEFT]) is RIGHT
    assert face_of(bob, [LEFT]) is None
    assert face_of(bob, []) is None


def test_regions_hold_the_head_and_never_a_neighbour() -> None:
    masks = [m.mask for m in halves(130, 130)]
    region = motion_region(LEFT, masks[0], [masks[1]])
    assert region.dtype == np.float32
    assert region.shape == SIZE
    assert 0 <= region.min() < region.max() == 1
    assert region[masks[1] > 0].max() == 0
    x, y = LEFT.points[list(LIPS_OUTER), :2].astype(int).T
    assert (region[y, x] == 1).all()
    assert region[:, 220:].max() == 0
    chin, top = LEFT.box[3], LEFT.box[1]
    assert region[int(chin) + 20, 100] == 1  # neck
    assert region[int(top) - 15, 100] == 1  # hair


def test_more_motion_widens_the_region_and_its_room() -> None:
    masks = [m.mask for m in halves()]
    narrow, wide = (motion_region(LEFT, masks[0], [masks[1]], allowed_motion=a) for a in (0.0, 0.5))
    assert (wide >= narrow).all()
    assert wide.sum() > 1.2 * narrow.sum()
    gained = motion_room(LEFT, wide) - motion_room(LEFT, narrow)
    assert gained == pytest.approx(0.5, abs=0.1)


def test_a_near_neighbour_leaves_little_room() -> None:
    oval = LEFT.points[list(FACE_OVAL), 0].max()
    tight = [box_mask("Ann", (0, 0, oval + 3, 240), SIZE).mask, box_mask("Bob", (oval + 3, 0, 400, 240), SIZE).mask]
    assert motion_room(LEFT, motion_region(LEFT, tight[0], [tight[1]])) < 0.2
    free = [m.mask for m in halves()]
    assert motion_room(LEFT, motion_region(LEFT, free[0], [free[1]])) > 0.4


def test_neighbours_share_the_room_between_them() -> None:
    near = face_at(220, 120)
    outlines = [fill(head_outline(f, 0.3), SIZE) for f in (LEFT, near)]
    regions = [motion_region(f, outlines[i], [outlines[1 - i]], 0.5) for i, f in enumerate((LEFT, near))]
    assert ((regions[0] > 0) & (regions[1] > 0)).sum() == 0
    alone = motion_region(LEFT, outlines[0], [], 0.5)
    assert ((alone > 0) & (regions[1] > 0)).sum() > 500  # they would overlap


def test_the_edge_of_the_picture_is_no_limit() -> None:
    corner = face_at(30, 40)
    region = motion_region(corner, np.ones(SIZE, np.float32), [])
    assert region[0, 0] == region[40, 0] == 1
    assert motion_room(corner, region) > 0.4


def test_regions_refuse_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="shapes"):
        motion_region(LEFT, np.ones(SIZE, np.float32), [np.ones((3, 3), np.float32)])
    with pytest.raises(ValueError, match="outside the picture"):
        motion_region(face_at(2000, 100), np.zeros(SIZE, np.float32), [])


@pytest.fixture(scope="module")
def astronaut() -> tuple[np.ndarray, FaceLandmarks]:
    from masks.landmarks import FaceLandmarker

    picture = np.ascontiguousarray(skimage.data.astronaut())
    return picture, FaceLandmarker().detect(picture)[0]


def test_grabcut_finds_hair_and_leaves_the_background(astronaut: tuple[np.ndarray, FaceLandmarks]) -> None:
    picture, face = astronaut
    mask = segment_person(picture, face)
    assert mask.dtype == np.float32
    assert mask.shape == picture.shape[:2]
    assert 0 <= mask.min() <= mask.max() <= 1
    x, y = face.points[list(LIPS_OUTER), :2].astype(int).T
    assert mask[y, x].min() > 0.99
    hair = [(225, 25), (165, 85), (285, 85)]
    wall = [(120, 40), (340, 60), (60, 30), (330, 200)]
    assert all(mask[v, u] > 0.9 for u, v in hair)
    assert all(mask[v, u] < 0.1 for u, v in wall)
    np.testing.assert_array_equal(mask, segment_person(picture, face))  # the same again


def test_other_faces_are_kept_out(astronaut: tuple[np.ndarray, FaceLandmarks]) -> None:
    picture, face = astronaut
    head = picture[:260, 178:272]  # cheek to cheek
    twins = np.hstack([head, head])
    left, right = (FaceLandmarks(face.points - (178 - shift, 0, 0)) for shift in (0, 94))
    theirs = fill(right.points[list(FACE_OVAL), :2], twins.shape) > 0.5
    alone, crowded = segment_person(twins, left), segment_person(twins, left, others=[right])
    assert crowded[theirs].mean() < 0.01 < alone[theirs].mean()
    assert crowded[fill(left.points[list(FACE_OVAL), :2], twins.shape) > 0.99].mean() > 0.99


def test_a_person_wider_than_the_first_window_is_whole() -> None:
    from masks.landmarks import FaceLandmarker

    with get_sample_data("grace_hopper.jpg") as file:
        picture = np.asarray(Image.open(file).convert("RGB"))
    mask = segment_person(picture, FaceLandmarker().detect(picture)[0])
    shoulders = [(70, 380), (110, 390), (490, 400)]
    assert all(mask[v, u] > 0.9 for u, v in shoulders)
    assert mask[60, 450] < 0.1  # the sky


def test_a_mask_that_its_window_cuts_fades_out() -> None:
    from masks.landmarks import FaceLandmarker

    head = np.ascontiguousarray(skimage.data.astronaut()[:200, 130:330])
    face = FaceLandmarker().detect(head)[0]
    picture = np.full((700, 1000, 3), (205, 198, 196), np.uint8)
    picture[:200, 400:600] = head
    picture[200:, 100:900] = (200, 90, 40)  # a body wider than any window
    face = FaceLandmarks(face.points + (400, 0, 0))
    mask = segment_person(picture, face)
    steps = [np.abs(np.diff(mask[240:], axis=axis)).max() for axis in (0, 1)]
    assert max(steps) < 0.15


def test_small_holes_of_a_mask_are_filled() -> None:
    mask = np.ones((60, 60), np.uint8)
    mask[20:24, 20:24] = 0  # a button
    mask[30:50, 30:50] = 0  # between arm and body
    mask[:3] = 0
    filled = person_segmentation._without_holes(mask, 30.0)
    assert filled[20:24, 20:24].all()
    assert not filled[30:50, 30:50].any()
    assert not filled[:3].any()


class RecordingPredictor:
    """A predictor with three answers, the middle one the best; remembers what it was asked."""

    def set_image(self, image: np.ndarray) -> None:
        self.size = image.shape[:2]

    def predict(self, point_coords, point_labels, box, multimask_output):
        self.asked = point_coords, point_labels, box, multimask_output
        found = np.zeros((3, *self.size), bool)
        found[1, : self.size[0] // 2] = True
        return found, np.array([0.2, 0.9, 0.5]), np.zeros((3, 256, 256))


def test_predictor_is_asked_with_points_and_box(astronaut: tuple[np.ndarray, FaceLandmarks]) -> None:
    picture, face = astronaut
    predictor = RecordingPredictor()
    other = FaceLandmarks(face.points + (150, 0, 0))
    mask = segment_person(picture, face, predictor, others=[other])
    assert mask[10].min() > 0.99
    assert mask[-10].max() < 0.01
    points, labels, (x0, y0, x1, y1), several = predictor.asked
    assert labels.tolist() == [1, 1, 0]
    np.testing.assert_allclose(points[2], other.points[1, :2])
    assert x0 < face.box[0] < face.box[2] < x1 <= 512
    assert 0 <= y0 < face.box[1] < face.box[3] < y1 <= 512
    assert several


def test_segment_anything_is_used_only_where_its_weights_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_segmentation, "models_folder", lambda: tmp_path)
    assert person_segmentation.sam_predictor() is None
    (tmp_path / "sam_vit_b_01ec64.pth").touch()
    monkeypatch.setitem(sys.modules, "segment_anything", None)
    with pytest.raises(RuntimeError, match="sam_vit_b_01ec64.pth is there, but segment-anything does not load"):
        person_segmentation.sam_predictor()
