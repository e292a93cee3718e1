"""Batches with the tiny models of a folder as a program: ``tiny_batch.py ASSETS [parley's arguments]``.

Time runs quicker: heartbeats, silence and pauses are a tenth of what they are; so is the room that a disk needs.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from generation.adapters import metadata
from generation.core import assets as resources
from studio import cli
from studio.batch import crew, engines, run, schedule

WORKER = "--as-worker"


def use_tiny_models(assets: Path) -> None:
    """The tiny models in this process and in the workers that it starts."""
    resources.assets_root = metadata.assets_root = lambda: assets
    crew.COMMAND = (sys.executable, __file__, str(assets), WORKER)


def hurry(by: float = 10.0) -> None:
    """Let all that waits wait less."""
    run.BEAT_SECONDS /= by
    schedule.STALE_SECONDS /= by
    schedule.BACKOFF_SECONDS /= by
    run.ROOM_BYTES = 2_000_000


@dataclass(frozen=True)
class TinyTask(engines.ArrayTask):
    """A task of an array whose worker has the tiny models."""

    def __call__(self) -> int:
        on_node()
        return super().__call__()


def on_node() -> None:
    """The same in a process that an engine started; Ray calls it in each of its own."""
    use_tiny_models(Path(os.environ["TINY_ASSETS"]))


if __name__ == "__main__":
    use_tiny_models(Path(sys.argv[1]))
    if WORKER in sys.argv:
        from studio.batch import worker

        worker.main(["cpu"])
    hurry()
    sys.exit(cli.main(sys.argv[2:]))
