"""Worker loop: runs queued jobs by priority, reports their status, contains failures; longer jobs yield to shorter."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name

import numpy as np

from generation.audio.loudness import mix
from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE
from studio.core.failures import failure_of
from studio.core.progress import Cancelled
from studio.core.storage import StorageError, write_json
from studio.jobs.handlers import WorkerModels
from studio.jobs.job import Job, JobStatus
from studio.jobs.job_kinds import BEGINNING, JOB_KINDS
from studio.jobs.queue import leave_queue, next_job
from studio.jobs.reporter import StatusReporter
from studio.jobs.worker_lock import WORKER
from studio.performance.performer import ScenePerformer
from studio.project.history import SCENE_FILE
from studio.project.projects import Projects
from studio.scene.document import load_scene

log = logging.getLogger(__name__)

_LOOP_SECONDS = 0.1
"""How often the queue is looked at."""
_IDLE_LOOK_SECONDS, _SETTLED_SECONDS = 1.0, 2.0
"""How often an idle worker looks for a changed project, and how long that one should have stayed as it is."""


def serve(root: Path, token: str, idle_seconds: float) -> None:
    """Load the models, then do jobs until none came for ``idle_seconds``.

    Args:
        root: the folder of the projects.
        token: this worker's name in the status of its jobs.
        idle_seconds: how long to wait for a job.
    """
    _write_state(root, token, "starting", [])
    worker = Worker(root, token, WorkerModels.load())
    worker.write_state()
    waiting_since = time.monotonic()
    while True:
        if worker.run_next():
            waiting_since = time.monotonic()
        elif time.monotonic() - waiting_since > idle_seconds:
            return
        else:
            worker.prepare_newest()
            time.sleep(_LOOP_SECONDS)


def _write_state(root: Path, token: str, state: str, jobs: Sequence[Job]) -> None:
    """Write what the worker is at, for pages and for the supervisor."""
    folders = [str(job.folder) for job in jobs]
    at = {"job": folders[-1] if folders else None, "paused": folders[:-1]}
    with suppress(StorageError):
        write_json(root / WORKER, {"token": token, "state": state, "pid": os.getpid(), **at}, durable=False)


class Worker:
    """State of the worker: the loaded models and the jobs that were begun, of which the last one is worked at.

    Args:
        root: the folder of the projects.
        token: this worker's name in the status of its jobs.
        loaded: what all jobs use.
    """

    def __init__(self, root: Path, token: str, loaded: WorkerModels) -> None:
        self._root, self._token, self._loaded = root, token, loaded
        self._begun: list[StatusReporter] = []
        self._looked = 0.0
        self._prepared: tuple[str, float] | None = None

    def write_state(self) -> None:
        """Write what is worked at."""
        jobs = [reporter.job for reporter in self._begun]
        _write_state(self._root, self._token, "busy" if jobs else "ready", jobs)

    def run_next(self) -> bool:
        """Run the queued job of the highest priority if it goes before the one that is worked at; False without one."""
        paused = self._begun[-1] if self._begun else None
        job = next_job(self._root, paused.job if paused else None)
        if job is None:
            return False
        reporter = StatusReporter(job, self._token, self.yield_point)
        try:
            reporter.write(replace(reporter.last, stage=BEGINNING))
        except StorageError:  # it waits until the disk has room
            return False
        self._begun.append(reporter)
        self.write_state()
        leave_queue(job)
        try:
            with paused.paused(JOB_KINDS[job.kind].goes_first) if paused else nullcontext():
                _run(job, self._loaded, reporter)
        finally:
            self._begun.pop()
            self.write_state()
        return True

    def yield_point(self) -> None:
        """Between two parts of a job: let jobs of higher priority go first.

        They are run here and now, so that nothing of the job's own work is lost, and no second process holds the
        models once more.
        """
        if time.monotonic() - self._looked > _LOOP_SECONDS:
            while self.run_next():
                pass
            self._looked = time.monotonic()

    def prepare_newest(self) -> None:
        """While nothing is queued: prepare the picture of the project that was changed last, for its preview."""
        if time.monotonic() - self._looked < _IDLE_LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        newest = next(iter(Projects(self._root).names()), None)
        if newest is None:
            return
        path = self._root / newest / SCENE_FILE
        try:
            changed = path.stat().st_mtime
            if (newest, changed) == self._prepared or time.time() - changed < _SETTLED_SECONDS:
                return
            self._prepared = (newest, changed)
            self._prepare(path)
        except Exception:  # it says so when somebody asks for the preview
            log.info("The picture of %s could not be prepared", newest, exc_info=True)

    def _prepare(self, path: Path) -> None:
        """The picture, a timeline and a mix; the first ones load pronunciation, filters and meter."""
        scene = load_scene(path)
        self._loaded.previewer.prepared(scene, path.parent)
        ScenePerformer(scene, path.parent, self._loaded.models).timeline()
        mix([Audio(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)])


def _run(job: Job, loaded: WorkerModels, reporter: StatusReporter) -> None:
    """One job to its last status; nothing that goes wrong in it ends the worker."""
    try:
        results = resolve_name(JOB_KINDS[job.kind].handler)(job, loaded, reporter)
        reporter.write(JobStatus("done", reporter.last.stage, 1.0, 0.0, results=results))
    except Cancelled:
        job.clear()
        reporter.write(JobStatus("cancelled", reporter.last.stage, reporter.last.share))
    except Exception as error:
        log.warning("Job %s failed", job.id, exc_info=True)
        job.clear()
        sentence = failure_of(error).sentence
        reporter.write(JobStatus("failed", reporter.last.stage, reporter.last.share, sentence=sentence))
