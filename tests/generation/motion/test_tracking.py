"""Landmarks to motion on faces made by the rig itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from generation.core.motion import BLENDSHAPES, INDEX, ROTATION, TRANSLATION
from generation.motion.rig import FaceRig
from generation.motion.tracking import at_rate, at_rest, lip_gap, weights_from_landmarks


@pytest.fixture(scope="module")
def rig() -> FaceRig:
    return FaceRig.load()


def picture_of(faces: np.ndarray, angles_deg: np.ndarray | None = None, scale: float = 90.0) -> np.ndarray:
    """Faces (T, 478, 3) of the rig's space in pixels, turned by yaw, pitch, roll (T, 3)."""
    turn = Rotation.from_euler("YXZ", np.zeros((len(faces), 3)) if angles_deg is None else angles_deg, degrees=True)
    camera = scale * np.einsum("tij,tnj->tni", turn.as_matrix(), faces) + [320.0, -240.0, 0.0]
    return camera * [1, -1, -1]


def speaking(rig: FaceRig, n_frames: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Weights (T, 51) of a made-up utterance that starts and ends at rest, and the faces."""
    weights = np.zeros((n_frames, len(BLENDSHAPES)))
    beat = np.clip(np.sin(np.linspace(-0.5, 3 * np.pi, n_frames)), 0, None)
    weights[:, INDEX["jawOpen"]] = 0.5 * beat
    weights[20:40, INDEX["mouthPucker"]] = np.hanning(20) * 0.8
    for side in ("Left", "Right"):
        weights[45:52, INDEX[f"eyeBlink{side}"]] = np.hanning(7)
    return weights, rig.mean + rig.displace(weights)


def test_weights_and_lip_gap_come_back(rig: FaceRig) -> None:
    weights, faces = speaking(rig)
    jitter = np.random.default_rng(0).normal(0, 0.2, faces.shape)
    found = weights_from_landmarks(picture_of(faces) + jitter)
    jaw = INDEX["jawOpen"]
    assert np.corrcoef(found[:, jaw], weights[:, jaw])[0, 1] > 0.95
    assert np.abs(found[:, jaw] - weights[:, jaw]).mean() < 0.05
    gap = lip_gap(rig.mean + rig.displace(found[:, :51]))
    assert np.abs(gap - lip_gap(faces)).mean() < 0.02
    blink = found[:, INDEX["eyeBlinkLeft"]]
    assert blink[48] > 0.7 and blink[:40].max() < 0.15


def test_one_channel_is_not_taken_for_its_mirror(rig: FaceRig) -> None:
    weights = np.zeros((20, len(BLENDSHAPES)))
    weights[10:, INDEX["mouthSmileLeft"]] = 0.8
    found = weights_from_landmarks(picture_of(rig.mean + rig.displace(weights)), rest=picture_of(rig.mean[None])[0])
    assert found[15, INDEX["mouthSmileLeft"]] > 0.5 > 0.2 > found[15, INDEX["mouthSmileRight"]]


def test_head_turn_moves_the_head_channels_only(rig: FaceRig) -> None:
    angles = np.stack([np.linspace(0, 20, 40), np.linspace(0, -8, 40), np.zeros(40)], 1)
    faces = np.repeat(rig.mean[None], 40, 0)
    found = weights_from_landmarks(picture_of(faces, angles), rest=picture_of(rig.mean[None])[0])
    expected = Rotation.from_euler("YXZ", angles, degrees=True).as_rotvec()
    assert np.abs(found[5:35, ROTATION] - expected[5:35]).max() < 0.01
    assert found[:, :51].max() < 0.05


def test_coming_nearer_is_translation_towards_the_viewer(rig: FaceRig) -> None:
    face = rig.mean[None]
    found = weights_from_landmarks(picture_of(face, scale=100.0) + [30.0, 0, 0], rest=picture_of(face, scale=90.0)[0])
    x, _, z = found[0, TRANSLATION]
    assert x == pytest.approx(30 / 90, abs=0.02)
    assert z == pytest.approx(1.0, abs=0.05)


def test_rest_is_where_lips_are_closed_and_eyes_open(rig: FaceRig) -> None:
    weights, faces = speaking(rig)
    still = at_rest(picture_of(faces))
    assert still.any() and weights[still][:, INDEX["jawOpen"]].max() < 0.05
    assert weights[still][:, INDEX["eyeBlinkLeft"]].max() < 0.3


def test_bad_landmarks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"frames, 478, 3"):
        weights_from_landmarks(np.zeros((4, 468, 3)))
    broken = np.zeros((4, 478, 3))
    broken[2, 5] = np.nan
    with pytest.raises(ValueError, match="frame 2"):
        weights_from_landmarks(broken)


def test_landmarks_of_another_rate_are_taken_between_frames_and_over_gaps() -> None:
    """Fails when the nearest frame is taken, or a face that is lost stands still."""
    points = np.arange(30.0)[:, None, None] * np.ones((1, 478, 3))
    found = [None if k in (0, 10, 11, 29) else points[k] for k in range(30)]
    made = np.stack(list(at_rate(iter(found), 30.0)))[:, 0, 0]
    np.testing.assert_allclose(made, np.clip(np.arange(25) * 1.2, 1, 28))


def test_nobody_and_no_rate_are_refused() -> None:
    with pytest.raises(ValueError, match="any of the video's 2 frames"):
        list(at_rate([None, None], 25.0))
    with pytest.raises(ValueError, match="positive frame rate"):
        list(at_rate([None], 0.0))
