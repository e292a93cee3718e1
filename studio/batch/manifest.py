"""The manifest of a batch: one line of JSON for each film, from its attempts and the film itself, and the exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from studio.batch.attempts import Attempt, AttemptFolder
from studio.batch.films import film_path, is_finished
from studio.batch.scenes import STATE_FOLDER, BatchScene
from studio.core.storage import write_whole

MANIFEST = "manifest.jsonl"
Say = Callable[..., None]
"""``say(event, sentence, **facts)``: one message to whoever asked."""
OK, PROBLEMS, TEMPORARY = 0, 1, 75
"""Exit codes: all films are there; the rest have faults of their own; another run may make more (EX_TEMPFAIL)."""


class Row(BaseModel):
    """What is known of one film.

    Attributes:
        name: of the film.
        scene: its scene file, or the table's line.
        state: ``done``; ``fault``, the scene's own, which no further try mends; ``failed``, as often as it was tried;
            ``waiting`` for another run.
        kind: why the last attempt failed.
        sentence: the same for a reader.
        problems: every fault of the scene, as data.
        film: path of the film from the manifest.
        attempts: every attempt, see :class:`studio.batch.attempts.Attempt`.
        figures: of the attempt that made the film.
    """

    name: str
    scene: str
    state: Literal["done", "fault", "failed", "waiting"]
    kind: str | None = None
    sentence: str = ""
    problems: list[dict[str, Any]] = []
    film: str | None = None
    attempts: list[dict[str, Any]] = []
    figures: dict[str, float] = {}


def row_of(scene: BatchScene, folder: Path, ending: Literal["done", "fault", "failed"] | None = None) -> Row:
    """What is known of one film.

    Args:
        scene: what is asked for.
        folder: of the results.
        ending: how it ended in this run; None = found out from what is on the disk.
    """
    attempts = AttemptFolder(folder / STATE_FOLDER / scene.name).read()
    last = attempts[-1] if attempts else None
    state: Literal["done", "fault", "failed", "waiting"] = ending or "waiting"
    if ending is None and (_was_made(last, scene, folder) or is_finished(film_path(folder, scene).parent, scene)):
        state = "done"
    elif scene.problems or (ending is None and last and last.kind == "fault" and last.key == scene.key):
        state = "fault"
    told: dict[str, Any] = {}
    if scene.problems:
        told = {"kind": "fault", "sentence": str(scene.problems[0]), "problems": [p.as_data() for p in scene.problems]}
    elif last is not None and state != "done":
        told = {"kind": last.kind, "sentence": last.sentence, "problems": last.problems}
    made = next((attempt for attempt in reversed(attempts) if attempt.state == "done"), None)
    return Row(
        name=scene.name, scene=scene.said or str(scene.path), state=state, **told,
        film=film_path(folder, scene).relative_to(folder).as_posix() if state == "done" else None,
        attempts=[attempt.model_dump(exclude={"problems"}, exclude_defaults=True) for attempt in attempts],
        figures=made.figures if made is not None and state == "done" else {},
    )  # fmt: skip


def _was_made(last: Attempt | None, scene: BatchScene, folder: Path) -> bool:
    """Whether another run made the film and verified it, so that its bytes need not be read again."""
    return last is not None and (last.state, last.key) == ("done", scene.key) and film_path(folder, scene).is_file()


def write_manifest(rows: Iterable[Row], folder: Path) -> Path:
    """Write ``manifest.jsonl`` into the folder of the results; whoever writes last has seen all that others did.

    Raises:
        StorageError: the disk is full or refuses.
    """
    path = folder / MANIFEST
    write_whole({path: "".join(row.model_dump_json() + "\n" for row in rows).encode()}, durable=False)
    return path


def exit_code(rows: Sequence[Row]) -> int:
    """What a cluster's job runner is told."""
    states = {row.state for row in rows}
    if states & {"failed", "waiting"}:
        return TEMPORARY
    return PROBLEMS if "fault" in states else OK


_REST = {
    "fault": "with faults of their own",
    "failed": "failed and can be tried again with --resume",
    "waiting": "left for another run with --resume",
}


def tell_end(rows: Sequence[Row], folder: Path, say: Say) -> int:
    """Say how a batch ended; its exit code."""
    counts = {state: sum(row.state == state for row in rows) for state in ("done", *_REST)}
    parts = [f"{counts['done']} of {len(rows)} films are there"]
    parts += [f"{n} {what}" for state, what in _REST.items() if (n := counts[state])]
    manifest = folder / MANIFEST
    say("batch", f"{', '.join(parts)}; {manifest} tells of each.", manifest=str(manifest), **counts)
    return exit_code(rows)
