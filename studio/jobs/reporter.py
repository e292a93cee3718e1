"""Writes a job's status while it runs: at most four times a second, at least once a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import pairwise

from studio.core.progress import Progress, Stage, Status
from studio.core.storage import StorageError
from studio.jobs.job import Job, JobStatus
from studio.jobs.job_kinds import JOB_KINDS, WAITING

_STATUS_SECONDS = 0.25


class StatusReporter:
    """Status of one job.

    Args:
        job: whose.
        token: of the worker that has the job.
        yield_point: called between two parts of the work, to let jobs of higher priority go first.

    Attributes:
        job: the same.
        yield_point: the same.
        last: the status that was reported last.
    """

    def __init__(self, job: Job, token: str, yield_point: Callable[[], None]) -> None:
        self.job, self._token, self.yield_point = job, token, yield_point
        self.last = JobStatus("running", heartbeat=time.time())
        self._written = 0.0
        self._stage_starts: dict[str, float] = {}
        self._paused_seconds: dict[str, float] = {}
        self._pause_note = ""

    def stage_seconds(self) -> dict[str, float]:
        """Seconds of each stage so far, without those in which other jobs went first."""
        starts = [*self._stage_starts.items(), ("", time.monotonic())]
        return {name: end - start - self._paused_seconds.get(name, 0.0) for (name, start), (_, end) in pairwise(starts)}

    def progress(self) -> Progress:
        """Progress over the stages of the job's kind, which asks whether the job was cancelled."""
        stages = [Stage(stage.name, stage.share) for stage in JOB_KINDS[self.job.kind].stages]
        return Progress(stages, self.show, self.cancelled, self.yield_point)

    @contextmanager
    def paused(self, note: str) -> Iterator[None]:
        """Say that another job goes first."""
        start, stage = time.monotonic(), next(reversed(self._stage_starts), "")
        self._pause_note = note
        self._report(WAITING, self.last.share, None, note)
        yield
        self._pause_note = ""
        self._paused_seconds[stage] = self._paused_seconds.get(stage, 0.0) + time.monotonic() - start

    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self.job.cancel_asked

    def show(self, status: Status) -> None:
        """Listener of a job's progress."""
        share = round(status.fraction, 4)
        if self._pause_note:  # the heartbeat of a job that is paused
            self._report(WAITING, share, None, self._pause_note)
            return
        self._stage_starts.setdefault(status.stage, time.monotonic())
        self._report(status.stage, share, status.remaining, status.note)

    def _report(self, stage: str, share: float, seconds_left: float | None, note: str) -> None:
        changed = stage != self.last.stage
        now = time.monotonic()
        self.last = JobStatus("running", stage, share, seconds_left, note, heartbeat=time.time())
        if changed or now - self._written > _STATUS_SECONDS:
            self._written = now
            with suppress(StorageError):  # the disk may have room again at the next turn
                self.job.write_status(self._token, self.last)

    def write(self, status: JobStatus) -> None:
        """Write a first or last status, which should not be lost.

        Raises:
            StorageError: it cannot be written, not at the third attempt either.
        """
        for attempt in range(3):
            try:
                self.job.write_status(self._token, replace(status, heartbeat=time.time()))
                return
            except StorageError:
                if attempt == 2:
                    raise
                time.sleep(0.3)
