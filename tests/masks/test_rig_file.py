"""Rig files: the mesh follows the marked points exactly and stays a face; bad files get one clear sentence."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from masks import topology
from masks.mesh_fit import canonical_mesh
from masks.rig_file import FEWEST, POINTS, REQUIRED, RigFace, completed, fit_points, load_rig, save_rig

TOON: dict[str, tuple[float, float]] = {
    "right_eye_outer": (167, 290), "right_eye_inner": (263, 290), "left_eye_inner": (337, 290),
    "left_eye_outer": (433, 290), "nose_tip": (300, 372), "mouth_right": (240, 430), "mouth_left": (360, 430),
    "upper_lip": (300, 442), "lower_lip": (300, 466), "chin": (300, 540),
}  # fmt: skip
"""A wide head with large eyes and a smile, 600 x 600 pixels."""
MORE: dict[str, tuple[float, float]] = {
    "right_eye_top": (215, 232), "right_eye_bottom": (215, 348), "left_eye_top": (385, 232),
    "left_eye_bottom": (385, 348), "right_pupil": (218, 295), "left_pupil": (388, 295), "right_iris_edge": (192, 295),
    "right_jaw": (136, 455), "left_jaw": (464, 455), "right_cheek": (90, 310), "left_cheek": (510, 310),
    "forehead": (300, 85), "right_nostril": (270, 380), "left_nostril": (330, 380),
}  # fmt: skip


def turned(points: dict[str, tuple[float, float]], degrees: float, scale: float) -> dict[str, tuple[float, float]]:
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return {k: (c * x - s * y + 50, s * x + c * y - 20) for k, (x, y) in points.items()}


def projected(pitch: float, yaw: float) -> np.ndarray:
    """(478, 3) canonical mesh turned by angles in radians, 90 pixels between the eyes."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]]) @ np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    return 90 * canonical_mesh()[0] @ turn.T + (300, 250, 0)


def folded_share(points: np.ndarray) -> float:
    """Share of the area, of triangles that face the viewer in the canonical mesh, that is turned inside out."""
    mesh, triangles = canonical_mesh()

    def areas(p: np.ndarray) -> np.ndarray:
        a, b, c = (p[triangles[:, i], :2] for i in range(3))
        return (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]

    before, after = areas(mesh), areas(points)
    shown = np.sign(np.median(before)) * before > 0.02 * np.abs(before).max()
    return float(np.abs(after[shown & (before * after < 0)]).sum() / np.abs(after).sum())


@pytest.mark.parametrize("points", [TOON, TOON | MORE, turned(TOON | MORE, 25, 0.4), turned(TOON, -15, 2.0)])
def test_marked_points_are_met_exactly(points: dict[str, tuple[float, float]]) -> None:
    face = fit_points(points)
    for key, place in points.items():
        for index in POINTS[key]:
            np.testing.assert_allclose(face.points[index, :2], place, atol=1e-3, err_msg=key)
    assert folded_share(face.points) < 0.01
    oval = face.points[list(topology.FACE_OVAL), :2]
    for index in (*topology.LIPS_OUTER, *topology.LEFT_EYE, *topology.RIGHT_EYE, *topology.NOSE_BRIDGE):
        assert cv2.pointPolygonTest(oval, tuple(map(float, face.points[index, :2])), False) > 0


def test_mesh_numbers_and_names_place_the_same_points() -> None:
    by_number = {str(POINTS[k][0]): v for k, v in TOON.items() if k not in REQUIRED}
    mixed = {k: v for k, v in TOON.items() if k in REQUIRED} | by_number
    np.testing.assert_allclose(fit_points(mixed).points, fit_points(TOON).points, atol=1e-3)
    moved = fit_points(TOON | {"1": (310, 372)})
    np.testing.assert_allclose(moved.points[topology.NOSE_TIP, :2], TOON["nose_tip"])  # the name outranks the number


def test_closed_lips_stay_closed_and_lie_between_the_edges() -> None:
    face = fit_points(TOON)
    upper, lower = (face.points[list(g)] for g in (topology.LIPS_INNER_UPPER, topology.LIPS_INNER_LOWER))
    np.testing.assert_allclose(upper[:, :2], lower[:, :2], atol=0.05)
    assert 442 < face.points[13, 1] < 466
    smile = face.points[[61, 78, 13, 308, 291], 1]
    assert smile[2] > smile[1] > smile[0]
    assert smile[2] > smile[3] > smile[4]


