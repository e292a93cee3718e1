"""The packaged rig keeps ARKit's meaning of its channels; fitting finds symmetry and pose."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from generation.core.motion import BLENDSHAPES, INDEX
from generation.labels.rig_fitting import Tracked, fit_basis, mirror_map, symmetric_face
from generation.motion.rig import FaceRig, align_similarity, eye_centres
from generation.motion.rig_basis import LEFT_IRIS, LEFT_LOWER_LID, LEFT_UPPER_LID, RIGHT_LOWER_LID, RIGHT_UPPER_LID
from generation.motion.tracking import lip_gap
from masks.topology import LIPS_INNER_LOWER, LIPS_INNER_UPPER

CHIN, LEFT_CORNER, RIGHT_CORNER, UPPER_LIP, LOWER_LIP = 152, 291, 61, 0, 17


@pytest.fixture(scope="module")
def rig() -> FaceRig:
    return FaceRig.load()


def weights(**values: float) -> np.ndarray:
    out = np.zeros((1, len(BLENDSHAPES)), np.float32)
    for name, value in values.items():
        out[0, INDEX[name]] = value
    return out


def moved(rig: FaceRig, **values: float) -> np.ndarray:
    return rig.displace(weights(**values))[0]


def test_mean_face_is_in_its_units_and_symmetric(rig: FaceRig) -> None:
    right, left = eye_centres(rig.mean)
    assert np.allclose(right, [-0.5, 0, right[2]], atol=1e-4) and np.allclose(left, [0.5, 0, left[2]], atol=1e-4)
    assert np.allclose(rig.mean[rig.mirror] * [-1, 1, 1], rig.mean, atol=1e-5)
    assert rig.mean[CHIN, 1] < rig.mean[LOWER_LIP, 1] < rig.mean[1, 1] < 0 < rig.mean[10, 1]
    assert rig.mean[1, 2] > rig.mean[[234, 454], 2].max()
    assert lip_gap(rig.mean) < 1e-6


def test_basis_is_symmetric(rig: FaceRig) -> None:
    for name in ("jawOpen", "mouthPucker", "eyeBlinkLeft", "mouthSmileLeft", "jawLeft", "browInnerUp"):
        other = name[:-4] + "Right" if name.endswith("Left") else name
        mirrored = rig.basis[INDEX[name]][rig.mirror] * [-1, 1, 1]
        assert np.allclose(mirrored, rig.basis[INDEX[other]], atol=2e-3), name


def test_jaw_opens_wide_and_mouth_close_takes_it_back(rig: FaceRig) -> None:
    wide = rig.mean + moved(rig, jawOpen=1)
    assert 0.5 < lip_gap(wide) < 0.8
    assert wide[CHIN, 1] < rig.mean[CHIN, 1] - 0.25
    shut = rig.mean + moved(rig, jawOpen=1, mouthClose=1)
    assert np.abs(shut[list(LIPS_INNER_UPPER), 1] - shut[list(LIPS_INNER_LOWER), 1]).max() < 0.01
    assert shut[CHIN, 1] == pytest.approx(wide[CHIN, 1], abs=0.02)


def test_blink_shuts_one_eye_exactly(rig: FaceRig) -> None:
    face = rig.mean + moved(rig, eyeBlinkLeft=1)
    opening = face[list(LEFT_UPPER_LID[0]), 1] - face[list(LEFT_LOWER_LID[0]), 1]
    other = face[list(RIGHT_UPPER_LID[0]), 1] - face[list(RIGHT_LOWER_LID[0]), 1]
    assert np.abs(opening).max() < 2e-3
    assert other.max() > 0.1


@pytest.mark.parametrize(
    ("channel", "point", "axis", "sign"),
    [
        ("jawLeft", CHIN, 0, 1),
        ("jawRight", CHIN, 0, -1),
        ("jawForward", CHIN, 2, 1),
        ("mouthLeft", LEFT_CORNER, 0, 1),
        ("mouthRight", RIGHT_CORNER, 0, -1),
        ("mouthSmileLeft", LEFT_CORNER, 1, 1),
        ("mouthSmileLeft", LEFT_CORNER, 0, 1),
        ("mouthFrownRight", RIGHT_CORNER, 1, -1),
        ("mouthStretchLeft", LEFT_CORNER, 0, 1),
        ("mouthDimpleLeft", LEFT_CORNER, 2, -1),
        ("mouthPucker", LEFT_CORNER, 0, -1),
        ("mouthPucker", UPPER_LIP, 2, 1),
        ("mouthFunnel", UPPER_LIP, 2, 1),
        ("mouthUpperUpLeft", 269, 1, 1),
        ("mouthLowerDownLeft", 405, 1, -1),
        ("mouthRollUpper", UPPER_LIP, 1, -1),
        ("mouthRollLower", LOWER_LIP, 1, 1),
        ("mouthShrugLower", LOWER_LIP, 1, 1),
        ("mouthShrugUpper", UPPER_LIP, 1, 1),
        ("mouthPressLeft", 405, 1, 1),
        ("browDownLeft", 336, 1, -1),
        ("browInnerUp", 336, 1, 1),
        ("browOuterUpRight", 63, 1, 1),
        ("cheekPuff", 425, 2, 1),
        ("cheekSquintLeft", 330, 1, 1),
        ("eyeLookInLeft", LEFT_IRIS[0], 0, -1),
        ("eyeLookOutLeft", LEFT_IRIS[0], 0, 1),
        ("eyeLookUpLeft", LEFT_IRIS[0], 1, 1),
        ("eyeLookDownLeft", LEFT_IRIS[0], 1, -1),
        ("eyeLookInRight", 468, 0, 1),
        ("eyeSquintLeft", 374, 1, 1),
        ("eyeWideLeft", 386, 1, 1),
        ("noseSneerLeft", 358, 1, 1),
    ],
)
def test_channel_moves_its_part_the_right_way(rig: FaceRig, channel: str, point: int, axis: int, sign: int) -> None:
    assert sign * rig.basis[INDEX[channel], point, axis] > 0.02


def test_eyes_and_mouth_are_independent(rig: FaceRig) -> None:
    for k, name in enumerate(BLENDSHAPES):
        far = [CHIN, UPPER_LIP, LOWER_LIP] if name.startswith(("eye", "brow")) else [386, 374, 159, 334, 10]
        if name.startswith(("eye", "brow", "mouth", "jaw")):
            assert np.abs(rig.basis[k, far]).max() < 0.01, name


def test_lips_and_lids_never_cross(rig: FaceRig) -> None:
    random = np.random.default_rng(0).random((50, len(BLENDSHAPES)))
    faces = rig.mean + rig.displace(random)
    upper, lower = list(LIPS_INNER_UPPER[1:-1]), list(LIPS_INNER_LOWER[1:-1])
    assert (faces[:, upper, 1] - faces[:, lower, 1]).min() > -1e-4
    assert (faces[:, list(LEFT_UPPER_LID[0]), 1] - faces[:, list(LEFT_LOWER_LID[0]), 1]).min() > -1e-4


def test_triangles_cover_the_face_once(rig: FaceRig) -> None:
    face = rig.mean + 0.5 * moved(rig, jawOpen=1)
    corners = face[np.concatenate([rig.triangles, rig.mouth_interior])][..., :2]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = 0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    assert (area > 0).mean() > 0.97
    assert set(rig.triangles.ravel()) == set(range(468))
    assert {tuple(t) for t in rig.eye_interior.tolist()} <= {tuple(t) for t in rig.triangles.tolist()}
    assert set(rig.mouth_interior.ravel()) == {*LIPS_INNER_UPPER, *LIPS_INNER_LOWER}


def test_pose_is_found_again(rig: FaceRig) -> None:
    rotation = Rotation.from_euler("YXZ", [25, -10, 5], degrees=True).as_matrix()
    camera = 120 * rig.mean @ rotation.T + [300, -200, 7]
    pose = rig.fit_pose(camera * [1, -1, -1])
    assert pose.scale == pytest.approx(120, rel=1e-4)
    assert np.allclose(pose.rotation, rotation, atol=1e-4)
    assert np.allclose(pose.to_picture(rig.mean), camera * [1, -1, -1], atol=0.01)


def test_similarity_never_mirrors() -> None:
    points = np.random.default_rng(1).normal(size=(1, 20, 3))
    _, rotation, _ = align_similarity(points, points[0] * [-1, 1, 1])
    assert np.linalg.det(rotation[0]) == pytest.approx(1)


def test_wrong_number_of_weights_is_refused(rig: FaceRig) -> None:
    with pytest.raises(ValueError, match="51 blendshape weights"):
        rig.displace(np.zeros((3, 52)))


def test_mirror_map_survives_a_turned_face(rig: FaceRig) -> None:
    turned = rig.mean.astype(float) @ Rotation.from_euler("YXZ", [8, 3, -4], degrees=True).as_matrix().T
    found = mirror_map(turned)
    assert np.array_equal(found, rig.mirror)
    assert np.allclose(symmetric_face(turned, found)[:, 0], rig.mean[:, 0], atol=0.02)


def test_fit_learns_the_jaw_and_leaves_unseen_channels_at_the_prior(rig: FaceRig) -> None:
    rng = np.random.default_rng(2)
    seen = np.zeros((400, len(BLENDSHAPES)))
    seen[:, INDEX["jawOpen"]] = rng.random(400)
    truth = 0.5 * rig.basis[INDEX["jawOpen"]].astype(float)
    tracked = Tracked(seen[:, INDEX["jawOpen"], None, None] * truth, seen)
    mean, mirror = rig.mean.astype(float), rig.mirror
    basis = fit_basis(tracked, mean, mirror, rig.triangles)
    blind = fit_basis(Tracked(np.zeros((1, 478, 3)), np.zeros((1, len(BLENDSHAPES)))), mean, mirror, rig.triangles)
    chin = basis[INDEX["jawOpen"], CHIN, 1]
    assert abs(chin - truth[CHIN, 1]) < 0.3 * abs(blind[INDEX["jawOpen"], CHIN, 1] - truth[CHIN, 1])
    assert np.allclose(basis[INDEX["mouthSmileLeft"]], blind[INDEX["mouthSmileLeft"]])
