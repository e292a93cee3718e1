"""ARKit files: motion tracks as Live Link Face CSV (Unreal, Unity, Blender) and as JSON, written and read.

CSV holds the 51 weights (and ``TongueOut`` = 0), the head's yaw, pitch and roll and the eyes' gaze in radians; it has
no place for head translation. JSON holds everything. Angles are intrinsic y-x-z: yaw about the upward axis (positive
turns the face to the picture's right), pitch about the rightward axis (positive turns it down), roll about the axis
to the viewer (positive counter-clockwise in the picture).
"""

from __future__ import annotations

import csv
import difflib
import json
import re
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from generation.core.clock import FPS
from generation.core.motion import BLENDSHAPES, CHANNELS, INDEX, ROTATION, MotionTrack
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
_SHAPES = (*(f"{e}{side}" for side in ("Left", "Right") for e in _EYE), *_MOUTH.split(), *_REST.split())
_HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
_GAZE = tuple(f"{side}Eye{angle}" for side in ("Left", "Right") for angle in ("Yaw", "Pitch", "Roll"))
COLUMNS: tuple[str, ...] = ("Timecode", "BlendShapeCount", *_SHAPES, *_HEAD, *_GAZE)
"""Header of Live Link Face's CSV, in its order."""
GAZE_YAW, GAZE_PITCH = np.radians(30.0), np.radians(25.0)
"""Turn of an eye at weight 1 of its ``eyeLook`` channels."""
_TIMECODE = re.compile(r"^(\d+):(\d+):(\d+)[:;](\d+)(?:\.(\d+))?$")
_RANGE_SLACK = 0.01
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
                writer.writerow([time, len(COLUMNS) - 2, *(f"{value:.6f}" for value in row)])


def _table(track: MotionTrack) -> np.ndarray:
    """(T, columns) what Live Link Face writes of each frame beside its time."""
    # scipy's intrinsic "YXZ": rotation = yaw about y, then pitch about the turned x, then roll about the turned z.
    head = Rotation.from_rotvec(track.values[:, ROTATION].astype(np.float64)).as_euler("YXZ")
    columns = {name: track.channel(name[0].lower() + name[1:]) for name in _SHAPES if name != "TongueOut"}
    columns |= dict(zip(_HEAD, head.T, strict=True))
    for side, outwards in (("Left", 1.0), ("Right", -1.0)):
        out_in = track.channel(f"eyeLookOut{side}") - track.channel(f"eyeLookIn{side}")
        down_up = track.channel(f"eyeLookDown{side}") - track.channel(f"eyeLookUp{side}")
        columns[f"{side}EyeYaw"], columns[f"{side}EyePitch"] = outwards * GAZE_YAW * out_in, GAZE_PITCH * down_up
    zero = np.zeros(len(track))
    return np.stack([columns.get(name, zero) for name in COLUMNS[2:]], 1)


