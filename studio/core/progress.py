"""Progress of a job: named stages, overall percentage, remaining time, heartbeat and cancellation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

HEARTBEAT_SECONDS = 1.0


class Cancelled(Exception):
    """The job was asked to stop."""


@dataclass(frozen=True)
class Stage:
    """A step of a job and its expected share of the whole time (any unit; shares are compared with each other)."""

    name: str
    share: float


@dataclass(frozen=True)
class Status:
    """Status of a job.

    Attributes:
        stage: name of the running stage.
        fraction: done of the whole job, 0..1, never falling.
        elapsed: seconds since the job began.
        remaining: seconds still to go by the pace of the stage; None while that would be a guess.
        note: what is being done inside the stage; may be empty.
    """

    stage: str
    fraction: float
    elapsed: float
    remaining: float | None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The status as plain data, for one line of JSON."""
        return asdict(self) | {"percent": round(100 * self.fraction, 1)}


class Progress:
    """Collects a job's progress and hands a :class:`Status` to a listener, at least once a second.

    Args:
        stages: the stages in their order.
        listener: called with each new status, from the job's thread and from a heartbeat thread.
        cancelled: says whether the job should stop; asked at each step.
        yield_point: called between two parts of the work; what it does takes none of the job's time.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        listener: Callable[[Status], None] = lambda status: None,
        cancelled: Callable[[], bool] = lambda: False,
        yield_point: Callable[[], None] = lambda: None,
    ) -> None:
        self._stages = tuple(stages)
        self._listener, self._cancelled, self._yield_point = listener, cancelled, yield_point
        self._began = self._stage_began = time.monotonic()
        self._reached = 0.0
        self._lock = threading.RLock()
        self._index, self._inside, self._note = 0, 0.0, ""
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[Progress]:
        """Send a heartbeat while the job runs, also where it is silent for long (models being loaded)."""
        beat = threading.Thread(target=self._beat, daemon=True)
        beat.start()
        try:
            yield self
        finally:
            self._stop.set()
            beat.join()

    def start(self, name: str) -> None:
        """Enter a stage.

        Raises:
            ValueError: no stage has that name.
            Cancelled: the job was asked to stop.
        """
        names = [stage.name for stage in self._stages]
        if name not in names:
            raise ValueError(f"There is no stage {name!r}; the stages are {', '.join(names)}.")
        with self._lock:
            self._index, self._inside, self._note = names.index(name), 0.0, ""
            self._stage_began = time.monotonic()
        self._report()

    def plan(self, shares: Mapping[str, float]) -> None:
        """Correct the expected shares of stages to come, by name, once more is known about the job."""
        with self._lock:
            self._stages = tuple(replace(stage, share=shares.get(stage.name, stage.share)) for stage in self._stages)

    def update(self, done: float, total: float, note: str = "") -> None:
        """Say how much of the running stage is done.

        Raises:
            Cancelled: the job was asked to stop.
        """
        with self._lock:
            self._inside, self._note = min(1.0, done / total) if total else 1.0, note
        self._report()

    def yield_point(self) -> None:
        """Let a job of higher priority go first, at a place where nothing is half done."""
        began = time.monotonic()
        self._yield_point()
        with self._lock:
            self._stage_began += time.monotonic() - began

    def finish(self) -> None:
        """Report that everything is done."""
        with self._lock:
            self._index, self._inside, self._note = len(self._stages) - 1, 1.0, ""
            self._listener(self.status())

    def status(self) -> Status:
        """Current status of the job."""
        with self._lock:
            whole = sum(stage.share for stage in self._stages)
            before = sum(stage.share for stage in self._stages[: self._index])
            stage = self._stages[self._index]
            self._reached = max(self._reached, (before + self._inside * stage.share) / whole)
            now = time.monotonic()
            remaining = self._remaining(now - self._stage_began, stage, whole - before - stage.share)
            return Status(stage.name, self._reached, now - self._began, remaining, self._note)

    def _remaining(self, elapsed: float, stage: Stage, later: float) -> float | None:
        """Seconds left by the pace of the running stage, the only one that is like what is to come."""
        if self._inside < 0.02 or elapsed < 1.0:
            return None
        pace = elapsed / (self._inside * stage.share)
        return pace * ((1 - self._inside) * stage.share + later)

    def _report(self) -> None:
        if self._cancelled():
            raise Cancelled
        with self._lock:
            self._listener(self.status())

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            with self._lock:
                self._listener(self.status())
