"""Who goes first: the order of jobs, a film that lets a line pass, and what an idle worker does beforehand."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from job_fixtures import make, work

from studio.cast.geometry import SceneGeometry, build_geometry
from studio.core.storage import write_json
from studio.jobs import handlers, supervisor, worker
from studio.jobs.job import Job, JobStatus
from studio.jobs.job_kinds import WAITING
from studio.jobs.queue import jobs, leave_queue, submit
from studio.jobs.worker import serve
from studio.jobs.worker_lock import WORKER, worker_lock
from studio.project.project import Project
from studio.project.projects import Projects

pytestmark = pytest.mark.usefixtures("tiny_worker")


@pytest.fixture
def project(projects: Projects) -> Project:
    return make(projects)


def test_jobs_are_done_in_their_order_across_projects(projects: Projects) -> None:
    a, b = make(projects, "A"), make(projects, "B")
    order = [submit(project, "hear", lines=[project.line_ids()[0]], steps=1) for project in (a, b, a)]
    cancelled = submit(b, "hear", steps=1)
    cancelled.cancel()
    assert cancelled.status().state == "cancelled"
    work(projects)
    ends = [(job.folder / "status.json").stat().st_mtime_ns for job in order]
    assert ends == sorted(ends) and [job.status().state for job in order] == ["done"] * 3
    assert not (cancelled.folder / "status.json").exists()
    assert [job.id for job in jobs(a)] == [order[2].id, order[0].id]


def test_what_somebody_waits_for_goes_first(project: Project, projects: Projects) -> None:
    line = project.line_ids()[:1]
    film, preview, heard = (
        submit(project, "render", height=96),
        submit(project, "preview"),
        submit(project, "hear", lines=line, steps=1),
    )
    assert [job.status().note for job in (film, preview, heard)] == ["2 before it", "1 before it", "next"]
    film.cancel()
    work(projects)
    assert [job.status().state for job in (film, preview, heard)] == ["cancelled", "done", "done"]
    ends = [(job.folder / "status.json").stat().st_mtime_ns for job in (heard, preview)]
    assert ends == sorted(ends)


@pytest.mark.parametrize("cancel", [False, True])
def test_a_film_lets_a_line_pass_and_goes_on(
    project: Project, projects: Projects, monkeypatch: pytest.MonkeyPatch, cancel: bool
) -> None:
    if not cancel:
        alone = submit(project, "render", steps=1, height=96)
        work(projects)
        shutil.rmtree(project.work)  # pieces and pictures, so that all of it is made again
    film = submit(project, "render", steps=1, height=96)
    late: list[Job] = []
    seen: list[JobStatus] = []
    hear, frame = handlers.run_hear, handlers._JobObserver.frame

    def when_drawing(watcher: handlers._JobObserver, picture: np.ndarray) -> None:
        frame(watcher, picture)
        if not late:
            late.append(submit(project, "hear", lines=project.line_ids()[:1], steps=1))
            seen.append(late[0].status())
            time.sleep(0.2)  # the worker looks at the queue ten times a second

    def while_it_waits(*arguments: Any) -> dict[str, Path]:
        seen.append(film.status())
        if cancel:
            film.cancel()
            seen.append(film.status())
        return hear(*arguments)

    monkeypatch.setattr(handlers._JobObserver, "frame", when_drawing)
    monkeypatch.setattr(handlers, "run_hear", while_it_waits)
    work(projects)
    assert seen[0].note == "next, as soon as the film has finished a part"
    assert (seen[1].state, seen[1].stage, seen[1].note) == ("running", WAITING, "lines are being spoken first")
    assert seen[1].seconds_left is None and 0 < seen[1].share < 1
    assert late[0].status().state == "done", late[0].status().sentence
    if cancel:
        assert seen[2].state == film.status().state == "cancelled" and not (film.folder / "out").exists()
        return
    status = film.status()
    assert status.state == "done", status.sentence
    other = alone.status().results
    for key in ("motion:EILEEN", "srt"):
        assert status.results[key].read_bytes() == other[key].read_bytes(), key
    for key in ("stem:EILEEN", "stem:VOICE"):  # samples: signatures differ
        np.testing.assert_array_equal(
            *(soundfile.read(files[key], dtype="int32")[0] for files in (status.results, other))
        )
    ends = [(job.folder / "status.json").stat().st_mtime_ns for job in (late[0], film)]
    assert ends == sorted(ends)


def test_a_film_that_waited_when_the_worker_died_is_queued_again(project: Project, projects: Projects) -> None:
    film, line = submit(project, "render", steps=1, height=96), submit(project, "hear", steps=1)
    with worker_lock(projects.root):
        for job, stage in ((film, WAITING), (line, "speech and motion")):
            leave_queue(job)
            job.write_status("dead", JobStatus("running", stage, 0.5))
        state = {"token": "dead", "state": "busy", "pid": 0, "job": str(line.folder), "paused": [str(film.folder)]}
        write_json(projects.root / WORKER, state)
        supervisor._close(projects.root, "dead", -signal.SIGKILL, cancelled=False)
        assert line.status().state == "stopped" and "ended the worker" in line.status().sentence
        assert film.status() == JobStatus("queued", WAITING, note="next")
    work(projects)
    assert film.status().state == "done", film.status().sentence


def test_an_idle_worker_looks_at_the_picture_before_it_is_asked(
    project: Project, projects: Projects, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[Job] = []

    def look(*arguments: Any) -> SceneGeometry:
        orders.append(submit(project, "preview"))
        return build_geometry(*arguments)

    monkeypatch.setattr("studio.production.preview.build_geometry", look)
    monkeypatch.setattr(worker, "_SETTLED_SECONDS", 0.0)
    with worker_lock(projects.root):
        serve(projects.root, "test", idle_seconds=1.5)
    (preview,) = orders  # the preview itself looked no more
    assert preview.status().state == "done", preview.status().sentence


def test_out_of_memory_is_said_only_where_the_system_says_so(project: Project, projects: Projects) -> None:
    said = {}
    for out_of_memory in (False, True):
        job = submit(project, "hear", steps=1)
        with worker_lock(projects.root):
            leave_queue(job)
            job.write_status("dead", JobStatus("running", "speech and motion", 0.5))
            write_json(projects.root / WORKER, {"token": "dead", "state": "busy", "pid": 0, "job": str(job.folder)})
            supervisor._close(projects.root, "dead", -signal.SIGKILL, cancelled=False, out_of_memory=out_of_memory)
            said[out_of_memory] = job.status().sentence
    assert "out of memory" in said[True] and "out of memory" not in said[False]
