"""What the Script page plays: the newest speech with word timings, or takes of one line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.core.storage import read_json
from studio.jobs.job import Job
from studio.jobs.queue import jobs
from studio.project.project import Project


@dataclass(frozen=True)
class Playback:
    """Audio for the player, with its word times.

    Attributes:
        clips: files and what each is, to be heard one after the other.
        stamp: another one whenever something new is to be heard.
        words: line (its id), text, start and end in seconds of the sound.
    """

    clips: tuple[tuple[Path, str], ...]
    stamp: str
    words: list[dict[str, Any]] = field(default_factory=list)


def lines_in_queue(project: Project) -> set[str]:
    """Ids of the lines that are being spoken, or wait for it."""
    ids: set[str] = set()
    for job in _hears(project):
        if not job.status().ended:
            ids |= set(job.options["lines"])
    return ids


def newest_playback(project: Project, wanted: tuple[str, list[str], int] | None) -> Playback | None:
    """What was asked for, else the newest speech whose words still stand in the script.

    Args:
        project: whose.
        wanted: a line, ids of its takes, and the number of the request.
    """
    if wanted is not None:
        line_id, take_ids, request = wanted
        takes = {take.id: (number, take) for number, take in enumerate(project.takes(line_id), 1)}
        found = [takes[take_id] for take_id in take_ids if take_id in takes]
        clips = tuple((take.sound, f"Take {at}: {take.text[:40]}") for at, take in found if take.sound is not None)
        if clips:
            return Playback(clips, f"{line_id} {request}")
    known = set(project.line_ids())
    for job in _hears(project):
        status = job.status()
        if status.state == "done" and (path := status.results.get("sound")) is not None and path.is_file():
            if set(job.options["lines"]) <= known:
                return Playback(((path, _label(project, job)),), job.id, read_words(status.results.get("words")))
    return None


def takes_to_compare(project: Project, line_id: str) -> list[str]:
    """Ids of two takes to be heard one after the other, the older first: the one that is kept, and the newest other."""
    kept = project.scene.script[project.line_ids().index(line_id)].take
    heard = [take for take in project.takes(line_id) if take.sound is not None]
    others = [take for take in heard if take.seed != kept]
    chosen = [take for take in heard if take.seed == kept] + others[-1:]
    return [take.id for take in sorted(chosen, key=lambda take: take.seed)]


def read_words(path: Path | None) -> list[dict[str, Any]]:
    """Word times as the worker writes them: line, text, start and end in seconds; empty without a file."""
    data = read_json(path) if path is not None else None
    return data if isinstance(data, list) else []


def _hears(project: Project) -> list[Job]:
    """Jobs that speak lines of the script, the newest first; an audition names no lines."""
    return [job for job in jobs(project) if job.kind == "hear" and job.options.get("lines")]


def _label(project: Project, job: Job) -> str:
    numbers = [number for number, line_id in enumerate(project.line_ids(), 1) if line_id in job.options["lines"]]
    if len(numbers) > 2 and len(numbers) == len(project.line_ids()):
        return "All lines"
    return f"Line {numbers[0]}" if len(numbers) == 1 else f"Lines {numbers[0]} to {numbers[-1]}"
