"""Priority queue of jobs: submit one with a frozen copy of its project, try it again, and choose the next."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from studio.core.problems import DocumentError, Problem
from studio.core.storage import inside, json_bytes, write_whole
from studio.jobs.job import ENDED, QUEUE, Job, queue_entries
from studio.jobs.job_kinds import FILM_SUFFIXES, JOB_KINDS, JobKind, KindName
from studio.project.restore import media_names
from studio.scene.document import dump_scene, load_scene
from studio.scene.schema import Scene

KEPT_JOBS = 20
"""Ended jobs of a project whose folders are kept, besides those whose results are kept for good."""


class SubmittedScene(Protocol):
    """Scene that is submitted as a job: a project, or one line of one."""

    @property
    def scene(self) -> Scene:
        """The scene of which a frozen copy is made."""

    @property
    def folder(self) -> Path:
        """Folder of the project."""

    @property
    def name(self) -> str:
        """Name of the project."""

    def line_ids(self) -> list[str]:
        """Names of its lines, in order."""


def submit(
    project: SubmittedScene,
    kind: KindName,
    files: Mapping[str, bytes] | None = None,
    **options: Any,  # noqa: ANN401 - checked against the kind's
) -> Job:
    """Submit a job; see :func:`studio.jobs.supervisor.ensure_worker` for who does it.

    Args:
        project: its scene as this window shows it is copied with all its files; later edits change nothing in the job.
        kind: ``hear`` (speech of some lines), ``move`` (everybody's motion, to be looked at and worked on),
            ``preview`` (quick and rough), ``render`` (everything), ``inspect`` (clips, whether they suffice to
            fine-tune on) or ``finetune`` (an adapter, on clips).
        files: further files of the frozen copy, by their names in it.
        options: ``lines`` (ids of lines, all if not given) and ``steps`` to hear; to move, see
            :class:`studio.production.motion_review.Order`, with ``take``, the number that a span of the line was given;
            ``steps``, ``height``, ``draft`` and ``film`` (a key of
            :data:`studio.jobs.job_kinds.FILM_SUFFIXES`) to render; see :mod:`studio.editor.finetuning` for fine-tuning.

    Raises:
        ValueError: an unknown kind, option or line, or a file of the scene that is missing; one sentence.
        StorageError: the disk is full; there is no job.
    """
    if kind not in JOB_KINDS:
        raise ValueError(f"There is no kind of job {kind!r}; known are {', '.join(JOB_KINDS)}.")
    spec = JOB_KINDS[kind]
    options = {key: value for key, value in options.items() if value is not None}
    for key, value in options.items():
        if key not in spec.options or not isinstance(value, spec.options[key]):
            raise ValueError(f"A job to {kind} takes no {key} {value!r}.")
    if options.get("film", "mp4") not in FILM_SUFFIXES:
        raise ValueError(f"There is no kind of film {options['film']!r}; known are {', '.join(FILM_SUFFIXES)}.")
    line_ids = project.line_ids()
    if {*options.get("lines", ()), options.get("line")} - {None, *line_ids}:
        raise ValueError("A line to be heard or seen is no longer in the script; look at the script again.")
    awaited = spec.awaited(options, len(options.get("lines") or line_ids))
    copied = _frozen_files(project.scene, project.folder, spec)
    copied |= {Path(name): data for name, data in (files or {}).items()}
    job = _create(project.folder, kind, options, 0 if awaited else spec.priority, copied)
    _tidy(project)
    return job


def retry(job: Job) -> Job:
    """Submit the same job again, with the same frozen copy; finished lines come from the kept segments."""
    frozen = job.folder / "scene"
    files = {path.relative_to(frozen): path.read_bytes() for path in frozen.rglob("*") if path.is_file()}
    return _create(job.project_folder, job.kind, job.options, job.priority, files)


def requeue(job: Job) -> None:
    """Put a job back into the queue that was paused, or whose worker is gone; only while no worker is at it."""
    job.clear()
    write_whole(_queue_entry(job.project_folder, job.id), durable=False)
    (job.folder / "status.json").unlink(missing_ok=True)


def leave_queue(job: Job) -> None:
    """Remove a job from the queue, once its status says that it runs."""
    job.queue_entry.unlink(missing_ok=True)


def jobs(project: SubmittedScene) -> list[Job]:
    """The project's jobs, the newest first."""
    return jobs_in(project.folder)


def jobs_in(folder: Path) -> list[Job]:
    """The jobs of the project in a folder, the newest first; its scene, which may not be readable, is left alone."""
    known = []
    for path in sorted((folder / "jobs").glob("*/job.json"), reverse=True):
        with suppress(ValueError):  # another window forgot it just now
            known.append(_job(path.parent))
    return known


@lru_cache(maxsize=1024)
def _job(folder: Path) -> Job:
    """The job of a folder, whose order never changes: a page asks for all of a project's jobs several times."""
    return Job(folder)


def frozen_scene(job: Job) -> Scene | None:
    """The scene that a job was submitted with, which never changes; None when it is gone or cannot be read."""
    return _read_scene(job.scene_path)


@lru_cache(maxsize=64)
def _read_scene(path: Path) -> Scene | None:
    try:
        return load_scene(path)
    except (ValueError, OSError):
        return None


def next_job(root: Path, before: Job | None = None) -> Job | None:
    """The job of any project that is to be done next: the one of the highest priority, of these the oldest.

    Entries of jobs that are gone, cancelled or begun are removed.

    Args:
        root: the folder of the projects.
        before: only a job of higher priority than this one.
    """
    queued = []
    for entry, job in queue_entries(root):
        if job is not None and job.state == "queued":
            queued.append(job)
        else:
            entry.unlink(missing_ok=True)
    first = min(queued, key=lambda job: (job.priority, job.id), default=None)
    return None if first is None or before is not None and first.priority >= before.priority else first


def _frozen_files(scene: Scene, folder: Path, kind: JobKind) -> dict[Path, bytes]:
    """The scene and every file that it names, by the name inside the frozen copy."""
    files = {Path("scene.yaml"): dump_scene(scene).encode()}
    problems = []
    for relative in media_names(scene):
        path = inside(folder, relative)
        if path.is_file():
            files[path.relative_to(folder)] = path.read_bytes()
        elif kind.whole:
            problems.append(Problem("file", f"the file {relative!r} is missing", "add it again"))
    if problems:
        raise DocumentError(problems)
    return files


def _create(
    project: Path, kind: KindName, options: Mapping[str, Any], priority: int, files: Mapping[Path, bytes]
) -> Job:
    """Write the job's folder whole, then its queue entry: of equal priority, the order of names is the queue."""
    # Padded nanoseconds, so that names sort by time for the next two centuries.
    job_id = f"{time.time_ns():019d}-{kind}"
    folder = project / "jobs" / job_id
    contents = {folder / "scene" / name: data for name, data in files.items()}
    order = json_bytes({"kind": kind, "options": dict(options), "priority": priority})
    write_whole({**contents, folder / "job.json": order, **_queue_entry(project, job_id)}, durable=False)
    return Job(folder)


def _queue_entry(project: Path, job_id: str) -> dict[Path, bytes]:
    return {project.parent / QUEUE / job_id: project.name.encode()}


def _tidy(project: SubmittedScene) -> None:
    """Forget the oldest jobs that have ended, but none whose results are kept for good."""
    ended = [(job, state) for job in jobs(project) if (state := job.state) in ENDED]
    passing = [job for job, state in ended if state != "done" or not JOB_KINDS[job.kind].kept]
    for job in passing[KEPT_JOBS:]:
        shutil.rmtree(job.folder, ignore_errors=True)
