"""Which film is next: what is finished or has faults is left alone, what failed is tried again after a pause."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from studio.batch.attempts import STALE_SECONDS, Attempt, AttemptFolder, new_attempt
from studio.batch.scenes import STATE_FOLDER, BatchScene

BACKOFF_SECONDS, MOST_BACKOFF_SECONDS = 2.0, 60.0
"""How long a failed film waits: first, and at most; it doubles in between."""

Ending = Literal["done", "fault", "failed"]
"""``fault``: the scene's own, which no further try mends; ``failed``: every try failed."""


@dataclass(frozen=True)
class Claim:
    """A film that this run has taken."""

    scene: BatchScene
    attempt: Attempt


@dataclass
class _Watched:
    """What this run has seen of a film so far."""

    log: AttemptFolder
    before: int | None = None
    mark: object = None
    since: float = 0.0
    verified: bool | None = None


@dataclass
class Schedule:
    """The films of a run.

    Attributes:
        scenes: what is to be made.
        folder: of the results.
        run: token of this run.
        retries: how often a film is tried again that failed by no fault of its scene.
        finished: whether a film is there and is the one that is wanted.
        clock: seconds that only grow; other machines' clocks are never compared with it.
        endings: of films that need nothing more.
    """

    scenes: Sequence[BatchScene]
    folder: Path
    run: str
    retries: int
    finished: Callable[[BatchScene], bool]
    clock: Callable[[], float] = time.monotonic
    endings: dict[str, Ending] = field(default_factory=dict)
    _watched: dict[str, _Watched] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether no film needs anything more."""
        return len(self.endings) == len(self.scenes)

    def log_of(self, scene: BatchScene) -> AttemptFolder:
        """The attempts at a film."""
        return self._watch(scene).log

    def settle(self) -> None:
        """Note which films need nothing more, without taking any."""
        for scene in self.scenes:
            if scene.name not in self.endings and isinstance(ending := self._look(scene), str):
                self.endings[scene.name] = ending

    def claim(self, mine: Sequence[str] = ()) -> Claim | None:
        """Take the next film that can be made now; None where there is none.

        Args:
            mine: names of the films that this run is making.

        Raises:
            StorageError: the disk is full or refuses.
        """
        for scene in self.scenes:
            if scene.name in self.endings or scene.name in mine:
                continue
            number = self._look(scene)
            if isinstance(number, str):
                self.endings[scene.name] = number
            elif number is not None:
                attempt = new_attempt(number, scene.key, self.run)
                if self.log_of(scene).begin(attempt):
                    self.log_of(scene).give_up(number - 1)
                    return Claim(scene, attempt)
        return None

    def _watch(self, scene: BatchScene) -> _Watched:
        if scene.name not in self._watched:
            self._watched[scene.name] = _Watched(AttemptFolder(self.folder / STATE_FOLDER / scene.name))
        return self._watched[scene.name]

    def _look(self, scene: BatchScene) -> Ending | int | None:
        """How a film ended, the number of the attempt that can be made now, or None where it has to wait."""
        if scene.problems:
            return "fault"
        watched = self._watch(scene)
        attempts = watched.log.read()
        last = attempts[-1] if attempts else None
        if watched.before is None:
            watched.before = last.number if last else 0
        lost = False
        if last is not None and last.state == "running":
            lost = self._seconds_since(watched, (last.number, watched.log.sign(last.number))) > STALE_SECONDS
            if not lost:
                return None
        if self._is_finished(scene, watched, last):
            return "done"
        if last is not None and last.kind == "fault" and last.key == scene.key:
            return "fault"
        return self._next_number(watched, attempts, lost)

    def _next_number(self, watched: _Watched, attempts: Sequence[Attempt], lost: bool) -> Ending | int | None:
        """The number of the next attempt unless there were enough, or it is too early."""
        last = attempts[-1].number if attempts else 0
        tried = [a for a in attempts if a.number > (watched.before or 0) and a.state != "stopped"]
        if len(tried) > self.retries:
            return "failed"
        if tried and not lost and tried[-1].number == last:
            pause = min(MOST_BACKOFF_SECONDS, BACKOFF_SECONDS * 2 ** (len(tried) - 1))
            if self._seconds_since(watched, (last, "ended")) < pause:
                return None
        return last + 1

    def _seconds_since(self, watched: _Watched, mark: object) -> float:
        """How long this run has seen that mark unchanged."""
        if watched.mark != mark:
            watched.mark, watched.since = mark, self.clock()
        return self.clock() - watched.since

    def _is_finished(self, scene: BatchScene, watched: _Watched, last: Attempt | None) -> bool:
        """Whether the film is there; looked at once, and again when an attempt is said to have made it."""
        if watched.verified is None or (last is not None and last.state == "done"):
            watched.verified = self.finished(scene)
        return watched.verified