def test_an_open_mouth_opens() -> None:
    face = fit_points(TOON | {"upper_lip_inner": (300, 448), "lower_lip_inner": (300, 461)})
    inner = [face.points[list(g)][1:-1, 1] for g in (topology.LIPS_INNER_UPPER, topology.LIPS_INNER_LOWER)]
    assert (inner[1] > inner[0]).all()
    assert folded_share(face.points) < 0.01


def test_round_eyes_are_followed_between_the_marks() -> None:
    face = fit_points(TOON | MORE)
    for ring, centre in ((topology.RIGHT_EYE, (215, 290)), (topology.LEFT_EYE, (385, 290))):
        x, y = (face.points[list(ring), :2] - centre).T
        np.testing.assert_allclose(np.hypot(x / 48, y / 58), 1, atol=0.12)  # the drawn ellipse


def test_irises_are_circles_where_they_are_marked() -> None:
    face = fit_points(TOON | MORE)
    right, left = (face.points[list(i), :2] for i in (topology.RIGHT_IRIS, topology.LEFT_IRIS))
    np.testing.assert_allclose(np.linalg.norm(right[1:] - right[0], axis=1), 26, atol=0.1)
    np.testing.assert_allclose(np.ptp(np.linalg.norm(left[1:] - left[0], axis=1)), 0, atol=0.1)


@pytest.mark.parametrize(("pitch", "yaw"), [(0.0, 0.0), (0.0, 0.4), (0.15, -0.3)])
def test_a_turned_head_is_recognised_from_few_points(pitch: float, yaw: float) -> None:
    truth = projected(pitch, yaw)
    keys = [*TOON, "right_cheek", "left_cheek", "forehead"]
    face = fit_points({k: tuple(truth[POINTS[k][0], :2]) for k in keys})
    error = np.linalg.norm(face.points[:, :2] - truth[:, :2], axis=1) / 90
    assert error.mean() < 0.03
    assert error.max() < 0.2
    assert np.corrcoef(face.points[:468, 2], truth[:468, 2])[0, 1] > 0.97
    assert abs(face.yaw - yaw) < 0.12


def test_files_come_back_as_written_and_scale(tmp_path: Path) -> None:
    faces = [RigFace("Ann: the 1st", TOON), RigFace("Žofie", turned(TOON, 0, 0.5) | {"13": (205.5, 220.0)})]
    save_rig(tmp_path / "rig.yaml", faces, (600, 800))
    again = load_rig(tmp_path / "rig.yaml")
    assert [f.name for f in again] == ["Ann: the 1st", "Žofie"]
    for face, written in zip(again, faces, strict=True):
        assert face.points.keys() == written.points.keys()
        for key, place in written.points.items():
            np.testing.assert_allclose(face.points[key], place, atol=0.051)
    half = load_rig(tmp_path / "rig.yaml", (300, 400))
    np.testing.assert_allclose(half[0].points["chin"], (150, 270))
    np.testing.assert_allclose(half[0].landmarks().points, again[0].landmarks().points / 2, atol=0.02)


def test_example_of_the_documentation_loads(tmp_path: Path) -> None:
    from masks import rig_file

    example = rig_file.__doc__.split("::\n\n")[1].split("\nRight and left")[0]
    (tmp_path / "rig.yaml").write_text("\n".join(line[4:] for line in example.splitlines()))
    (face,) = load_rig(tmp_path / "rig.yaml")
    assert face.name == "Mia"
    assert 70 < face.landmarks().inter_ocular < 80


def text(points: dict[str, object], head: str = "picture: [600, 600]\nfaces:\n") -> str:
    return f"{head}  - name: Mia\n    points: {{{', '.join(f'{k}: {v}' for k, v in points.items())}}}\n"


def lists(points: dict[str, tuple[float, float]]) -> dict[str, object]:
    return {k: list(v) for k, v in points.items()}


