"""Motion files as people bring them: ARKit tables (CSV of Live Link Face, or a part of one) and motion JSON, any rate.

A table has a first line of column names: ``Timecode`` (``HH:MM:SS:FF.mmm``), ``Frame`` (25 a second) or ``Time``
(seconds), and ARKit's weights, head and gaze as :mod:`generation.motion.arkit` writes them, in any order, all or some.
Gaze is read from the ``EyeLook`` weights; the eyes' angles repeat them. ``TongueOut`` has no channel here.
"""

from __future__ import annotations

import csv
import difflib
import json
import math
import re
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from generation.core.clock import FPS
from generation.core.motion import CHANNELS, HEAD_ROTATION, INDEX, ROTATION, WEIGHTS, MotionTrack
from generation.motion.arkit import COLUMNS, GAZE_COLUMNS, HEAD_COLUMNS, SHAPE_COLUMNS

SUFFIXES = (".csv", ".json")
MOST_BYTES = 100_000_000
"""Of a motion file: that of an hour at 25 frames/s has 60 million."""
CLOCKS = ("Timecode", "Frame", "Time")
_KNOWN = (*CLOCKS, *COLUMNS[1:])
_UNREAD = ("BlendShapeCount", "TongueOut", *GAZE_COLUMNS)
_RATES = (24, 25, 30, 48, 50, 60, 100, 120, 240)
"""Frames a second that cameras record."""
_RECORDED = 60
"""Rate of Live Link Face, where a take is too short to show it."""
_MOST_SECONDS = 7200.0
_TIMECODE = re.compile(r"(\d{1,4}):(\d{1,2}):(\d{1,2})[:;.](\d{1,3})(?:\.(\d{1,6}))?")
_RANGE_SLACK = 0.01
_MOST_DISTANCE = 10.0
"""Inter-ocular distances that a head moves at most: beyond, the unit is another."""


@dataclass(frozen=True)
class MotionFile:
    """What a motion file holds.

    Attributes:
        name: of the file.
        track: on the clock of 25 frames/s; channels that the file lacks are zero.
        channels: names of those that it has.
    """

    name: str
    track: MotionTrack
    channels: frozenset[str]

    def lacking(self, channels: Collection[str]) -> str | None:
        """Why the file cannot give these channels, a sentence; None where it can.

        Only head translation may be missing: ARKit tables have no place for it.
        """
        missing = [name for name in channels if name not in self.channels and not name.startswith("headTranslation")]
        if not missing:
            return None
        named = "the head's rotation" if missing[0] in HEAD_ROTATION else _column_of(missing[0])
        more = f" and {len(missing) - 1} others" if len(missing) > 1 and named != "the head's rotation" else ""
        return f"{self.name} lacks {named}{more}; export the recording with all its columns."


def _column_of(channel: str) -> str:
    return channel[0].upper() + channel[1:]


