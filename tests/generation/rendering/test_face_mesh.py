"""A face as a mesh: where its points are, what its targets do, its eyes and mouth; and the file that holds arrays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from generation.core.motion import BLENDSHAPES, N_CHANNELS, ROTATION, TRANSLATION, MotionTrack
from generation.motion.rig import FaceRig, Pose, eye_centres
from generation.rendering.face_mesh import INTER_OCULAR, FaceMesh, face_mesh, head_places, head_turns
from masks.landmarks import FaceLandmarks
from masks.topology import LEFT_EYE_RING, LEFT_IRIS, RIGHT_EYE_RING, RIGHT_IRIS

PICTURE = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)


def pose(yaw: float = 0.0) -> Pose:
    return Pose(80.0, Rotation.from_euler("Y", yaw, degrees=True).as_matrix(), np.array([210.0, -120.0, 0.0]))


def mesh(yaw: float = 0.0) -> FaceMesh:
    return face_mesh(PICTURE, FaceLandmarks(pose(yaw).to_picture(FaceRig.load().mean)))


@pytest.mark.parametrize("yaw", [0.0, 15.0])
def test_points_lie_where_the_face_is_in_metres(yaw: float) -> None:
    made = mesh(yaw)
    right, left = eye_centres(made.points.astype(float))
    assert np.linalg.norm(left - right) == pytest.approx(INTER_OCULAR, rel=1e-4)
    assert np.abs(right + left).max() < 1e-6, "between the eyes"
    still = [i for i in range(478) if i not in (*LEFT_IRIS, *RIGHT_IRIS)]
    wanted = FaceRig.load().mean @ pose(yaw).rotation.T * INTER_OCULAR
    assert np.abs(made.points[still] - wanted[still]).max() < 1e-3
    assert made.centre == pytest.approx([210, 120], abs=0.5)


def test_texture_is_the_picture_around_the_face() -> None:
    made = mesh()
    marks = pose().to_picture(FaceRig.load().mean)[:, :2]
    height, width = made.texture.shape[:2]
    assert (made.places >= 0).all() and (made.places <= 1).all()
    nose = made.places[4] * [width, height]
    column, row = np.floor(nose).astype(int)
    there = np.floor(marks[4]).astype(int)
    assert (made.texture[row, column] == PICTURE[there[1], there[0]]).all()


def test_targets_are_the_rigs_turned_with_the_head() -> None:
    rig, made = FaceRig.load(), mesh(15.0)
    jaw = BLENDSHAPES.index("jawOpen")
    wanted = rig.basis[jaw] @ pose(15.0).rotation.T * INTER_OCULAR
    assert np.abs(made.targets[jaw] - wanted).max() < 1e-5
    assert made.targets[jaw, 152, 1] < -0.005, "the chin goes down"


def test_a_picture_with_parted_lips_shows_what_is_between_them() -> None:
    rig = FaceRig.load()
    parted = rig.mean + 0.3 * rig.basis[BLENDSHAPES.index("jawOpen")]
    assert not mesh().shows_mouth
    assert face_mesh(PICTURE, FaceLandmarks(pose().to_picture(parted))).shows_mouth


def test_a_blink_shuts_the_eye() -> None:
    made = mesh()
    for side, ring in (("Left", LEFT_EYE_RING), ("Right", RIGHT_EYE_RING)):
        shut = made.points + made.targets[BLENDSHAPES.index(f"eyeBlink{side}")]
        lower, upper = list(ring[2:7]), list(ring[9:])
        open_gap = made.points[upper, 1].mean() - made.points[lower, 1].mean()
        assert shut[upper, 1].mean() - shut[lower, 1].mean() < 0.2 * open_gap


def test_triangles_face_the_viewer_and_cover_the_eyes_once() -> None:
    made = mesh()
    corners = made.points[made.skin]
    turned = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    assert (turned > 0).mean() > 0.98
    assert set(LEFT_IRIS) | set(RIGHT_IRIS) <= set(made.skin.ravel().tolist())
    edges = {tuple(sorted((t[a], t[b]))) for t in made.skin.tolist() for a, b in ((0, 1), (1, 2), (2, 0))}
    counts = dict.fromkeys(edges, 0)
    for t in made.skin.tolist():
        for a, b in ((0, 1), (1, 2), (2, 0)):
            counts[tuple(sorted((t[a], t[b])))] += 1
    assert max(counts.values()) == 2


def test_heads_turn_by_unit_quaternions_that_do_not_jump() -> None:
    values = np.zeros((60, N_CHANNELS), np.float32)
    values[:, ROTATION] = np.linspace(0, 1, 60)[:, None] * [0.3, -4.0, 0.1]  # beyond half a turn
    values[:, TRANSLATION] = [1.0, 0.5, -0.25]
    track = MotionTrack(values)
    turns = head_turns(track)
    assert np.abs(np.linalg.norm(turns, axis=1) - 1).max() < 1e-6
    assert np.einsum("ij,ij->i", turns[1:], turns[:-1]).min() > 0.99
    back = Rotation.from_quat(turns).as_matrix()
    assert np.abs(back - Rotation.from_rotvec(values[:, ROTATION]).as_matrix()).max() < 1e-6
    assert head_places(track)[0].tolist() == pytest.approx([0.063, 0.0315, -0.01575])
