"""Where files are wanted that cannot be written, and marks that somebody forged: one sentence, before any work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from refusals import refused
from scene_fixtures import two_faces, write

from studio import cli
from studio.core import output, scratch
from studio.core.output import output_problems, whole_or_nothing
from studio.core.storage import StorageError
from studio.export.provenance import SENTENCE, make_record, mark, verify
from studio.project.restore import scene_of_video
from studio.scene.voices import voice_names

ROOT = Path(__file__).resolve().parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="places of Linux")


def places(folder: Path) -> dict[str, tuple[Path, str]]:
    """Places for a file that cannot be had, and what is said of each; ``X`` stands for the file's suffix."""
    (folder / "taken.X").mkdir()
    (folder / "file").touch()
    return {
        "a folder": (folder / "taken.X", "'taken.X' is a folder; name a file in it"),
        "a name of 252 letters": (folder / ("n" * 250 + ".X"), "cannot be written to"),
        "a name of 300 letters": (folder / ("n" * 300 + ".X"), "the name is too long"),
        "a folder that is a file": (folder / "file" / "a.X", "is a file, not a folder"),
        "NUL": (folder / "a\0b.X", "cannot be written"),
        "the kernel's": (Path("/proc/a.X"), "cannot be written to '/proc'"),
        "the kernel's own": (Path("/sys/kernel/a.X"), "cannot be written to '/sys/kernel'"),
        "a device's": (Path("/dev/null/a.X"), "is a file, not a folder"),
    }


CASES = ("a folder", "a name of 252 letters", "a name of 300 letters", "a folder that is a file", "NUL", "the kernel's",
         "the kernel's own", "a device's")  # fmt: skip


def place(case: str, folder: Path, suffix: str) -> tuple[Path, str]:
    found, told = places(folder)[case]
    wanted = Path(str(found).replace(".X", suffix))
    if (folder / "taken.X").is_dir():
        (folder / "taken.X").rename(folder / f"taken{suffix}")
    return wanted, told.replace(".X", suffix)


@LINUX
@pytest.mark.parametrize("case", CASES)
def test_a_video_that_cannot_be_written_is_refused_before_any_work(case: str, tmp_path: Path, capsys) -> None:
    target, told = place(case, tmp_path, ".mp4")
    path = write(two_faces(tmp_path), tmp_path)
    before = sorted(tmp_path.rglob("*"))
    sentence = refused(["render", path, "-o", target], capsys)
    assert told in sentence or (case.startswith("a name") and "too long" in sentence), sentence
    assert sorted(tmp_path.rglob("*")) == before


@LINUX
@pytest.mark.parametrize("case", CASES)
def test_a_sound_that_cannot_be_written_is_refused_before_any_work(case: str, tmp_path: Path, capsys) -> None:
    target, told = place(case, tmp_path, ".wav")
    before = sorted(tmp_path.rglob("*"))
    sentence = (
        refused(["say", "Hello.", "--voice", voice_names()[0], "-o", target], capsys)
        if len(target.name) < 252 or "300" in case
        else told
    )
    assert told in sentence or "too long" in sentence, sentence
    assert sorted(tmp_path.rglob("*")) == before


def test_every_command_tries_its_place_first(tmp_path: Path, capsys) -> None:
    """Before it reads what it is given, which is not there."""
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "new"
    write(two_faces(tmp_path), tmp_path)
    soundfile.write(tmp_path / "a.wav", np.zeros(2400), 24000)
    (tmp_path / "a.txt").write_text("A: Hello.")
    for arguments in (
        ["import", tmp_path / "a.txt", "-o", place / "scene.yaml"],
        ["split", tmp_path / "a.wav", "-o", place],
        ["archive", "out", tmp_path / "scene.yaml", "-o", place / "a.zip"],
        ["archive", "in", tmp_path / "none.zip", "-o", place],
        ["batch", tmp_path / "scene.yaml", "-o", place],
    ):
        refused(arguments, capsys, "is a file, not a folder; choose another place")


def test_a_disk_without_room_is_told_before_any_work(tmp_path: Path, monkeypatch) -> None:
    found = output_problems(tmp_path / "new" / "a.mp4", ("a.srt",), needed_bytes=10**18)
    assert len(found) == 1 and "and this takes about 1,000,000,000,000 MB; free some space first" in str(found[0])
    assert output_problems(tmp_path / "new" / "a.mp4", ("a.srt",), needed_bytes=1000) == []
    assert list(tmp_path.iterdir()) == [], "the place is as it was"


def test_a_place_that_refuses_is_told_with_the_reason(tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output, "scratch_folder", full)
    (problem,) = output_problems(tmp_path / "a.mp4")
    assert "the disk is full; free some space and try again." in str(problem) and "Errno" not in str(problem)


TEXTS = {"a surrogate": "Hel\udcfflo", "NUL": "Hel\0lo", "an escape": "\x1b[31mHello"}


