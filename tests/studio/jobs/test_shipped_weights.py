"""The worker with the weights that ship: preview, hearing and one line done anew on the sample scene (minutes)."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from studio.jobs.estimate import estimate
from studio.jobs.job import Job
from studio.jobs.queue import submit
from studio.jobs.supervisor import ensure_worker, worker_state
from studio.production.settings import RenderSettings
from studio.project.project import Project
from studio.project.projects import Projects
from studio.scene.schema import ScriptLine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    projects = Projects(tmp_path_factory.mktemp("projects"))
    ensure_worker(projects.root)
    end = time.monotonic() + 60
    while worker_state(projects.root) == "absent":  # it takes a moment until the new process shows itself
        assert time.monotonic() < end
        time.sleep(0.1)
    return projects.create_sample()


def done(job: Job, seconds: float = 1800) -> Job:
    end = time.monotonic() + seconds
    while not job.status().ended:
        assert time.monotonic() < end and worker_state(job.root) != "absent"
        time.sleep(0.1)
    assert job.status().state == "done", job.status().sentence
    return job


def stems(job: Job) -> dict[str, np.ndarray]:
    results = job.status().results.items()
    return {key.removeprefix("stem:"): soundfile.read(path)[0] for key, path in results if key.startswith("stem:")}


def test_a_line_is_heard_previewed_and_done_anew(project: Project) -> None:
    first, *_ = project.line_ids()
    heard = done(submit(project, "hear", lines=[first], steps=2))
    words = json.loads(heard.status().results["words"].read_text())
    assert " ".join(word["text"] for word in words) == project.scene.script[0].text
    done(submit(project, "preview"))
    before = done(submit(project, "render", steps=2, height=240))
    pieces = {path.name: path.stat().st_ino for path in project.work.glob("*.npz")}
    project.new_take(project.line_ids()[-1])  # Theo's last line, a piece of its own
    after = done(submit(project, "render", steps=2, height=240))
    now = {path.name: path.stat().st_ino for path in Path(project.work).glob("*.npz")}
    assert pieces.items() <= now.items() and len(now) == len(pieces) + 1
    old, new = stems(before), stems(after)
    length = min(map(len, (old["Theo"], new["Theo"])))  # the last line of the film, with a rhythm of its own
    for name in ("Nora", "June"):
        np.testing.assert_array_equal(old[name][:length], new[name][:length])
        assert not old[name][length:].any() and not new[name][length:].any()
    changed = np.flatnonzero(old["Theo"][:length] != new["Theo"][:length]) / 24_000
    spoken = [w for w in json.loads(after.status().results["words"].read_text()) if w["line"] == project.line_ids()[-1]]
    assert spoken[0]["start"] - 0.5 < changed.min() and changed.max() < spoken[-1]["end"] + 0.5


def test_time_is_estimated_within_a_factor_of_two_from_a_shorter_film(project: Project) -> None:
    whole = project.scene
    settings = RenderSettings(height=240)

    def film(script: tuple[ScriptLine, ...], takes: int) -> tuple[float, float]:
        """Seconds expected and taken."""
        script = tuple(line.model_copy(update={"take": takes}) for line in script)
        project.edit(whole.model_copy(update={"script": script}), f"Takes {takes}")
        expected = estimate(project, settings=settings).seconds_of_work
        job = submit(project, "render", height=240)
        while job.status().state == "queued":
            time.sleep(0.05)
        began = time.monotonic()
        done(job)
        return expected, time.monotonic() - began

    film(whole.script[1:3], 7)  # teaches how fast this machine is now
    expected, taken = film(whole.script, 8)
    assert expected / 2 < taken < expected * 2
