"""Batches on clusters by existing engines: workers that are Ray's actors, and an array of Slurm jobs by submitit."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from studio.batch.crew import MOST_STARTS, CrewError, local_crew
from studio.batch.manifest import Say, row_of, tell_end
from studio.batch.orders import Answer, BatchOrder, Order
from studio.batch.run import make_films
from studio.batch.scenes import STATE_FOLDER, find_sources, read_scenes
from studio.core.problems import DocumentError, Problem

CORES_PER_WORKER = 2
"""A film keeps about so many busy."""
RAY_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": ".*"}
"""Set before Ray is imported: nothing is reported to anybody, and what its nodes say of themselves is not printed."""
JOB_MINUTES = 240
"""After so long a Slurm job is put back and goes on in another, unless ``SBATCH_TIMELIMIT`` says otherwise."""


def _library(name: str, extra: str) -> Any:  # noqa: ANN401 - a module
    """An optional library.

    Raises:
        DocumentError: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError:
        repair = f'install it: pip install -c constraints.txt ".[{extra}]"'
        raise DocumentError([Problem("output", f"{name} is not installed", repair)]) from None


@dataclass
class _Actor:
    handle: Any
    pending: Any
    ready: bool = False
    busy: bool = False


class RayCrew:
    """Workers that are actors on a Ray cluster: models stay loaded, and an actor whose node dies is made elsewhere.

    Args:
        workers: how many.
        device: torch device; with ``cuda`` each actor asks for a GPU.
        address: of the cluster, as ``ray.init`` takes it.
        options: of the actors, in place of ours.

    Raises:
        DocumentError: Ray is not installed, or no cluster answers.
    """

    def __init__(
        self, workers: int, device: str | None, address: str, options: Mapping[str, Any] | None = None
    ) -> None:
        for name, value in RAY_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._ray = _library("ray", "ray")
        self._n_workers, self._device = workers, device
        gpus = 1 if device and device.startswith("cuda") else 0
        self._options = options or {"num_cpus": CORES_PER_WORKER, "num_gpus": gpus}
        try:
            if not self._ray.is_initialized():
                self._ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            what = f"no Ray cluster answers at {address!r}"
            raise DocumentError([Problem("output", what, "start one, or use the address local")]) from error
        self._actors: dict[int, _Actor] = {}
        self._started = self._failed_starts = 0

    def idle(self) -> list[int]:
        """See :class:`studio.batch.crew.Crew`."""
        return [number for number, actor in self._actors.items() if actor.ready and not actor.busy]

    def give(self, worker: int, order: Order) -> None:
        """See :class:`studio.batch.crew.Crew`."""
        actor = self._actors[worker]
        actor.busy, actor.pending = True, actor.handle.make.remote(order.model_dump_json())

    def wait(self, seconds: float) -> list[tuple[int, Answer]]:
        """See :class:`studio.batch.crew.Crew`."""
        self._fill()
        waiting = {actor.pending: number for number, actor in self._actors.items() if actor.busy or not actor.ready}
        if not waiting:
            time.sleep(seconds)
            return []
        done, _ = self._ray.wait(list(waiting), num_returns=1, timeout=seconds)
        answers = [(waiting[reference], self._heard(waiting[reference])) for reference in done]
        return [(number, answer) for number, answer in answers if answer is not None]

    def _heard(self, number: int) -> Answer | None:
        """Take in what an actor answered, or that it died."""
        actor = self._actors[number]
        try:
            text = self._ray.get(actor.pending)
        except self._ray.exceptions.RayError as error:
            del self._actors[number]
            if not actor.ready:
                self._failed_starts += 1
                if self._failed_starts >= MOST_STARTS:
                    raise CrewError(f"No worker can be started on the cluster: {error}") from error
                return None
            kind: Any = "memory" if "OutOfMemory" in type(error).__name__ else "crash"
            return Answer(state="failed", kind=kind, sentence=f"The worker on the cluster died ({_first_line(error)}).")
        if not actor.ready:
            actor.ready, self._failed_starts = True, 0
            return None
        actor.busy = False
        return Answer.model_validate_json(text)

    def drop(self, worker: int) -> None:
        """See :class:`studio.batch.crew.Crew`."""
        self._ray.kill(self._actors.pop(worker).handle)

    def close(self) -> None:
        """See :class:`studio.batch.crew.Crew`."""
        for number in list(self._actors):
            self.drop(number)

    def _fill(self) -> None:
        while len(self._actors) < self._n_workers:
            actor_class = self._ray.remote(RayFilmMaker).options(**self._options)
            handle = actor_class.remote(self._device)
            self._started += 1
            self._actors[self._started] = _Actor(handle, handle.ready.remote())