GOOD = lists(TOON)
SWAPPED = {k.replace("left", "?").replace("right", "left").replace("?", "right"): v for k, v in GOOD.items()}
BAD = {
    " at line 2: not valid YAML: ": "picture: [600, 600]\nfaces: ]\n",
    "needs the keys `picture` and `faces`": "hello",
    "did you mean `faces`?": text(GOOD, "picture: [600, 600]\nface:\n"),
    "must be two numbers in brackets, its width and height": text(GOOD, "faces:\n"),
    "lists no faces": "picture: [600, 600]\nfaces: []\n",
    "Give face 1 of": "picture: [600, 600]\nfaces: [{points: {}}]\n",
    "Mia has no `points`": "picture: [600, 600]\nfaces: [{name: Mia}]\n",
    "two faces named Mia": text(GOOD) + text(GOOD, ""),
    "Mia has an unknown point mouth_lft; did you mean mouth_left?": text(GOOD | {"mouth_lft": [1, 2]}),
    "Mia has an unknown point 478;": text(GOOD | {"478": [1, 2]}),
    "Mia lacks chin; mark it too": text({k: v for k, v in GOOD.items() if k != "chin"}),
    "Mia lacks mouth_left, chin; mark them": text({k: v for k, v in GOOD.items() if k not in ("chin", "mouth_left")}),
    f"Mia has 7 points and needs {FEWEST}": text({k: GOOD[k] for k in REQUIRED}),
    "Mia's chin must be two numbers": text(GOOD | {"chin": "[300]"}),
    "Mia's nose_tip must be two numbers": text(GOOD | {"nose_tip": "[left, 3]"}),
    "Mia's nose_tip must be two numbers in brackets, x and y in pixels, not [.nan, 3]": text(
        GOOD | {"nose_tip": "[.nan, 3]"}
    ),
    "Mia's chin at (300, 640) lies outside the picture of 600 x 600": text(GOOD | {"chin": "[300, 640]"}),
    "Mia's right and left eye are exchanged": text(SWAPPED),
    "Mia's mouth_right and mouth_left are exchanged": text(
        GOOD | {"mouth_right": GOOD["mouth_left"], "mouth_left": GOOD["mouth_right"]}
    ),
    "Mia's chin lies above the mouth": text(GOOD | {"chin": "[300, 400]"}),
    "Mia's eyes are 1.7 pixels apart": text({k: [v[0] / 100, v[1] / 100] for k, v in GOOD.items()}),
    "Mia's points fold the face over itself near nose_tip": text(GOOD | {"nose_tip": "[300, 130]"}),
}


@pytest.mark.parametrize("part", BAD)
def test_bad_files_get_one_sentence(tmp_path: Path, part: str) -> None:
    (tmp_path / "rig.yaml").write_text(BAD[part])
    with pytest.raises(ValueError) as caught:
        [face.landmarks() for face in load_rig(tmp_path / "rig.yaml")]
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_other_picture(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read; check its name"):
        load_rig(tmp_path / "rig.yaml")
    (tmp_path / "rig.yaml").write_text(text(GOOD))
    with pytest.raises(ValueError, match="made for a picture of 600 x 600 pixels and this one has 800 x 600"):
        load_rig(tmp_path / "rig.yaml", (600, 800))


def test_eyes_and_mouth_alone_make_a_face(tmp_path: Path) -> None:
    three = {"right_eye": (220.0, 200.0), "left_eye": (300.0, 190.0), "mouth": (270.0, 300.0)}
    face = fit_points(three)
    np.testing.assert_allclose(face.eyes, [(220, 200), (300, 190)], atol=1)
    np.testing.assert_allclose(face.points[[61, 291], :2].mean(0), (270, 300), atol=1)
    assert folded_share(face.points) < 0.01
    points = completed(three)
    assert completed(points) == points
    assert points["chin"][1] > 320
    (tmp_path / "rig.yaml").write_text(
        "picture: [640, 480]\nfaces:\n  - name: Fox\n    points:\n      right_eye: [220, 200]\n"
        "      left_eye: [300, 190]\n      mouth: [270, 300]\n"
    )
    (fox,) = load_rig(tmp_path / "rig.yaml")
    np.testing.assert_array_equal(fox.landmarks().points, face.points)
    with pytest.raises(ValueError, match="lie on one line"):
        fit_points({**three, "mouth": (260.0, 195.0)}, "Fox")
    with pytest.raises(ValueError, match="exchanged"):
        fit_points({**three, "right_eye": three["left_eye"], "left_eye": three["right_eye"]}, "Fox")
