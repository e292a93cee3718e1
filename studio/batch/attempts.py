"""Attempts to make a film: numbered files that are leases while they run and tell afterwards what came of them."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from studio.core.failures import Kind
from studio.core.storage import StorageError, json_bytes, read_json, storage_sentence, write_json

BEAT_SECONDS = 10.0
"""How often whoever runs an attempt says that it lives."""
STALE_SECONDS = 60.0
"""An attempt that said nothing for so long is given up: its process or its machine is gone."""

State = Literal["running", "done", "failed", "stopped"]


class Attempt(BaseModel):
    """One attempt to make a film.

    Attributes:
        number: from 1; the file with the greatest number is the one that holds.
        state: ``stopped`` was ended by whoever ran it and counts for nothing.
        kind: why it failed.
        key: of the film that was asked for.
        run: the program that ran it, by a token of its own.
        host: the machine.
        started: when, UTC in ISO 8601.
        ended: the same; None while it runs.
        sentence: why it failed.
        problems: every fault of the scene, as data.
        figures: seconds of the film (``seconds``), of the making (``took``), and other numbers.
    """

    number: int
    state: State = "running"
    kind: Kind | Literal["lost"] | None = None
    key: str = ""
    run: str = ""
    host: str = ""
    started: str = ""
    ended: str | None = None
    sentence: str = ""
    problems: list[dict[str, Any]] = []
    figures: dict[str, float] = {}


def now() -> str:
    """The time in UTC, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def new_attempt(number: int, key: str, run: str) -> Attempt:
    """An attempt that begins here and now."""
    return Attempt(number=number, key=key, run=run, host=socket.gethostname(), started=now())


@dataclass
class AttemptFolder:
    """The attempts of one film, on a disk that several machines may share.

    Whoever makes the file of the next number has the film: a file is made by one of them only. A number is never used
    twice, so no one can take an attempt over that has ended, or been taken over, in between.

    Attributes:
        folder: where their files lie.
    """

    folder: Path
    _ended: dict[int, Attempt] = field(default_factory=dict)

    def read(self) -> list[Attempt]:
        """All attempts in their order; one whose file cannot be read counts as running."""
        try:
            numbers = sorted(int(name.stem) for name in self.folder.glob("*.json") if name.stem.isdigit())
        except OSError:
            return []
        return [self._ended.get(number) or self._read(number) for number in numbers]

    def _read(self, number: int) -> Attempt:
        try:
            attempt = Attempt.model_validate(read_json(self._path(number)))
        except ValidationError:
            return Attempt(number=number)
        if attempt.state != "running":
            self._ended[number] = attempt
        return attempt

    def begin(self, attempt: Attempt) -> bool:
        """Take the film; False where another was quicker.

        Raises:
            StorageError: the disk is full or refuses.
        """
        path = self._path(attempt.number)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(json_bytes(attempt.model_dump()))
        except FileExistsError:
            return False
        except OSError as error:
            path.unlink(missing_ok=True)
            raise StorageError(error.errno, storage_sentence(error)) from error
        return True

    def beat(self, attempt: Attempt) -> None:
        """Say that a running attempt lives; takes no space on the disk."""
        try:
            os.utime(self._path(attempt.number))
        except OSError:  # a disk that answers no more; whoever sees it again decides by what it sees
            return

    def sign(self, number: int) -> int | None:
        """What changes with every beat; None without the file."""
        try:
            with self._path(number).open("rb") as file:  # opening makes a network disk look at the server
                return os.fstat(file.fileno()).st_mtime_ns
        except OSError:
            return None

    def holds(self, attempt: Attempt) -> bool:
        """Whether nobody took the film over since."""
        return self._path(attempt.number).exists() and not self._path(attempt.number + 1).exists()

    def end(self, attempt: Attempt) -> None:
        """Write down what came of an attempt.

        Raises:
            StorageError: the disk is full or refuses; it still counts as running.
        """
        write_json(self._path(attempt.number), attempt.model_dump())

    def give_up(self, number: int) -> None:
        """Write down of an attempt that still says that it runs that it was taken over, as far as the disk lets us."""
        attempt = self._read(number) if self._path(number).exists() else None
        if attempt is not None and attempt.state == "running":
            sentence = f"{attempt.host or 'Its machine'} said nothing for {STALE_SECONDS:.0f} s."
            lost = {"state": "failed", "kind": "lost", "ended": now(), "sentence": sentence}
            with suppress(StorageError):
                self.end(attempt.model_copy(update=lost))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.json"