class RayFilmMaker:
    """Ray's actor: makes films on its node with models that stay loaded.

    Args:
        device: torch device; None = the GPU when there is one, else the CPU.
    """

    def __init__(self, device: str | None) -> None:
        from studio.batch.worker import FilmMaker

        self._maker = FilmMaker(device)

    def ready(self) -> bool:
        """Answers as soon as the models are loaded."""
        return True

    def make(self, order: str) -> str:
        """Make one film; order and answer as JSON."""
        return self._maker.make(Order.model_validate_json(order)).model_dump_json()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


@dataclass(frozen=True)
class ArrayTask:
    """What each job of a Slurm array runs: it takes films until none is left; put back, it goes on where it was.

    Attributes:
        order: of the whole batch, with absolute paths and one worker.
    """

    order: BatchOrder

    def __call__(self) -> int:
        """The exit code."""
        return make_films(self.order, partial(local_crew, self.order), lambda *_said, **_facts: None)

    def checkpoint(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - submitit's own type
        """Called by submitit when Slurm takes the machine back: the same again, in another job."""
        return _library("submitit", "slurm").helpers.DelayedSubmission(self)


def submit_array(order: BatchOrder, say: Say, cluster: str = "slurm") -> int:
    """Submit an array of Slurm jobs that share the films, wait for it, and tell how it ended.

    The partition, account and time limit are those of Slurm's own ``SBATCH_*`` environment variables.

    Args:
        order: the batch; its ``workers`` are the jobs of the array.
        say: is told how the batch ended.
        cluster: ``slurm``, or ``local`` for processes of this machine.

    Returns:
        The exit code.

    Raises:
        DocumentError: submitit or Slurm is missing.
    """
    if order.shard != (0, 1):
        raise DocumentError([Problem("output", "--slurm shares the films by itself", "leave --shard out")])
    submitit = _library("submitit", "slurm")
    if cluster == "slurm" and shutil.which("sbatch") is None:
        raise DocumentError([Problem("output", "there is no Slurm here", "run it where sbatch is")])
    sources, folder = tuple(path.absolute() for path in order.sources), order.folder.absolute()
    task = ArrayTask(BatchOrder(sources, folder, order.settings, 1, (0, 1), order.retries, order.backbone))
    executor = submitit.AutoExecutor(folder=folder / STATE_FOLDER / "slurm", cluster=cluster)
    gpus = {"gpus_per_node": 1} if (order.settings.device or "").startswith("cuda") else {}
    executor.update_parameters(name="parley", cpus_per_task=CORES_PER_WORKER, timeout_min=JOB_MINUTES, **gpus)
    with executor.batch():
        jobs = [executor.submit(task) for _ in range(order.workers)]
    numbers = [job.job_id for job in jobs]
    say("submitted", f"The jobs {', '.join(numbers)} were submitted.", jobs=numbers)
    return _await(jobs, order, say)


def _await(jobs: Sequence[Any], order: BatchOrder, say: Say) -> int:
    """Wait for the jobs, and tell of the films that are there afterwards."""
    try:
        for job in jobs:
            job.wait()
    except KeyboardInterrupt:
        for job in jobs:
            job.cancel()
        raise
    for job in jobs:
        if (error := job.exception()) is not None:
            say("warning", f"The job {job.job_id} failed: {_first_line(error)}", job=job.job_id)
    scenes = read_scenes(find_sources(order.sources), order.folder, order.settings, order.backbone)
    return tell_end([row_of(scene, order.folder) for scene in scenes], order.folder, say)
