"""ARKit files: motion tracks as Live Link Face CSV (Unreal, Unity, Blender) and as JSON, written.

CSV holds the 51 weights (and ``TongueOut`` = 0), the head's yaw, pitch and roll and the eyes' gaze in radians; it has
no place for head translation. JSON holds everything. Angles are intrinsic y-x-z: yaw about the upward axis (positive
turns the face to the picture's right), pitch about the rightward axis (positive turns it down), roll about the axis
to the viewer (positive counter-clockwise in the picture). Numbers have the digits that give the same float32 again;
:mod:`generation.motion.motion_files` reads both kinds.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from generation.core.clock import FPS
from generation.core.motion import CHANNELS, ROTATION, MotionTrack
from generation.core.stored_array import Rows, blocks

_EYE = ("EyeBlink", "EyeLookDown", "EyeLookIn", "EyeLookOut", "EyeLookUp", "EyeSquint", "EyeWide")
_MOUTH = (
    "JawForward JawRight JawLeft JawOpen MouthClose MouthFunnel MouthPucker MouthRight MouthLeft MouthSmileLeft "
    "MouthSmileRight MouthFrownLeft MouthFrownRight MouthDimpleLeft MouthDimpleRight MouthStretchLeft "
    "MouthStretchRight MouthRollLower MouthRollUpper MouthShrugLower MouthShrugUpper MouthPressLeft MouthPressRight "
    "MouthLowerDownLeft MouthLowerDownRight MouthUpperUpLeft MouthUpperUpRight"
)
_REST = (
    "BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft BrowOuterUpRight CheekPuff CheekSquintLeft "
    "CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut"
)
SHAPE_COLUMNS = (*(f"{e}{side}" for side in ("Left", "Right") for e in _EYE), *_MOUTH.split(), *_REST.split())
HEAD_COLUMNS = ("HeadYaw", "HeadPitch", "HeadRoll")
GAZE_COLUMNS = tuple(f"{side}Eye{angle}" for side in ("Left", "Right") for angle in ("Yaw", "Pitch", "Roll"))
COLUMNS: tuple[str, ...] = ("Timecode", "BlendShapeCount", *SHAPE_COLUMNS, *HEAD_COLUMNS, *GAZE_COLUMNS)
"""Header of Live Link Face's CSV, in its order."""
GAZE_YAW, GAZE_PITCH = np.radians(30.0), np.radians(25.0)
"""Turn of an eye at weight 1 of its ``eyeLook`` channels."""
_BLOCK = 1000
"""Frames that are written at a time."""


def write_arkit_csv(path: Path, motion: Rows) -> None:
    """Writes motion (T, 57) as Live Link Face does, timecodes ``HH:MM:SS:FF.000`` at 25 frames/s from zero."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for block, _, _ in blocks(len(motion), _BLOCK):
            for frame, row in enumerate(_table(MotionTrack(motion[block])), block.start):
                seconds, rest = divmod(frame, FPS)
                time = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:02d}.000"
                writer.writerow([time, len(COLUMNS) - 2, *row])


def _table(track: MotionTrack) -> np.ndarray:
    """(T, columns) texts: what Live Link Face writes of each frame beside its time."""
    # scipy's intrinsic "YXZ": rotation = yaw about y, then pitch about the turned x, then roll about the turned z.
    head = Rotation.from_rotvec(track.values[:, ROTATION].astype(np.float64)).as_euler("YXZ")
    columns = {name: track.channel(name[0].lower() + name[1:]) for name in SHAPE_COLUMNS if name != "TongueOut"}
    columns |= dict(zip(HEAD_COLUMNS, head.T, strict=True))
    for side, outwards in (("Left", 1.0), ("Right", -1.0)):
        out_in = track.channel(f"eyeLookOut{side}") - track.channel(f"eyeLookIn{side}")
        down_up = track.channel(f"eyeLookDown{side}") - track.channel(f"eyeLookUp{side}")
        columns[f"{side}EyeYaw"], columns[f"{side}EyePitch"] = outwards * GAZE_YAW * out_in, GAZE_PITCH * down_up
    zero = np.zeros(len(track), np.float32)
    # the shortest digits of weights in float32 and of angles in float64: both give the same motion again
    return np.stack([columns.get(name, zero).astype(str) for name in COLUMNS[2:]], 1)


def write_motion_json(path: Path, motion: Rows) -> None:
    """Writes all 57 channels of motion (T, 57) with their names, units and rate."""
    document = {
        "fps": FPS,
        "units": {
            "blendshapes": "0..1",
            "headRotation": "axis-angle, radians",
            "headTranslation": "inter-ocular distances",
        },
        "axes": "x right, y up, z to the viewer",
        "channels": list(CHANNELS),
        "values": [],
    }
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(document).removesuffix("]}"))
        for block, _, _ in blocks(len(motion), _BLOCK):
            texts = motion[block].astype(np.float32).astype(str)
            rows = ", ".join(f"[{', '.join(row)}]" for row in texts)
            file.write((", " if block.start else "") + rows)
        file.write("]}")
