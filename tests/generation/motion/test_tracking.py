"""Landmarks to motion on faces made by the rig itself, and motion files there and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from generation.core.motion import BLENDSHAPES, INDEX, N_CHANNELS, ROTATION, TRANSLATION, MotionTrack
from generation.motion.arkit import COLUMNS, read_arkit_csv, read_motion_json, write_arkit_csv, write_motion_json
from generation.motion.rig import FaceRig
from generation.motion.tracking import MotionTracker, at_rest, lip_gap, weights_from_landmarks


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


def test_video_of_a_moving_head_gives_translation_at_25_frames() -> None:
    import cv2
    from skimage import data

    picture = data.astronaut()[:256, 64:352]
    frames = [cv2.warpAffine(picture, np.float32([[1, 0, 2 * k], [0, 1, k]]), (352, 256)) for k in range(20)]
    track = MotionTracker().track(iter(frames), fps=50.0)
    assert len(track) == 10
    x, y, _ = (track.values[9] - track.values[0])[TRANSLATION]
    assert x == pytest.approx(2 * 18 / 42, rel=0.1) and y == pytest.approx(-18 / 42, rel=0.15)
    assert np.abs(track.values[:, ROTATION]).max() < 0.05


def test_video_without_a_face_is_refused() -> None:
    with pytest.raises(ValueError, match="any of the video's 2 frames"):
        MotionTracker().track([np.zeros((64, 64, 3), np.uint8)] * 2, fps=25.0)


@pytest.fixture
def track() -> MotionTrack:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.random((33, 51)), 0.2 * rng.normal(size=(33, 6))], 1)
    return MotionTrack(values)


def test_json_keeps_every_channel(tmp_path: Path, track: MotionTrack) -> None:
    write_motion_json(tmp_path / "a.json", track.values)
    assert np.allclose(read_motion_json(tmp_path / "a.json").values, track.values, atol=1e-5)


def test_csv_keeps_weights_and_rotation(tmp_path: Path, track: MotionTrack) -> None:
    write_arkit_csv(tmp_path / "a.csv", track.values)
    header = (tmp_path / "a.csv").read_text().splitlines()[0].split(",")
    assert tuple(header) == COLUMNS and len(header) == 63 and header[2] == "EyeBlinkLeft"
    back = read_arkit_csv(tmp_path / "a.csv").values
    assert np.allclose(back[:, :54], track.values[:, :54], atol=1e-4)
    assert not back[:, TRANSLATION].any()


def test_recording_at_60_frames_is_brought_to_25(tmp_path: Path) -> None:
    ramp = np.zeros((25, N_CHANNELS))
    write_arkit_csv(tmp_path / "a.csv", ramp)
    row = (tmp_path / "a.csv").read_text().splitlines()[1].split(",")[1:]
    jaw = COLUMNS.index("JawOpen") - 1
    lines = [",".join(COLUMNS)]
    for k in range(121):
        row[jaw] = f"{k / 120:.6f}"
        lines.append(",".join([f"17:05:{35 + k // 60}:{k % 60:02d}.250", *row]))
    (tmp_path / "b.csv").write_text("\n".join(lines))
    back = read_arkit_csv(tmp_path / "b.csv")
    assert len(back) == 51
    assert np.allclose(back.channel("jawOpen"), np.arange(51) / 50, atol=1e-5)


def edited(path: Path, old: str, new: str, count: int = 1) -> Path:
    path.write_text(path.read_text().replace(old, new, count))
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("JawOpen", "JawOpne", r"no column JawOpen.*'JawOpne' meant"),
        ("00:00:00:01.000", "soon", "timecode 'soon'"),
        ("00:00:00:02.000", "00:00:00:01.000", "line 4: the timecode does not go on"),
        ("00:00:00:03.000,61,", "00:00:00:03.000,", "line 5: 62 cells"),
        ("00:00:00:00.000,61,0.", "00:00:00:00.000,61,7.", "weights lie between 0 and 1"),
        ("00:00:00:00.000,61,0.", "00:00:00:00.000,61,nan0.", "line 2: EyeBlinkLeft is 'nan0"),
    ],
)
def test_broken_csv_is_named(tmp_path: Path, track: MotionTrack, old: str, new: str, message: str) -> None:
    write_arkit_csv(tmp_path / "a.csv", track.values)
    with pytest.raises(ValueError, match=message):
        read_arkit_csv(edited(tmp_path / "a.csv", old, new))


def test_not_a_csv_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\x81\x9d")
    with pytest.raises(ValueError, match="not a text table"):
        read_arkit_csv(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(ValueError, match="no column Timecode"):
        read_arkit_csv(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("fps", 30, "25"),
        ("channels", ["jawOpen"], "lacks the channel"),
        ("values", [[0.1, 0.2]], "needs 57 numbers"),
        ("values", [[float("nan")] * 57], "not a finite number at frame 0"),
        ("values", [[1.5] * 57], "weights lie between 0 and 1"),
    ],
)
def test_broken_json_is_named(tmp_path: Path, track: MotionTrack, key: str, value: object, message: str) -> None:
    write_motion_json(tmp_path / "a.json", track.values)
    document = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps({**document, key: value}))
    with pytest.raises(ValueError, match=message):
        read_motion_json(tmp_path / "a.json")


def test_text_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("jaw: open")
    with pytest.raises(ValueError, match="not a motion file"):
        read_motion_json(tmp_path / "a.json")


@pytest.mark.parametrize("write", [write_motion_json, write_arkit_csv])
def test_motion_is_written_by_blocks_as_in_one_piece(
    write: Callable[[Path, np.ndarray], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(0).random((30, N_CHANNELS), np.float32)
    write(tmp_path / "whole", values)
    monkeypatch.setattr("generation.motion.arkit._BLOCK", 7)
    write(tmp_path / "blocks", values)
    assert (tmp_path / "blocks").read_text() == (tmp_path / "whole").read_text()
