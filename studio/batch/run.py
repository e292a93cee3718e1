"""A run of a batch: films are taken, given to workers, watched, moved to their places, and written down."""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from studio.batch.attempts import BEAT_SECONDS, Attempt, now
from studio.batch.crew import Crew, CrewError
from studio.batch.films import (
    clear_work,
    empty_making_folder,
    film_path,
    is_finished,
    making_folder,
    move_film,
    work_folder,
)
from studio.batch.manifest import Row, Say, row_of, tell_end, write_manifest
from studio.batch.orders import Answer, BatchOrder, Order
from studio.batch.scenes import STATE_FOLDER, BatchScene, find_sources, placed, read_scenes
from studio.batch.schedule import Claim, Schedule
from studio.core.failures import failure_of
from studio.core.problems import Problem
from studio.core.storage import StorageError, write_whole
from studio.production.backbone import BackboneDrawing
from studio.production.settings import RenderSettings

log = logging.getLogger(__name__)

ROOM_BYTES = 100_000_000
"""With less room on the disk after a failure, no film is begun."""
DISK_PATIENCE_SECONDS = 600.0
"""How long a full disk is waited for."""
_TURN_SECONDS = 0.5

Tell = Callable[[Row], None]
"""Is told how each film ended."""


@dataclass
class _Disk:
    """Whether the disk of a folder takes films; looked at once something failed."""

    folder: Path
    short_since: float | None = None

    def look(self) -> None:
        """Note whether there is room and files can be written."""
        if self._takes_films():
            self.short_since = None
        elif self.short_since is None:
            self.short_since = time.monotonic()

    def _takes_films(self) -> bool:
        probe = self.folder / STATE_FOLDER / f"probe-{secrets.token_hex(4)}"
        try:
            write_whole({probe: b"probe"}, durable=False)
            probe.unlink()
            return shutil.disk_usage(self.folder).free >= ROOM_BYTES
        except OSError:
            return False

    @property
    def short(self) -> bool:
        """Whether it takes none, as far as is known."""
        if self.short_since is not None:
            self.look()
        return self.short_since is not None

    @property
    def hopeless(self) -> bool:
        """Whether it has been so for too long."""
        return self.short_since is not None and time.monotonic() - self.short_since > DISK_PATIENCE_SECONDS


