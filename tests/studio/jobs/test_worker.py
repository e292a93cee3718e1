"""Jobs and the worker on tiny real models: frozen copies, order, cancel, death of the worker, a full disk, takes."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from job_fixtures import make, work

from studio.core import storage
from studio.core.storage import read_json
from studio.export.provenance import verify
from studio.jobs.estimate import SPEED_FILE, estimate
from studio.jobs.job import Job, JobStatus
from studio.jobs.queue import jobs, retry, submit
from studio.jobs.supervisor import ensure_worker, worker_state
from studio.jobs.worker_lock import WORKER, worker_alive
from studio.production.settings import RenderSettings
from studio.project.project import Project
from studio.project.projects import Projects
from studio.scene.schema import Scene

pytestmark = pytest.mark.usefixtures("tiny_worker")


@pytest.fixture
def project(projects: Projects) -> Project:
    return make(projects)


def until(true: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def with_text(scene: Scene, index: int, text: str) -> Scene:
    script = list(scene.script)
    script[index] = script[index].model_copy(update={"text": text})
    return scene.model_copy(update={"script": tuple(script)})


def sound_of(job: Job) -> np.ndarray:
    return soundfile.read(job.status().results["sound"])[0]


def pieces(project: Project) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in project.work.glob("*.npz")}


def test_lines_are_heard_with_the_times_of_their_words(project: Project, projects: Projects) -> None:
    first, second, _ = project.line_ids()
    one, pair = (submit(project, "hear", lines=lines, steps=1) for lines in ([second], [first, second]))
    assert one.status() == JobStatus("queued", "waiting", note="next") and pair.status().note == "1 before it"
    work(projects)
    assert one.status().state == "done", one.status().sentence
    words = json.loads(one.status().results["words"].read_text())
    assert [(word["line"], word["who"], word["text"]) for word in words] == [(second, "VOICE", "Two.")]
    assert 0 <= words[0]["start"] < words[0]["end"] <= len(sound_of(one)) / 24_000
    assert len(sound_of(pair)) > len(sound_of(one)) and len(pieces(project)) == 2
    assert verify(one.status().results["sound"]).ok
    said = json.loads(pair.status().results["words"].read_text())
    assert said[1]["start"] > said[0]["end"] + 0.3  # the pause


def test_redoing_a_line_leaves_the_others_as_they_are(project: Project, projects: Projects) -> None:
    ids = project.line_ids()
    before = submit(project, "hear", steps=1)
    work(projects)
    kept = pieces(project)
    assert project.new_take(ids[1]) == "1" and project.undoable == "New take of line 2"
    assert project.line_ids() == ids
    after = submit(project, "hear", steps=1)
    work(projects)
    assert len(pieces(project)) == 4 and kept.items() <= pieces(project).items()
    assert [take.id for take in project.takes(ids[1])] == ["0", "1"] and len(project.takes(ids[0])) == 1
    first, second = (soundfile.read(take.sound)[0] for take in project.takes(ids[1]))
    assert first.shape == second.shape and not np.array_equal(first, second)
    assert sound_of(before).shape == sound_of(after).shape  # another take takes the same time
    project.keep_take(ids[1], "0")
    again = submit(project, "hear", steps=1)
    work(projects)
    np.testing.assert_array_equal(sound_of(again), sound_of(before))
    assert len(pieces(project)) == 4


def test_a_line_does_not_depend_on_its_neighbours_in_the_same_piece(project: Project, projects: Projects) -> None:
    first, *others = project.scene.script
    script = [first, *(line.model_copy(update={"pause": 0.0}) for line in others)]
    project.edit(project.scene.model_copy(update={"script": tuple(script)}), "No pauses")
    sounds = []
    for _ in range(2):
        submit(project, "hear", steps=2)
        work(projects)
        takes = [project.takes(name)[-1] for name in project.line_ids()]
        sounds.append([soundfile.read(take.sound)[0] for take in takes])
        project.new_take(project.line_ids()[0])
    assert len(pieces(project)) == 2  # one piece holds all three lines
    changes = [np.abs(before - after).max() for before, after in zip(*sounds, strict=True)]
    assert changes[0] > 0.05 and max(changes[1:]) < 0.005  # not to the bit: they are worked out together


def test_a_preview_needs_no_consent_and_a_film_does(project: Project, projects: Projects) -> None:
    project.edit(project.scene.model_copy(update={"consent": None}), "Ask")
    preview, film = submit(project, "preview"), submit(project, "render", steps=1, height=96)
    work(projects)
    assert preview.status().state == "done", preview.status().sentence
    video = cv2.VideoCapture(str(preview.status().results["video"]))
    assert video.get(cv2.CAP_PROP_FRAME_HEIGHT) == 256
    assert film.status().state == "failed" and "consent" in film.status().sentence
    assert not (film.folder / "out").exists()


def test_a_film_is_made_of_the_frozen_copy(project: Project, projects: Projects) -> None:
    name = project.line_ids()[0]
    submit(project, "hear", lines=[name], steps=1)
    work(projects)
    heard = soundfile.read(project.takes(name)[0].sound)[0]
    job = submit(project, "render", steps=1, height=96)
    project.edit(with_text(project.scene, 0, "Something else entirely."), "Edit")
    (project.folder / project.scene.picture).write_bytes(b"gone")
    work(projects)
    status = job.status()
    assert status.state == "done" and status.share == 1, status.sentence
    assert verify(status.results["video"]).record["scene"]["script"][0]["text"] == "One."
    assert set(status.results) >= {"video", "srt", "vtt", "otio", "words", "stem:EILEEN", "curves:VOICE"}
    assert all(path.is_file() for path in status.results.values()) and job.preview_picture.is_file()
    (take,) = project.takes(name)
    np.testing.assert_allclose(soundfile.read(take.sound)[0], heard, atol=0.005)  # what was heard is what is filmed
    assert take.recipe and read_json(projects.root / SPEED_FILE)
    old = projects.restore(status.results["video"], "Again")
    assert old[0].scene.script[0].text == "One." and old[1] == []  # the job's copy of the picture is found by its hash


def test_a_film_of_another_format_is_made_and_teaches_no_estimate(project: Project, projects: Projects) -> None:
    job = submit(project, "render", steps=1, height=96, film="webm")
    work(projects)
    status = job.status()
    assert status.state == "done", status.sentence
    assert status.results["video"].suffix == ".webm" and verify(status.results["video"]).ok
    assert job.preview_picture.is_file() and not (projects.root / SPEED_FILE).exists()
    assert projects.restore(status.results["video"], "Again")[0].scene.script == project.scene.script


def test_a_job_that_fails_says_why_and_the_next_is_done(project: Project, projects: Projects) -> None:
    good = project.scene
    project.edit(with_text(good, 1, "…"), "Nothing to say")
    bad, partly = submit(project, "hear", steps=1), submit(project, "hear", lines=[project.line_ids()[0]], steps=1)
    work(projects)
    assert bad.status().state == "failed" and "nothing to say" in bad.status().sentence
    assert partly.status().state == "done"


@pytest.mark.parametrize("what", [{"lines": ["nobody-1"]}, {"lines": "all"}, {"height": 96}, {"steps": "4"}])
def test_orders_that_mean_nothing_are_refused(project: Project, what: dict) -> None:
    with pytest.raises(ValueError, match="line|takes no"):
        submit(project, "hear", **what)
    assert jobs(project) == []


def test_old_jobs_are_forgotten_and_films_are_not(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.jobs.queue.KEPT_JOBS", 2)
    film = submit(project, "render")
    film.write_status("x", JobStatus("done"))
    for _ in range(4):
        submit(project, "hear").write_status("x", JobStatus("failed"))
    waiting = submit(project, "hear")
    assert len(jobs(project)) == 4 and {film.id, waiting.id} < {job.id for job in jobs(project)}


def test_a_full_disk_fails_the_job_and_loses_nothing(
    project: Project, projects: Projects, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    job = submit(project, "hear", steps=1)
    write = storage.write_bytes

    def full(path: Path, contents: bytes, *, durable: bool) -> None:
        if "npz" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, contents, durable=durable)

    monkeypatch.setattr(storage, "write_bytes", full)
    work(projects)
    assert job.status().state == "failed" and "disk is full" in job.status().sentence
    monkeypatch.setattr(storage, "write_bytes", lambda *_, **__: full(Path("npz"), b"", durable=False))
    with pytest.raises(storage.StorageError, match="disk is full"):
        submit(project, "hear")
    with pytest.raises(storage.StorageError, match="disk is full"):
        project.edit(with_text(project.scene, 0, "Else."), "Edit")
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in whole} == whole
    assert Projects(projects.root).open("Two").scene == project.scene
    assert not list(project.folder.rglob("*.part"))


@pytest.fixture
def living(projects: Projects) -> Iterator[Projects]:
    """A worker process, ended with the test."""
    ensure_worker(projects.root)
    until(lambda: worker_state(projects.root) == "ready")
    yield projects
    until(lambda: not alive_after_a_blow(projects.root))


def alive_after_a_blow(root: Path) -> bool:
    pid = (read_json(root / WORKER) or {}).get("pid")
    if pid and Path(f"/proc/{pid}/stat").exists() and supervisor_of(pid) > 1:
        os.kill(supervisor_of(pid), signal.SIGKILL)
    return worker_alive(root)


def supervisor_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def long_job(project: Project) -> Job:
    """A film that is still running when somebody looks."""
    lines = [project.scene.script[0].model_copy(update={"text": f"Number {n}, " * 30, "pause": 0.4}) for n in range(4)]
    project.edit(project.scene.model_copy(update={"script": tuple(lines)}), "Long")
    job = submit(project, "render", steps=8)
    until(lambda: len(pieces(project)) > 0)
    return job


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not tell a process' peak")
def test_memory_is_estimated_within_a_factor_of_two(living: Projects) -> None:
    project = make(living)
    expected = estimate(project, settings=RenderSettings(steps=1, height=200))
    film = submit(project, "render", steps=1, height=200)
    until(lambda: film.status().ended)
    assert film.status().state == "done", film.status().sentence
    held_over_expected = read_json(living.root / SPEED_FILE)["memory"]
    assert expected is not None and 0.5 < held_over_expected < 2
    again = estimate(project, settings=RenderSettings(steps=1, height=200))
    assert again.memory_bytes == pytest.approx(expected.memory_bytes * held_over_expected, rel=1e-6)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_cancel_and_death_of_the_worker(living: Projects) -> None:
    project = make(living)
    ensure_worker(living.root)  # there is one already
    job = long_job(project)
    assert job.status().state == "running" and worker_state(living.root) == "busy"
    job.cancel()
    until(lambda: job.status().ended)
    assert job.status().state == "cancelled"
    assert not (job.folder / "out").exists()
    until(lambda: worker_state(living.root) == "ready")

    kept = pieces(project)
    again = retry(job)
    until(lambda: again.status().state == "running" and len(pieces(project)) > len(kept))
    assert kept.items() <= pieces(project).items()
    waiting = submit(make(living, "Other"), "hear", steps=1)
    os.kill(read_json(living.root / WORKER)["pid"], signal.SIGKILL)
    until(lambda: again.status().ended)
    assert again.status().state == "stopped" and "ended the worker" in again.status().sentence
    assert not (again.folder / "out").exists()
    until(lambda: waiting.status().ended)  # the queue goes on with a new process
    assert waiting.status().state == "done"
    assert living.open(project.name).scene == project.scene

    last = retry(again)
    until(lambda: last.status().state == "running")
    pid = read_json(living.root / WORKER)["pid"]
    os.kill(supervisor_of(pid), signal.SIGKILL)
    until(lambda: last.status().ended)
    assert last.status().state == "stopped" and last.status().sentence
    until(lambda: not Path(f"/proc/{pid}/stat").exists())
    assert worker_state(living.root) == "absent"
