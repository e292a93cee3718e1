"""Worker processes of this machine: each makes one film at a time, and another takes the place of one that dies."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from studio.batch.orders import READY, Answer, BatchOrder, Order
from studio.batch.scenes import STATE_FOLDER

COMMAND: tuple[str, ...] = (sys.executable, "-m", "studio.batch.worker")
"""How a worker is started; the torch device may follow."""
MOST_STARTS = 5
"""Starts in a row that may fail before there is no hope."""


class CrewError(RuntimeError):
    """No worker can be started."""


class Crew(Protocol):
    """Workers, wherever they are; each is called by a number."""

    def idle(self) -> Sequence[int]:
        """Workers that can be given an order now."""

    def give(self, worker: int, order: Order) -> None:
        """Give a worker its next order."""

    def wait(self, seconds: float) -> Sequence[tuple[int, Answer]]:
        """Answers as they come, within so many seconds; one for every order, also where the worker died of it.

        Raises:
            CrewError: no worker can be started.
        """

    def drop(self, worker: int) -> None:
        """End what a worker does; no answer comes."""

    def close(self) -> None:
        """End all workers."""


@dataclass
class _Worker:
    process: subprocess.Popen[str]
    ready: bool = False
    busy: bool = False


class LocalCrew:
    """Worker processes of this machine.

    Args:
        workers: how many.
        device: torch device; None = the GPU when there is one, else the CPU.
        log: file for what they and their libraries say.
    """

    def __init__(self, workers: int, device: str | None, log: Path) -> None:
        self._device, self._n_workers = device, workers
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("ab")
        self._lines: queue.SimpleQueue[tuple[_Worker, str | None]] = queue.SimpleQueue()
        self._workers: dict[int, _Worker] = {}
        self._failed_starts, self._start_at = 0, 0.0
        self._started = 0

    def idle(self) -> list[int]:
        """See :class:`Crew`."""
        return [number for number, worker in self._workers.items() if worker.ready and not worker.busy]

    def give(self, worker: int, order: Order) -> None:
        """See :class:`Crew`."""
        stdin = self._workers[worker].process.stdin
        assert stdin is not None  # it is a pipe
        self._workers[worker].busy = True
        try:
            stdin.write(order.model_dump_json() + "\n")
            stdin.flush()
        except OSError:  # it has just died, as the end of its lines will say
            return

    def wait(self, seconds: float) -> list[tuple[int, Answer]]:
        """See :class:`Crew`."""
        self._fill()
        answers: list[tuple[int, Answer]] = []
        until = time.monotonic() + seconds
        while not answers and (left := until - time.monotonic()) > 0:
            try:
                worker, line = self._lines.get(timeout=left)
            except queue.Empty:
                break
            number = next((n for n, known in self._workers.items() if known is worker), None)
            if number is not None and (answer := self._heard(number, worker, line)) is not None:
                answers.append((number, answer))
            self._fill()
        return answers

    def _heard(self, number: int, worker: _Worker, line: str | None) -> Answer | None:
        """Take in one line of a worker, None = its end; the answer to its order, if this is one."""
        if line is None:
            del self._workers[number]
            code = _bury(worker, grace=5)
            if not worker.ready:
                self._failed_starts += 1
                self._start_at = time.monotonic() + min(30, 2**self._failed_starts)
                if self._failed_starts >= MOST_STARTS:
                    raise CrewError(f"No worker can be started; `parley doctor` and {self._log.name} say why.")
            return Answer(state="failed", kind="crash", sentence=end_sentence(code)) if worker.busy else None
        if line == READY:
            worker.ready, self._failed_starts = True, 0
            return None
        try:
            answer = Answer.model_validate_json(line)
        except ValidationError:  # cut off: its end follows
            return None
        worker.busy = False
        return answer

    def drop(self, worker: int) -> None:
        """See :class:`Crew`."""
        _bury(self._workers.pop(worker))
        self._fill()

    def close(self) -> None:
        """See :class:`Crew`."""
        for worker in self._workers.values():
            worker.process.kill()
        for worker in self._workers.values():
            _bury(worker)
        self._workers = {}
        self._log.close()

    def _fill(self) -> None:
        """Start workers until there are as many as were asked for."""
        while len(self._workers) < self._n_workers and time.monotonic() >= self._start_at:
            threads = str(max(1, (os.cpu_count() or 1) // self._n_workers))
            environment = {"OMP_NUM_THREADS": threads} | os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
            command = [*COMMAND, *([self._device] if self._device else [])]
            pipe = subprocess.PIPE
            worker = _Worker(subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=self._log, text=True, encoding="utf-8", env=environment,
                start_new_session=True,
            ))  # fmt: skip
            self._started += 1
            self._workers[self._started] = worker
            threading.Thread(target=self._listen, args=(worker,), daemon=True).start()

    def _listen(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None  # it is a pipe
        with worker.process.stdout as lines:
            for line in lines:
                self._lines.put((worker, line.rstrip("\n")))
        self._lines.put((worker, None))


def local_crew(order: BatchOrder, workers: int) -> LocalCrew:
    """So many worker processes for a batch."""
    return LocalCrew(workers, order.settings.device, order.folder / STATE_FOLDER / "workers.log")


def _bury(worker: _Worker, grace: float = 0) -> int:
    """End a worker's process if it lives so many seconds longer; its exit code."""
    with suppress(subprocess.TimeoutExpired):
        worker.process.wait(timeout=grace)
    worker.process.kill()
    code = worker.process.wait()
    if worker.process.stdin is not None:
        with suppress(OSError):  # an order that it did not read any more
            worker.process.stdin.close()
    return code


def end_sentence(code: int) -> str:
    """What a process died of, by its exit code."""
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        memory = ", as the system does for want of memory" if -code == getattr(signal, "SIGKILL", 9) else ""
        return f"The worker was ended by {name}{memory}."
    return f"The worker ended with code {code}."