@dataclass
class BatchRun:
    """One program's work at a batch; any number of them may share the folder.

    Attributes:
        scenes: what this run is to make.
        folder: of the results.
        settings: how films are rendered.
        crew: who makes them; closed at the end.
        retries: how often a film is tried again that failed by no fault of its scene.
        tell: is told how each film ended.
        backbone: draws the films in place of the renderer.
    """

    scenes: Sequence[BatchScene]
    folder: Path
    settings: RenderSettings
    crew: Crew
    retries: int = 2
    tell: Tell = lambda row: None
    backbone: BackboneDrawing | None = None
    run: str = field(default_factory=lambda: secrets.token_hex(6))
    _running: dict[int, Claim] = field(default_factory=dict)
    _unwritten: list[tuple[BatchScene, Attempt]] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)
    _beat: float = 0.0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._disk = _Disk(self.folder)
        self._schedule = Schedule(self.scenes, self.folder, self.run, self.retries, self._is_finished)

    def _is_finished(self, scene: BatchScene) -> bool:
        if not is_finished(film_path(self.folder, scene).parent, scene):
            return False
        clear_work(self.folder, scene)  # left by a run that died between the two
        return True

    def make(self) -> None:
        """Make films until each is done, has faults of its own, or failed too often.

        Also ends where no worker can be started, and where the disk stays full; what is left over can be tried again.
        Whatever is raised, KeyboardInterrupt too, what was running is given back.
        """
        try:
            self._schedule.settle()
            self._tell_endings()
            while not self._schedule.settled or self._running or self._unwritten:
                self._give_orders()
                self._tell_endings()
                if not self._running and (self._schedule.settled and not self._unwritten or self._disk.hopeless):
                    return
                for worker, answer in self.crew.wait(_TURN_SECONDS):
                    self._take(self._running.pop(worker), answer)
                self._keep_up()
        except CrewError as error:
            log.error("%s", error)
        finally:
            self.crew.close()
            for claim in self._running.values():
                if not self._schedule.log_of(claim.scene).holds(claim.attempt):
                    continue
                self._write(claim.scene, claim.attempt.model_copy(update={"state": "stopped", "ended": now()}))
            self._write_waiting()
            self._tell_endings()

    def _give_orders(self) -> None:
        for worker in self.crew.idle():
            if self._disk.short:
                return
            try:
                claim = self._schedule.claim([claim.scene.name for claim in self._running.values()])
            except StorageError:
                self._disk.look()
                return
            if claim is None:
                return
            self._order(worker, claim)

    def _order(self, worker: int, claim: Claim) -> None:
        """Give a claimed film to a worker."""
        scene = claim.scene
        try:
            scene.write()
            video = empty_making_folder(self.folder, scene, self.run) / scene.film
        except OSError as error:
            self._end(claim, Answer.of_failure(failure_of(error)))
            return
        settings = replace(self.settings, work=work_folder(self.folder, scene).absolute())
        self._running[worker] = claim
        order = Order(scene=scene.path.absolute(), video=video.absolute(), settings=settings, backbone=self.backbone)
        self.crew.give(worker, order)

    def _take(self, claim: Claim, answer: Answer) -> None:
        """What a worker answered: a finished film goes to its place if it verifies."""
        if not self._schedule.log_of(claim.scene).holds(claim.attempt):
            return  # another run has taken it over
        if answer.state == "done":
            answer = self._publish(claim.scene, answer)
        self._end(claim, answer)

    def _publish(self, scene: BatchScene, answer: Answer) -> Answer:
        making = making_folder(self.folder, scene, self.run)
        if not is_finished(making, scene):
            return Answer(state="failed", kind="crash", sentence=f"The film {scene.name} does not verify.")
        try:
            move_film(making, self.folder, scene)
        except OSError as error:
            return Answer.of_failure(failure_of(error))
        return answer

    def _end(self, claim: Claim, answer: Answer) -> None:
        """Write down what came of an attempt."""
        if answer.state == "failed" and answer.kind != "fault":
            self._disk.look()
            if self._disk.short_since is not None:  # whatever a library made of it
                answer = answer.model_copy(update={"kind": "disk"})
        if answer.kind == "fault":
            clear_work(self.folder, claim.scene)
        told = answer.model_dump()
        if problems := [placed(Problem.of_data(problem), claim.scene.said) for problem in answer.problems]:
            told |= {"problems": [problem.as_data() for problem in problems], "sentence": str(problems[0])}
        self._write(claim.scene, claim.attempt.model_copy(update={**told, "ended": now()}))

    def _write(self, scene: BatchScene, attempt: Attempt) -> None:
        self._unwritten.append((scene, attempt))
        self._write_waiting()

    def _write_waiting(self) -> None:
        """Write what could not be written yet, while the disk was full."""
        left = []
        for scene, attempt in self._unwritten:
            try:
                self._schedule.log_of(scene).end(attempt)
            except StorageError:
                self._disk.look()
                left.append((scene, attempt))
        self._unwritten = left

    def _keep_up(self) -> None:
        """Say that what runs here lives, and let go what another run has taken over."""
        self._write_waiting()
        if time.monotonic() - self._beat < BEAT_SECONDS:
            return
        self._beat = time.monotonic()
        for scene, attempt in self._unwritten:
            self._schedule.log_of(scene).beat(attempt)
        for worker, claim in list(self._running.items()):
            log_of_film = self._schedule.log_of(claim.scene)
            if log_of_film.holds(claim.attempt):
                log_of_film.beat(claim.attempt)
            else:
                self.crew.drop(worker)
                del self._running[worker]

    def _tell_endings(self) -> None:
        for scene in self.scenes:
            ending = self._schedule.endings.get(scene.name)
            if ending is not None and scene.name not in self._told:
                self._told.add(scene.name)
                self.tell(row_of(scene, self.folder, ending))

    @property
    def rows(self) -> list[Row]:
        """How each film stands."""
        return [row_of(scene, self.folder, self._schedule.endings.get(scene.name)) for scene in self.scenes]


def make_films(order: BatchOrder, crew: Callable[[int], Crew], say: Say) -> int:
    """Make the films of a batch, as far as it can be done, and write the manifest.

    Args:
        order: what is asked for.
        crew: makes so many workers.
        say: is told how each film ended.

    Returns:
        The exit code.

    Raises:
        DocumentError: what was named holds no scenes, or Ray is missing.
        KeyboardInterrupt: stopped; what was running is given back and the manifest is there.
    """
    everything = read_scenes(find_sources(order.sources), order.folder, order.settings, order.backbone)
    index, count = order.shard
    scenes = everything[index::count]
    workers = crew(min(order.workers, len(scenes)))
    batch = BatchRun(scenes, order.folder, order.settings, workers, order.retries, backbone=order.backbone)
    batch.tell = _Progress(say, len(scenes), batch.run).show
    try:
        batch.make()
    finally:
        own = {row.name: row for row in batch.rows}
        write_manifest([own.get(scene.name) or row_of(scene, order.folder) for scene in everything], order.folder)
    return tell_end(list(own.values()), order.folder, say)


class _Progress:
    """Says how each film ended."""

    def __init__(self, say: Say, total: int, run: str) -> None:
        self._say, self._total, self._run, self._count = say, total, run, 0

    def show(self, row: Row) -> None:
        """One more film."""
        self._count += 1
        if row.state == "done":
            mine = bool(row.attempts) and row.attempts[-1]["run"] == self._run
            sentence = f"{row.film} is ready, in {row.figures['took']:.1f} s" if mine else f"{row.film} was there"
        else:
            sentence = f"{row.name}: {row.sentence}"
        self._say("film", f"[{self._count}/{self._total}] {sentence}", **row.model_dump(exclude={"attempts"}))
