"""The command ``parley batch``: its options, and what it says."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.core.option_values import whole
from studio.core.problems import DocumentError, Problem

if TYPE_CHECKING:
    from studio.batch.crew import Crew
    from studio.batch.orders import BatchOrder

Say = Callable[..., None]
"""``say(event, sentence, **facts)``: one message on stdout."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the options of ``parley batch`` besides those of its films."""
    scenes_help = "scene files, folders of them, lists (.txt, a path a line) or tables (.csv)"
    command.add_argument("scenes", type=Path, nargs="+", metavar="SCENES", help=scenes_help)
    command.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="folder for the films")
    command.add_argument(
        "--workers", type=whole(1, 10_000), default=1, metavar="N", help="films that are made at once; 1"
    )
    shard_help = "only every N-th scene from the I-th on, I from 0 to N-1: each machine gets another I"
    command.add_argument("--shard", type=_shard, default=(0, 1), metavar="I/N", help=shard_help)
    retries_help = "how often a film is tried again after a crash, a full disk or lost memory; 2"
    command.add_argument("--retries", type=whole(0, 10_000), default=2, metavar="N", help=retries_help)
    resume_help = "go on in a folder that holds results: what verifies is kept, several machines share the rest"
    command.add_argument("--resume", action="store_true", help=resume_help)
    engine = command.add_mutually_exclusive_group()
    ray_help = "let the workers run on a Ray cluster: its address, auto, or local (extra ray)"
    engine.add_argument("--ray", metavar="ADDRESS", help=ray_help)
    engine.add_argument("--slurm", action="store_true", help="let them run as an array of Slurm jobs (extra slurm)")


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise argparse.ArgumentTypeError(f"{text} should be I/N with I from 0 to N-1, such as 0/4")
    return int(index), int(count)


def run(arguments: argparse.Namespace, say: Say) -> int:
    """Run the command; 0 = all films are there, 1 = the rest have faults of their own, 75 = another run may make more.

    Raises:
        DocumentError: what was named holds no scenes, the folder holds results already, or an extra is missing.
    """
    from studio.batch.manifest import TEMPORARY  # these load libraries, which other commands need not wait for
    from studio.batch.orders import BatchOrder
    from studio.batch.run import make_films
    from studio.production.film_options import read_film_options

    settings, backbone = read_film_options(arguments, say)
    how = (arguments.workers, arguments.shard, arguments.retries, backbone)
    order = BatchOrder(tuple(arguments.scenes), arguments.output, settings, *how)
    check_results_folder(order.folder, arguments.resume)
    if arguments.slurm:
        from studio.batch.engines import submit_array

        return submit_array(order, say)
    with _Terminated() as terminated:
        try:
            return make_films(order, partial(_crew, order, arguments.ray), say)
        except KeyboardInterrupt:
            if not terminated.asked:
                raise
            return TEMPORARY


def _crew(order: BatchOrder, ray: str | None, workers: int) -> Crew:
    """So many workers: on a cluster, or processes of this machine."""
    if ray is not None:
        from studio.batch.engines import RayCrew

        return RayCrew(workers, order.settings.device, ray)
    from studio.batch.crew import local_crew

    return local_crew(order, workers)


def check_results_folder(folder: Path, resume: bool) -> None:
    """Refuse a folder that cannot hold the results.

    Raises:
        DocumentError: it is a file or cannot be written, or holds results and nobody said that they are to be gone on
            with.
    """
    from studio.batch.manifest import MANIFEST
    from studio.batch.scenes import STATE_FOLDER
    from studio.core.output import require_place

    if folder.exists() and not folder.is_dir():
        raise DocumentError([Problem("output", f"{str(folder)!r} is a file", "name a folder for the films")])
    require_place(folder / MANIFEST)
    if not resume and (folder / STATE_FOLDER).is_dir():
        repair = "add --resume to go on with them, or name another folder"
        raise DocumentError([Problem("output", f"{str(folder)!r} holds results of a batch", repair)])


class _Terminated:
    """Inside of it SIGTERM, by which clusters take a machine back, stops the run like Ctrl-C, and is told apart."""

    def __enter__(self) -> _Terminated:
        self.asked = False
        try:
            self._before = signal.signal(signal.SIGTERM, self._ask)
        except ValueError:  # not in the main thread, which alone hears signals
            self._before = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _ask(self, *_: object) -> None:
        self.asked = True
        raise KeyboardInterrupt
