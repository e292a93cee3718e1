"""What can be heard now: the newest speech of some lines with the times of its words, or one take"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.files import read_json
from studio.jobs import Job, jobs
from studio.project import Project


@dataclass(frozen=True)
class Sound:
    """A sound to be played.

    Attributes:
        path: the file.
        stamp: another one for each new sound.
        label: what it is.
        words: line (its id), text, start and end in seconds of the sound.
    """

    path: Path
    stamp: str
    label: str
    words: list[dict[str, Any]] = field(default_factory=list)


def waiting(project: Project) -> set[str]:
    """Ids of the lines that are being spoken, or wait for it."""
    ids: set[str] = set()
    for job in _hears(project):
        if not job.status().ended:
            ids |= set(job.what["lines"])
    return ids


def sound(project: Project, take: tuple[str, str] | None) -> Sound | None:
    """The take that was asked for, else the newest speech whose words still stand in the script."""
    if take is not None:
        line_id, take_id = take
        for number, made in enumerate(project.takes(line_id), 1):
            if made.id == take_id and made.sound is not None:
                return Sound(made.sound, f"{line_id} {take_id}", f"Take {number}: {made.text[:40]}")
    known = set(project.line_ids())
    for job in _hears(project):
        status = job.status()
        if status.state == "done" and (path := status.results.get("sound")) is not None and path.is_file():
            if set(job.what["lines"]) <= known:
                return Sound(path, job.id, _label(project, job), read_words(status.results.get("words")))
    return None


def read_words(path: Path | None) -> list[dict[str, Any]]:
    """Word times as the worker writes them: line, text, start and end in seconds; empty without a file."""
    data = read_json(path) if path is not None else None
    return data if isinstance(data, list) else []


def _hears(project: Project) -> list[Job]:
    """Jobs that speak lines of the script, the newest first; an audition names no lines."""
    return [job for job in jobs(project) if job.kind == "hear" and job.what.get("lines")]


def _label(project: Project, job: Job) -> str:
    numbers = [number for number, line_id in enumerate(project.line_ids(), 1) if line_id in job.what["lines"]]
    if len(numbers) > 2 and len(numbers) == len(project.line_ids()):
        return "All lines"
    return f"Line {numbers[0]}" if len(numbers) == 1 else f"Lines {numbers[0]} to {numbers[-1]}"
