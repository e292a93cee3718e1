"""Batches of real films (tiny models) while workers are killed, the disk is full, and whole sets of processes die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from batch_films import FAULTS, seen_and_heard, start, write_scenes

from studio.batch.attempts import AttemptFolder
from studio.batch.manifest import MANIFEST, PROBLEMS, TEMPORARY

pytestmark = pytest.mark.slow
N_SCENES, FILMS_PER_KILL, FULL_SECONDS = 40, 3, 8.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own that is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("a disk of its own cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def rows(folder: Path) -> dict[str, dict]:
    lines = (folder / MANIFEST).read_text("utf-8").splitlines()
    return {row["name"]: row for row in map(json.loads, lines)}


def workers(parent: subprocess.Popen) -> list[psutil.Process]:
    return [child for child in psutil.Process(parent.pid).children() if "--as-worker" in child.cmdline()]


def kill_one(parent: subprocess.Popen, number: int) -> bool:
    """``kill -9`` of a worker; False while there is none."""
    alive = workers(parent)
    if alive:
        alive[number % len(alive)].kill()
    return bool(alive)


def check_nothing_was_made_twice(folder: Path) -> int:
    """Every film was finished once, and was begun again only when an attempt had failed; how many of those."""
    again = 0
    for row in rows(folder).values():
        states = [attempt.state for attempt in AttemptFolder(folder / ".batch" / row["name"]).read()]
        assert states.count("done") == (row["state"] == "done"), row
        assert "done" not in states[:-1] and "running" not in states, row
        again += len(states) - 1 if row["state"] == "done" else 0
    return again


def test_kills_and_a_full_disk_change_no_film(assets: Path, tmp_path: Path, small_disk: Path) -> None:
    scenes = write_scenes(tmp_path / "scenes", N_SCENES)
    still = start(assets, scenes, "-o", tmp_path / "still", "--draft", "--workers", "2", "--json")
    assert still.communicate()[1] == "" and still.returncode == PROBLEMS
    folder, filler = small_disk / "films", small_disk / "filler"
    batch = start(assets, scenes, "-o", folder, "--draft", "--workers", "2", "--retries", "9", "--json")
    kills, full_since = 0, None
    while batch.poll() is None:
        time.sleep(0.1)
        n_films = len(list(folder.glob("s*/s*.mp4")))
        if n_films >= FILMS_PER_KILL * (kills + 1):
            kills += kill_one(batch, kills)
        if full_since is None and n_films >= 10:
            full_since = time.monotonic()
            with filler.open("wb") as file, pytest.raises(OSError):
                while True:
                    os.write(file.fileno(), bytes(1 << 16))
        if full_since is not None and time.monotonic() - full_since > FULL_SECONDS:
            filler.unlink(missing_ok=True)
    out, err = batch.communicate()
    assert batch.returncode == PROBLEMS and err == "", (out[-2000:], err)
    assert kills >= 8 and full_since is not None
    films = seen_and_heard(folder)
    assert len(films) == N_SCENES - len(FAULTS) and films == seen_and_heard(tmp_path / "still")
    told = [json.loads(line) for line in out.splitlines()]
    faults = {event["name"]: event["sentence"] for event in told if event.get("state") == "fault"}
    assert sorted(faults) == sorted(FAULTS) and all(faults.values())
    assert {name: row["sentence"] for name, row in rows(folder).items() if row["state"] == "fault"} == faults
    assert check_nothing_was_made_twice(folder) >= 1 and check_nothing_was_made_twice(tmp_path / "still") == 0
    sys.stdout.write(f"{kills} kills, {check_nothing_was_made_twice(folder)} attempts again\n")


def test_two_sets_of_processes_share_a_folder_and_one_of_them_dies(assets: Path, tmp_path: Path) -> None:
    scenes = write_scenes(tmp_path / "scenes", 16)
    how = ("-o", tmp_path / "films", "--draft", "--resume", "--json", "--retries", "4")
    first, second = start(assets, scenes, *how), start(assets, scenes, *how)
    while len(list((tmp_path / "films").glob("s*/s*.mp4"))) < 4:
        assert first.poll() is None and second.poll() is None
        time.sleep(0.1)
    first.kill()
    first.wait()
    out, err = second.communicate()
    first.communicate()
    assert second.returncode == PROBLEMS and err == "", (out, err)
    assert len(seen_and_heard(tmp_path / "films")) == 13
    runs = {row["attempts"][-1]["run"] for row in rows(tmp_path / "films").values() if row["attempts"]}
    assert len(runs) == 2, "both made films"
    for row in rows(tmp_path / "films").values():
        states = [attempt.state for attempt in AttemptFolder(tmp_path / "films" / ".batch" / row["name"]).read()]
        assert states.count("done") == (row["state"] == "done") and len(states) <= 2, row


def test_a_cluster_that_takes_the_machine_back_is_told_to_try_again(assets: Path, tmp_path: Path) -> None:
    scenes = write_scenes(tmp_path / "scenes", 6, faulty=False)
    batch = start(assets, scenes, "-o", tmp_path / "films", "--draft", "--workers", "2")
    while not list((tmp_path / "films").glob("s*/s*.mp4")):
        assert batch.poll() is None
        time.sleep(0.1)
    batch.terminate()
    batch.communicate()
    assert batch.returncode == TEMPORARY
    states = [row["state"] for row in rows(tmp_path / "films").values()]
    assert set(states) == {"done", "waiting"}
    again = start(assets, scenes, "-o", tmp_path / "films", "--draft", "--resume")
    assert again.wait() == 0
    again.communicate()
    assert check_nothing_was_made_twice(tmp_path / "films") >= 1