def read_arkit_csv(path: Path, fps: float | None = None) -> MotionTrack:
    """Reads a Live Link Face recording onto the 25 frames/s clock (linear in between); head translation is zero.

    Args:
        fps: the recording's frame rate; by default what its timecodes show where the frame number starts again, 25
            where it never does.

    Raises:
        ValueError: no such table, a missing column, a cell that is not a number, or a weight outside 0..1; the
            message names column and line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row] or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path.name} is not a text table; export the recording as CSV.") from error
    place = {name.strip().lower(): i for i, name in enumerate(header)}
    wanted = ("Timecode", *(s for s in _SHAPES if s != "TongueOut"), *_HEAD)
    for name in wanted:
        if name.lower() not in place:
            near = difflib.get_close_matches(name, header, 1, cutoff=0.8)
            hint = f"; is {near[0]!r} meant?" if near else "."
            raise ValueError(f"{path.name} has no column {name}, which every ARKit recording has{hint}")
    if not rows:
        raise ValueError(f"{path.name} has a header but no frames.")
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise ValueError(f"{path.name}, line {line}: {len(row)} cells, but the header names {len(header)} columns.")
    times = _times([row[place["timecode"]] for row in rows], fps, path.name)
    known = np.zeros((len(rows), len(CHANNELS)))
    for name in wanted[1:-3]:
        known[:, INDEX[name[0].lower() + name[1:]]] = _in_range(_column(rows, place, name, path.name), name, path.name)
    head = np.stack([_column(rows, place, name, path.name) for name in _HEAD], 1)
    known[:, ROTATION] = Rotation.from_euler("YXZ", head).as_rotvec()
    frames = np.arange(round(times[-1] * FPS) + 1) / FPS
    return MotionTrack(np.stack([np.interp(frames, times, channel) for channel in known.T], 1))


def _column(rows: list[list[str]], place: dict[str, int], name: str, file: str) -> np.ndarray:
    values = np.zeros(len(rows))
    for k, row in enumerate(rows):
        cell = row[place[name.lower()]]
        try:
            values[k] = float(cell)
        except ValueError:
            values[k] = np.nan
        if not np.isfinite(values[k]):
            raise ValueError(f"{file}, line {k + 2}: {name} is {cell!r}, not a finite number.")
    return values


def _in_range(values: np.ndarray, name: str, file: str) -> np.ndarray:
    wrong = np.flatnonzero((values < -_RANGE_SLACK) | (values > 1.0 + _RANGE_SLACK))
    if len(wrong):
        raise ValueError(f"{file}, frame {wrong[0]}: {name} is {values[wrong[0]]:g}; weights lie between 0 and 1.")
    return np.clip(values, 0.0, 1.0)


def _times(codes: list[str], fps: float | None, file: str) -> np.ndarray:
    """Seconds (T,) from the first timecode; strictly increasing.

    Raises:
        ValueError: a malformed timecode, or one that goes back.
    """
    parsed = np.zeros((len(codes), 2))
    for k, code in enumerate(codes):
        match = _TIMECODE.match(code.strip())
        if not match:
            raise ValueError(f"{file}, line {k + 2}: timecode {code!r} is not of the form HH:MM:SS:FF.mmm.")
        hours, minutes, seconds, frame = (int(g) for g in match.groups()[:4])
        parsed[k] = 3600 * hours + 60 * minutes + seconds, frame + float(f"0.{match.group(5) or 0}")
    if fps is None:
        turns = np.flatnonzero(np.diff(parsed[:, 0]) > 0)
        fps = float(np.floor(parsed[turns, 1]).max() + 1) if len(turns) else float(FPS)
    times = parsed[:, 0] + parsed[:, 1] / fps
    if (np.diff(times) <= 0).any():
        raise ValueError(
            f"{file}, line {np.argmax(np.diff(times) <= 0) + 3}: the timecode does not go on from the line before."
        )
    return times - times[0]


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
            rows = [[round(float(v), 6) for v in row] for row in motion[block]]
            file.write((", " if block.start else "") + json.dumps(rows)[1:-1])
        file.write("]}")


def read_motion_json(path: Path) -> MotionTrack:
    """Reads what :func:`write_motion_json` wrote; channels may come in any order.

    Raises:
        ValueError: not such a document, another rate, unknown or missing channels, a value that is not a finite number.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        names, rows, fps = document["channels"], document["values"], document["fps"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is not a motion file: it needs fps, channels and values.") from error
    if fps != FPS:
        raise ValueError(f"{path.name} runs at {fps} frames/s; motion files run at {FPS}.")
    if missing := [n for n in CHANNELS if n not in names]:
        raise ValueError(f"{path.name} lacks the channel {missing[0]}.")
    if unknown := [n for n in names if n not in INDEX]:
        raise ValueError(f"{path.name} has an unknown channel {unknown[0]!r}.")
    try:
        values = np.array(rows, np.float64).reshape(len(rows), len(names))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path.name}: every frame needs {len(names)} numbers, one a channel.") from error
    values = values[:, [names.index(n) for n in CHANNELS]]
    MotionTrack(values)  # names the channel and the frame of a number that is not finite
    for name in BLENDSHAPES:
        values[:, INDEX[name]] = _in_range(values[:, INDEX[name]], name, path.name)
    return MotionTrack(values)
