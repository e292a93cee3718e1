"""Motion files: written and read to the last digit, at other rates, in parts, and what is wrong with them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from generation.core.motion import CHANNELS, INDEX, N_CHANNELS, REGION_CHANNELS, TRANSLATION, MotionTrack
from generation.motion.arkit import COLUMNS, write_arkit_csv, write_motion_json
from generation.motion.motion_files import read_motion_file


@pytest.fixture
def track() -> MotionTrack:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.random((33, 51)), 0.2 * rng.normal(size=(33, 6))], 1)
    values[5, :20] = 1e-7 * rng.random(20)
    return MotionTrack(values)


def edited(path: Path, old: str, new: str, count: int = 1) -> Path:
    path.write_text(path.read_text().replace(old, new, count))
    return path


def with_cell(path: Path, line: int, column: str, value: str) -> Path:
    """One cell of a table, lines counted from 1 for the first frame."""
    rows = list(csv.reader(path.read_text().splitlines()))
    rows[line][rows[0].index(column)] = value
    path.write_text("\n".join(",".join(row) for row in rows))
    return path


def recorded(path: Path, stamps: list[str], clock: str = "Timecode", **columns: np.ndarray) -> Path:
    """A table with some columns alone."""
    rows = [",".join([clock, *columns])]
    rows += [",".join([stamp, *map(str, values)]) for stamp, *values in zip(stamps, *columns.values(), strict=True)]
    path.write_text("\n".join(rows))
    return path


def test_every_channel_is_in_one_region() -> None:
    assert sorted(name for names in REGION_CHANNELS.values() for name in names) == sorted(CHANNELS)


def test_json_gives_the_same_numbers(tmp_path: Path, track: MotionTrack) -> None:
    write_motion_json(tmp_path / "a.json", track.values)
    back = read_motion_file(tmp_path / "a.json")
    assert np.array_equal(back.track.values, track.values) and back.channels == set(CHANNELS)


def test_csv_gives_the_same_weights_and_rotation(tmp_path: Path, track: MotionTrack) -> None:
    write_arkit_csv(tmp_path / "a.csv", track.values)
    header = (tmp_path / "a.csv").read_text().splitlines()[0].split(",")
    assert tuple(header) == COLUMNS and len(header) == 63 and header[2] == "EyeBlinkLeft"
    back = read_motion_file(tmp_path / "a.csv")
    assert np.array_equal(back.track.values[:, :51], track.values[:, :51])
    assert np.abs(back.track.values[:, :54] - track.values[:, :54]).max() < 1e-7
    assert not back.track.values[:, TRANSLATION].any() and back.lacking(CHANNELS) is None
    assert back.channels == set(CHANNELS[:54])


def test_an_edited_cell_is_that_value_and_no_other_is_touched(tmp_path: Path, track: MotionTrack) -> None:
    write_arkit_csv(tmp_path / "a.csv", track.values)
    before = read_motion_file(tmp_path / "a.csv").track.values
    after = read_motion_file(with_cell(tmp_path / "a.csv", 8, "BrowInnerUp", "0.375")).track.values
    assert after[7, INDEX["browInnerUp"]] == 0.375
    assert np.argwhere(after != before).tolist() == [[7, INDEX["browInnerUp"]]]


@pytest.mark.parametrize("rate", [24, 30, 60])
def test_recordings_of_other_rates_are_brought_to_25(tmp_path: Path, rate: int) -> None:
    n_frames = 2 * rate + 1
    stamps = [f"17:05:{35 + k // rate}:{k % rate:02d}.250" for k in range(n_frames)]
    path = recorded(tmp_path / "b.csv", stamps, JawOpen=np.linspace(0, 1, n_frames))
    back = read_motion_file(path).track
    assert len(back) == 51 and np.allclose(back.channel("jawOpen"), np.arange(51) / 50, atol=1e-5)


def test_a_frame_that_the_recorder_dropped_moves_nothing_in_time(tmp_path: Path) -> None:
    kept = [k for k in range(121) if k not in (59, 60, 61)]
    stamps = [f"00:00:{k // 60:02d}:{k % 60:02d}.000" for k in kept]
    back = read_motion_file(recorded(tmp_path / "b.csv", stamps, JawOpen=np.array(kept) / 120)).track
    assert len(back) == 51 and np.allclose(back.channel("jawOpen"), np.arange(51) / 50, atol=1e-5)


@pytest.mark.parametrize(("clock", "unit"), [("Frame", 1.0), ("Time", 0.04)])
def test_tables_by_frame_number_or_second(tmp_path: Path, clock: str, unit: float) -> None:
    up = np.array([0.0, 0.5, 0.25])
    path = recorded(tmp_path / "b.csv", [f"{7 + unit * k:g}" for k in range(3)], clock, BrowInnerUp=up)
    back = read_motion_file(path)
    assert back.channels == {"browInnerUp"} and back.track.channel("browInnerUp").tolist() == up.tolist()
    assert back.lacking(REGION_CHANNELS["brows"]) == (
        "b.csv lacks BrowDownLeft and 3 others; export the recording with all its columns."
    )


def test_json_of_another_rate_and_of_some_channels(tmp_path: Path) -> None:
    document = {"fps": 50, "channels": ["jawOpen"], "values": [[k / 20] for k in range(21)]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    back = read_motion_file(tmp_path / "a.json")
    assert np.allclose(back.track.channel("jawOpen"), np.arange(11) / 10) and back.channels == {"jawOpen"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("JawOpen", "JawOpne", r"the column 'JawOpne', which no ARKit table has; is JawOpen meant"),
        ("JawOpen", "JawLeft", r"the column JawLeft twice"),
        ("Timecode", "HeadYaw", r"the column HeadYaw twice"),
        ("HeadYaw", "Frame", r"has HeadPitch but no HeadYaw"),
        ("00:00:00:01.000", "soon", "line 3: timecode 'soon'"),
        ("00:00:00:02.000", "00:00:00:01.000", "line 4: the timecode does not go on"),
        ("00:00:00:03.000,61,", "00:00:00:03.000,", "line 5: 62 cells, but the header names 63"),
        ("00:00:00:00.000,61,0.", "00:00:00:00.000,61,7.", "line 2: EyeBlinkLeft is 7.*between 0 and 1"),
        ("00:00:00:00.000,61,0.", "00:00:00:00.000,61,wide0.", "line 2: EyeBlinkLeft is 'wide0"),
    ],
)
def test_broken_csv_is_named(tmp_path: Path, track: MotionTrack, old: str, new: str, message: str) -> None:
    write_arkit_csv(tmp_path / "a.csv", track.values)
    with pytest.raises(ValueError, match=message):
        read_motion_file(edited(tmp_path / "a.csv", old, new))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("JawOpen", "nan", "line 4: JawOpen is nan, not a finite number"),
        ("JawOpen", "1.2", "line 4: JawOpen is 1.2; weights lie between 0 and 1"),
        ("HeadYaw", "12.5", "line 4: HeadYaw is 12.5; it counts radians"),
        ("JawOpen", "", "line 4: JawOpen is '', not a number"),
    ],
)
def test_broken_cells_are_named(tmp_path: Path, track: MotionTrack, column: str, value: str, message: str) -> None:
    write_arkit_csv(tmp_path / "a.csv", track.values)
    with pytest.raises(ValueError, match=message):
        read_motion_file(with_cell(tmp_path / "a.csv", 3, column, value))


def test_not_a_csv_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\x81\x9d")
    with pytest.raises(ValueError, match="not a text table"):
        read_motion_file(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(ValueError, match="no column Timecode"):
        read_motion_file(tmp_path / "b.csv")
    (tmp_path / "c.csv").write_text(",".join(COLUMNS))
    with pytest.raises(ValueError, match="a header but no frames"):
        read_motion_file(tmp_path / "c.csv")
    with pytest.raises(ValueError, match=r"known are \.csv"):
        read_motion_file(tmp_path / "d.fbx")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("fps", 0, "between 1 and 1000"),
        ("fps", "soon", "needs fps, channels and values"),
        ("channels", "jawOpen", "a list of names"),
        ("channels", ["jawOpne"], "unknown channel 'jawOpne'; is jawOpen meant"),
        ("channels", ["jawOpen", "jawOpen"], "a channel twice"),
        ("values", [[0.1, 0.2]], "frame 0: every frame needs 57 numbers"),
        ("values", [["a"] * 57], "every frame needs 57 numbers"),
        ("values", [], "no frames"),
        ("values", [[0.1] * 57, [float("nan")] * 57], "frame 1: browDownLeft is nan, not a finite number"),
        ("values", [[1.5] * 57], "frame 0: browDownLeft is 1.5; weights lie between 0 and 1"),
        ("values", [[0.1] * 51 + [4, 0, 0, 0, 0, 0]], "headRotationX is 4; it counts radians"),
        ("values", [[0.1] * 56 + [40]], "headTranslationZ is 40; it counts eye distances"),
    ],
)
def test_broken_json_is_named(tmp_path: Path, track: MotionTrack, key: str, value: object, message: str) -> None:
    write_motion_json(tmp_path / "a.json", track.values)
    document = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps({**document, key: value}))
    with pytest.raises(ValueError, match=message):
        read_motion_file(tmp_path / "a.json")


def test_text_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("jaw: open")
    with pytest.raises(ValueError, match="not a motion file"):
        read_motion_file(tmp_path / "a.json")


@pytest.mark.parametrize("write", [write_motion_json, write_arkit_csv])
def test_motion_is_written_by_blocks_as_in_one_piece(
    write: Callable[[Path, np.ndarray], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(0).random((30, N_CHANNELS), np.float32)
    write(tmp_path / "whole", values)
    monkeypatch.setattr("generation.motion.arkit._BLOCK", 7)
    write(tmp_path / "blocks", values)
    assert (tmp_path / "blocks").read_text() == (tmp_path / "whole").read_text()