@pytest.mark.parametrize("case", TEXTS)
def test_texts_that_cannot_be_said(case: str, tmp_path: Path, capsys) -> None:
    refused(["say", TEXTS[case], "--voice", voice_names()[0], "-o", tmp_path / "a.wav"], capsys, "text")


WRONG = [
    ["say", "a", "--voice", "Alice", "-o", "a.wav", "--steps", "9" * 5000],
    ["say", "a", "--voice", "Alice", "-o", "a.wav", "--steps", "1001"],
    ["say", "a", "--voice", "Alice", "-o", "a.wav", "--steps", "\u00b2"],
    ["say", "a", "--voice", "Alice", "-o", "a.wav", "--seed", "1e3"],
    ["say", "a", "--voice", "Alice", "-o", "a.wav", "--seed", str(2**31)],
    ["say", "a", "--voice", "Alice", "-o", "a.wav", "--device", "banana"],
    ["say", "a", "--voice", "Alice", "-o", "a.wav", "--device", "cuda:1000"],
    ["say", "a", "--voice", "Alice", "-o", "a.wav", "--speed", "fast"],
    ["say", "a", "--voice", "Alice", "-o", "a.wav", "--style", "weary:much"],
    ["render", "s.yaml", "-o", "a.mp4", "--size", "-1"],
    ["render", "s.yaml", "-o", "a.mp4", "--size", "9" * 400],
    ["studio", "--port", "65536"],
    ["studio", "--port", "0"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=lambda arguments: " ".join(arguments)[:60])
def test_wrong_values_of_options_are_wrong_usage(arguments: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    last = capsys.readouterr().err.splitlines()[-1]
    assert stop.value.code == 2 and last.startswith("parley") and len(last) < 200


@pytest.mark.parametrize("command", [["check"], ["verify"], ["storage"], ["read", "--file"]], ids=lambda c: c[0])
@pytest.mark.parametrize("name", ["gone.yaml", "x" * 300 + ".yaml", "a\0b.yaml"], ids=["gone", "long", "NUL"])
def test_names_that_are_no_files(command: list[str], name: str, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    refused([*command, name], capsys)


# --- forged marks ------------------------------------------------------------------------------------------------

BOX = b"\0\0\0\x10ftypisom\0\0\0\0"


def film(folder: Path, scene: object = None, **changed: object) -> Path:
    """A file with the mark of a record in which some items are changed."""
    record = make_record({"picture": "a.png", "cast": [], "script": []}, folder, {}, photograph=False) | changed
    if scene is not None:
        record["scene"] = scene
    path = folder / "film.mp4"
    path.write_bytes(BOX)
    mark(path, {"generator": "x", "digital_source_type": "y"} | record)
    return path


RECORDS = {
    "a scene that is a list": {"scene": [1]},
    "a scene of text": {"scene": "all"},
    "files without names": {"files": [{}]},
    "files of numbers": {"files": [5]},
    "files that are no list": {"files": "all"},
    "a generator with an escape": {"generator": "\x1b[31mparley"},
    "a long generator": {"generator": "p" * 10_000},
    "another mark": {"mark": "hand-made"},
}


@pytest.mark.parametrize("case", RECORDS)
def test_a_forged_record_is_told_as_damaged(case: str, tmp_path: Path, capsys) -> None:
    path = film(tmp_path, **RECORDS[case])
    refused(["verify", path], capsys, "film.mp4", "record is lost or damaged")
    with pytest.raises(ValueError, match="carries no scene"):
        scene_of_video(path)


SCENES = {
    "a picture that is a list": {"picture": [5], "cast": [], "script": []},
    "a cast of numbers": {"picture": "a.png", "cast": [1], "script": []},
    "a cast of text": {"picture": "a.png", "cast": "all", "script": []},
    "regions of numbers": {"picture": "a.png", "cast": [{"name": "A", "regions": [5]}], "script": []},
    "a recording that is a list": {"picture": "a.png", "cast": [], "script": [{"who": "A", "recording": [1]}]},
    "a later version": {"picture": "a.png", "version": 99},
    "a version of words": {"picture": "a.png", "version": {"a": 1}},
    "NUL in a name": {"picture": "a\0b", "cast": [], "script": []},
}


@pytest.mark.parametrize("case", SCENES)
def test_a_forged_scene_is_refused_when_it_is_brought_back(case: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^film\.mp4: ") as refusal:
        scene_of_video(film(tmp_path, SCENES[case]))
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith((".", "?"))


def test_any_flipped_bit_of_a_mark_is_told(tmp_path: Path) -> None:
    path = film(tmp_path)
    whole = path.read_bytes()
    assert verify(path).ok
    for at in range(len(BOX), len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        told = verify(path)
        assert not told.ok and told.sentence.isprintable(), at


def test_verify_claims_no_origin(tmp_path: Path) -> None:
    sentence = verify(film(tmp_path)).sentence
    assert "matches its record" in sentence and "does not prove who made the file" in sentence
    assert "unchanged" not in sentence and SENTENCE


# --- together or not at all --------------------------------------------------------------------------------------


def test_a_second_set_replaces_the_first_together(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with whole_or_nothing(tmp_path / "a.mp4") as folder:
            for name in ("a.mp4", "a.wav"):
                (folder / name).write_text(text)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.mp4": "new", "a.wav": "new"}


def test_a_failed_move_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("old")
    (tmp_path / "a.wav").mkdir()  # a file cannot take its place
    with pytest.raises(StorageError), whole_or_nothing(tmp_path / "a.mp4") as folder:
        for name in ("a.mp4", "a.srt", "a.wav"):
            (folder / name).write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "a.wav"]
    assert (tmp_path / "a.mp4").read_text() == "old"


KILLED = """
import os, signal, sys
from pathlib import Path
from studio.core import scratch
from studio.core.output import whole_or_nothing

move, left = scratch._move, [int(sys.argv[2])]
def dying(*arguments):
    if left[0] == 0:
        os.kill(os.getpid(), getattr(signal, sys.argv[3]))
    left[0] -= 1
    move(*arguments)
scratch._move = dying
with whole_or_nothing(Path(sys.argv[1])) as folder:
    for name in ("a.mp4", "a.srt", "a.wav"):
        (folder / name).write_text("new")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals differ")
@pytest.mark.parametrize("moves", [0, 1, 3, 5])
def test_what_a_kill_cut_off_is_finished_by_the_next_start(moves: int, tmp_path: Path) -> None:
    for name in ("a.mp4", "a.srt", "a.wav"):
        (tmp_path / name).write_text("old")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "a.mp4"), str(moves), "SIGKILL"]
    assert subprocess.run(command, cwd=ROOT).returncode == -signal.SIGKILL
    there = {path.name: path.read_text() for path in tmp_path.glob("a.*")}
    assert there.get("a.mp4", "new") == "new" or set(there.values()) == {"old"}, "no old film beside new files"
    assert list(tmp_path.glob(".parley-*"))
    scratch.sweep(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        name: "new" for name in ("a.mp4", "a.srt", "a.wav")
    }


def test_a_left_folder_is_finished_by_one_sweep_alone(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / ".parley-00000000.tmp"
    (folder / "new").mkdir(parents=True)
    (folder / "lock").touch()
    finish, sweeps = scratch._put_in_place, []

    def meanwhile(*arguments: object) -> None:
        sweeps.append(arguments)
        scratch.sweep(tmp_path)
        finish(*arguments)

    monkeypatch.setattr(scratch, "_put_in_place", meanwhile)
    scratch.sweep(tmp_path)
    assert len(sweeps) == 1 and not folder.exists()


HOLDING = """
import sys, time, tempfile
from pathlib import Path
from studio.core.scratch import scratch_folder, use_own_temporary_folder
tempfile.tempdir = sys.argv[1]
use_own_temporary_folder()
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "half").touch()
    tempfile.mkdtemp()
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="the folder is named by the user's number")
def test_folders_are_swept_when_their_process_is_gone_and_not_before(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        own = tmp_path / f"parley-{os.getuid()}"
        for folder in (tmp_path, own):
            scratch.sweep(folder)
            assert len(list(folder.glob(".parley-*.tmp"))) == 1
        process.kill()  # a shell in the background has its children ignore SIGQUIT and SIGINT
    for folder in (tmp_path, own):
        scratch.sweep(folder)
        assert not list(folder.glob(".parley-*.tmp"))


# --- the program as a whole --------------------------------------------------------------------------------------


def parley(*arguments: str, **more: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "studio.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output="stdout" not in more, text=True, **more)


@LINUX
def test_closed_and_broken_outputs_are_quiet(tmp_path: Path) -> None:
    shell = f"{sys.executable} -m studio.cli voices"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    for line, status in ((f"{shell} >&- 2>&-", 0), (f"{shell} >/dev/full", 1)):
        done = subprocess.run(["sh", "-c", line], cwd=ROOT, env=buffered, capture_output=True, text=True)
        full = "The command failed: the disk is full; free some space and try again.\n" if status else ""
        assert (done.returncode, done.stdout, done.stderr) == (status, "", full), line
    reader, writer = os.pipe()
    os.close(reader)
    done = parley("voices", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_libraries_are_silent(tmp_path: Path) -> None:
    done = parley("check", "--json", str(write(two_faces(tmp_path), tmp_path)))
    assert done.returncode == 0 and done.stderr == ""
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["ok"]


def test_an_error_that_nobody_foresaw_is_one_sentence(tmp_path: Path, capsys, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise TypeError("of the program's insides")

    monkeypatch.setattr("studio.cli._voices", broken)
    assert cli.main(["voices"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "fault of the program (TypeError at test_outputs.py line" in told