def read_motion_file(path: Path) -> MotionFile:
    """Reads a motion file of any kind and rate onto the clock of 25 frames/s; between its frames linearly.

    Raises:
        ValueError: no such kind, too large, no frames, an unknown column or channel, a number that is missing, not
            finite or out of its range, or times that do not rise; one sentence that names the file and the place.
        OSError: it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path.name} is no motion file that can be read; known are .csv (ARKit) and .json.")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.name} is larger than {MOST_BYTES // 1_000_000} MB; cut it into shorter takes.")
    return _read_csv(path) if suffix == ".csv" else _read_json(path)


def _read_csv(path: Path) -> MotionFile:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = ((n, row) for n, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row))
            _, header = next(rows, (1, []))
            columns = _columns(header, path.name)
            clock = next((name for name in CLOCKS if name in columns), None)
            if clock is None:
                raise ValueError(f"{path.name} has no column Timecode, Frame or Time that says when each frame is.")
            values, stamps, lines = _cells(rows, columns, clock, path.name)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path.name} is not a text table; export the recording as CSV.") from error
    if not stamps:
        raise ValueError(f"{path.name} has a header but no frames.")
    times = _timecodes(stamps, lines, path.name) if clock == "Timecode" else _counted(stamps, lines, clock, path.name)
    table = dict(zip([name for name in columns if name != clock], values.T, strict=True))
    known = np.zeros((len(times), len(CHANNELS)))
    found = []
    for name in SHAPE_COLUMNS:
        if name in table and name not in _UNREAD:
            channel = name[0].lower() + name[1:]
            found.append(channel)
            known[:, INDEX[channel]] = _weights(table[name], name, path.name, lambda k: f"line {lines[k]}")
    heads = [name for name in HEAD_COLUMNS if name in table]
    if heads and len(heads) < len(HEAD_COLUMNS):
        lost = next(name for name in HEAD_COLUMNS if name not in table)
        raise ValueError(f"{path.name} has {heads[0]} but no {lost}; a head needs yaw, pitch and roll.")
    if heads:
        angles = [_bounded(table[n], n, math.pi, "radians", path.name, lambda k: f"line {lines[k]}") for n in heads]
        known[:, ROTATION] = Rotation.from_euler("YXZ", np.stack(angles, 1)).as_rotvec()
        found += HEAD_ROTATION
    return MotionFile(path.name, _on_clock(times, known), frozenset(found))


def _columns(header: Sequence[str], file: str) -> list[str]:
    """The header's columns as Live Link Face spells them, one of which says when.

    Raises:
        ValueError: one that no such table has, or one twice.
    """
    spelt = {name.lower(): name for name in _KNOWN}
    columns = []
    for cell in header:
        name = spelt.get(cell.strip().lower())
        if name is None:
            near = difflib.get_close_matches(cell.strip()[:60], _KNOWN, 1, cutoff=0.7)
            hint = f"is {near[0]} meant?" if near else "remove it, or export the recording as ARKit CSV."
            raise ValueError(f"{file} has the column {cell.strip()[:60]!r}, which no ARKit table has; {hint}")
        if name in columns:
            raise ValueError(f"{file} has the column {name} twice; remove one.")
        columns.append(name)
    return columns


def _cells(
    rows: Iterator[tuple[int, list[str]]], columns: Sequence[str], clock: str, file: str
) -> tuple[np.ndarray, list[str], list[int]]:
    """Numbers (T, columns without the clock's), the clock's texts, and the lines of the file."""
    at = columns.index(clock)
    names = [name for name in columns if name != clock]
    numbers, stamps, lines = array("d"), [], []
    for line, row in rows:
        if len(row) != len(columns):
            raise ValueError(f"{file}, line {line}: {len(row)} cells, but the header names {len(columns)} columns.")
        stamps.append(row.pop(at).strip())
        lines.append(line)
        try:
            numbers.extend(map(float, row))
        except ValueError:
            wrong = next(k for k, cell in enumerate(row) if _number(cell) is None)
            raise ValueError(f"{file}, line {line}: {names[wrong]} is {row[wrong][:30]!r}, not a number.") from None
    values = np.frombuffer(numbers).reshape(len(stamps), len(names))
    if not np.isfinite(values).all():
        row_of, column = np.argwhere(~np.isfinite(values))[0]
        number = values[row_of, column]
        raise ValueError(f"{file}, line {lines[row_of]}: {names[column]} is {number}, not a finite number.")
    return values, stamps, lines


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _timecodes(codes: Sequence[str], lines: Sequence[int], file: str) -> np.ndarray:
    """Seconds (T,) from the first timecode; strictly increasing.

    Raises:
        ValueError: a malformed timecode, or one that does not go on.
    """
    parsed = np.zeros((len(codes), 2))
    for k, code in enumerate(codes):
        match = _TIMECODE.fullmatch(code)
        if not match:
            raise ValueError(f"{file}, line {lines[k]}: timecode {code[:30]!r} is not of the form HH:MM:SS:FF.mmm.")
        hours, minutes, seconds, frame = (int(g) for g in match.groups()[:4])
        parsed[k] = 3600 * hours + 60 * minutes + seconds, frame + float(f"0.{match.group(5) or 0}")
    turns = (np.diff(parsed[:, 0]) > 0).any()
    last = int(parsed[:, 1].max())
    rate = next((r for r in _RATES if r > last), last + 1)
    if not turns:  # less than a second: our own, or what the app records
        rate = FPS if last < FPS else max(rate, _RECORDED)
    return _rising(parsed[:, 0] + parsed[:, 1] / rate, "timecode", lines, file)


def _counted(texts: Sequence[str], lines: Sequence[int], clock: str, file: str) -> np.ndarray:
    """Seconds (T,) from the first frame number or second; strictly increasing."""
    found = [_number(text) for text in texts]
    for text, number, line in zip(texts, found, lines, strict=True):
        if number is None or not math.isfinite(number):
            raise ValueError(f"{file}, line {line}: {clock} is {text[:30]!r}, not a number.")
    return _rising(np.array(found, np.float64) / (FPS if clock == "Frame" else 1), clock, lines, file)


def _rising(times: np.ndarray, clock: str, lines: Sequence[int], file: str) -> np.ndarray:
    back = np.flatnonzero(np.diff(times) <= 0)
    if len(back):
        raise ValueError(f"{file}, line {lines[back[0] + 1]}: the {clock} does not go on from the line before.")
    if times[-1] - times[0] > _MOST_SECONDS:
        raise ValueError(f"{file} lasts {(times[-1] - times[0]) / 3600:.1f} hours; two are the most.")
    return times - times[0]


def _on_clock(times: np.ndarray, values: np.ndarray) -> MotionTrack:
    """Values (T, 57) at times (T,) in seconds from zero, at 25 frames/s; where these are the same, the same numbers."""
    places = times * FPS
    if len(times) == round(float(places[-1])) + 1 and np.abs(places - np.arange(len(times))).max() < 1e-3:
        return MotionTrack(values)
    frames = np.arange(math.floor(float(places[-1]) + 1e-3) + 1)
    return MotionTrack(np.stack([np.interp(frames, places, channel) for channel in values.T], 1))


def _weights(values: np.ndarray, name: str, file: str, place: Callable[[int], str]) -> np.ndarray:
    wrong = np.flatnonzero((values < -_RANGE_SLACK) | (values > 1.0 + _RANGE_SLACK))
    if len(wrong):
        number = values[wrong[0]]
        raise ValueError(f"{file}, {place(int(wrong[0]))}: {name} is {number:g}; weights lie between 0 and 1.")
    return np.clip(values, 0.0, 1.0)


def _bounded(
    values: np.ndarray, name: str, most: float, unit: str, file: str, place: Callable[[int], str]
) -> np.ndarray:
    wrong = np.flatnonzero(np.abs(values) > most)
    if len(wrong):
        what = f"{name} is {values[wrong[0]]:g}; it counts {unit}, from {-most:.4g} to {most:.4g}"
        raise ValueError(f"{file}, {place(int(wrong[0]))}: {what}.")
    return values


def _read_json(path: Path) -> MotionFile:
    """A motion JSON as :func:`generation.motion.arkit.write_motion_json` writes it, of any rate, all channels or some.

    Raises:
        ValueError: another document, unknown channels, a value that is missing, not finite or out of range.
    """
    name = path.name
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        names, rows, rate = document["channels"], document["values"], float(document["fps"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{name} is not a motion file: it needs fps, channels and values.") from error
    if not 1 <= rate <= 1000:
        raise ValueError(f"{name} has fps {rate:g}; it should be between 1 and 1000 frames a second.")
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names) or not isinstance(rows, list):
        raise ValueError(f"{name} is not a motion file: channels is a list of names, and values one of frames.")
    if unknown := [n for n in names if n not in INDEX]:
        near = difflib.get_close_matches(unknown[0][:60], CHANNELS, 1, cutoff=0.7)
        hint = f"; is {near[0]} meant?" if near else "."
        raise ValueError(f"{name} has an unknown channel {unknown[0][:60]!r}{hint}")
    if len(set(names)) != len(names):
        raise ValueError(f"{name} has a channel twice.")
    values = _json_values(rows, names, name)
    known = np.zeros((len(rows), len(CHANNELS)))
    for channel, numbers in zip(names, values.T, strict=True):
        if INDEX[channel] < WEIGHTS.stop:
            known[:, INDEX[channel]] = _weights(numbers, channel, name, "frame {}".format)
        else:
            most, unit = (math.pi, "radians") if channel in HEAD_ROTATION else (_MOST_DISTANCE, "eye distances")
            known[:, INDEX[channel]] = _bounded(numbers, channel, most, unit, name, "frame {}".format)
    return MotionFile(name, _on_clock(np.arange(len(rows)) / rate, known), frozenset(names))


def _json_values(rows: list[Any], names: Sequence[str], file: str) -> np.ndarray:
    """(T, names) finite numbers."""
    if not rows:
        raise ValueError(f"{file} has no frames.")
    for frame, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise ValueError(f"{file}, frame {frame}: every frame needs {len(names)} numbers, one a channel.")
    try:
        values = np.array(rows, np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file}: every frame needs {len(names)} numbers, one a channel.") from error
    if not np.isfinite(values).all():
        frame, at = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(f"{file}, frame {frame}: {names[at]} is {values[frame, at]}, not a finite number.")
    return values
