"""Jobs as folders on disk: handed in with a frozen copy of the project, watched, cancelled, and tried again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from studio.core.storage import inside, json_bytes, read_json, write_json, write_whole
from studio.project.project import Project
from studio.project.restore import media_names
from studio.scene.document import DocumentError, dump_scene
from studio.scene.schema import Scene

Kind = Literal["hear", "move", "preview", "render", "examine", "teach"]
State = Literal["queued", "running", "done", "failed", "cancelled", "stopped"]

OPTIONS: dict[str, dict[str, type]] = {
    "hear": {"lines": list, "steps": int},
    "move": {"line": str, "take": int, "before": list, "who": str, "steps": int},
    "preview": {},
    "render": {"steps": int, "height": int, "draft": bool},
    "examine": {"who": str, "name": str, "consent": str, "statement": str},
    "teach": {"who": str, "name": str, "consent": str, "statement": str, "minutes": float},
}
"""What each kind of job can be told, and of which type it is."""
_URGENCY = {"render": 2, "teach": 3}
_PATIENT = {"render": "next, as soon as the film has finished a part", "teach": "next, in a moment"}
"""What is said of a job that one of these kinds lets pass."""
SHORT = 3
"""Most lines of a job to hear that goes before everything else."""
PAUSED = "waiting"
"""Stage of a job that waits, also of a film that lets a shorter job go first."""
KEPT_JOBS = 20
"""Ended jobs of a project whose folders are kept; films and what was taught are never forgotten."""
QUEUE, LOCK, WORKER = ".worker/queue", ".worker/lock", ".worker/state.json"
STOPPED = "Stopped: the worker ended before the job was done; try again, what was finished is kept."
_ENDED = ("done", "failed", "cancelled", "stopped")


@dataclass(frozen=True)
class JobStatus:
    """Where a job stands.

    Attributes:
        state: what became of it.
        stage: what is being done.
        share: done of the whole, 0..1.
        seconds_left: None while that would be a guess.
        note: more about the stage, or the place in the queue.
        sentence: why it failed or stopped; empty otherwise.
        results: the files that it made, by what they are; complete when the state is "done".
        heartbeat: seconds since 1970 of the last sign of life.
    """

    state: State
    stage: str = ""
    share: float = 0.0
    seconds_left: float | None = None
    note: str = ""
    sentence: str = ""
    results: dict[str, Path] = field(default_factory=dict)
    heartbeat: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in _ENDED


class Job:
    """One job.

    Args:
        folder: its folder, ``PROJECT/jobs/ID``. ``scene/`` inside it is the frozen copy, ``out/`` holds the results.

    Attributes:
        kind: what it makes.
        what: the order, see :data:`OPTIONS`.
        urgency: 0 for a few lines that somebody waits to hear or see, 1 for many or a preview, 2 for a film, 3 for
            teaching; smaller ones go first, also before one that has begun.

    Raises:
        ValueError: no job lies there.
    """

    def __init__(self, folder: Path) -> None:
        order = read_json(folder / "job.json")
        if not isinstance(order, dict):
            raise ValueError(f"There is no job {folder.name}.")
        self.folder = folder
        self.kind: Kind = order["kind"]
        self.urgency = int(order.get("urgency", 1))
        self.what: dict[str, Any] = order["what"]

    @property
    def id(self) -> str:
        """Its name; ids sort in the order in which the jobs were handed in."""
        return self.folder.name

    @property
    def when(self) -> datetime:
        """When it was handed in, in local time."""
        return datetime.fromtimestamp(int(self.id.partition("-")[0]) / 1e9)

    @property
    def project_folder(self) -> Path:
        """The folder of its project."""
        return self.folder.parent.parent

    @property
    def root(self) -> Path:
        """The folder of all projects."""
        return self.project_folder.parent

    @property
    def scene_path(self) -> Path:
        """The frozen scene."""
        return self.folder / "scene" / "scene.yaml"

    @property
    def preview_picture(self) -> Path:
        """The last finished frame while it is being rendered, a JPEG; may not be there yet."""
        return self.folder / "preview.jpg"

    @property
    def cancel_asked(self) -> bool:
        """Whether somebody asked to stop it."""
        return (self.folder / "cancel").exists()

    def status(self) -> JobStatus:
        """Where it stands now."""
        data = read_json(self.folder / "status.json")
        if data is None:
            if self.cancel_asked:
                return JobStatus("cancelled", sentence="Cancelled before it began.")
            if (self.root / QUEUE / self.id).exists():
                return JobStatus("queued", PAUSED, note=self._place())
            data = read_json(self.folder / "status.json")  # it may have begun between the two looks
            if data is None:
                return JobStatus("stopped", sentence=STOPPED)
        if data["state"] == "running" and not _serves(self.root, data["worker"]):
            # The worker may have written its last word between the two looks.
            data = read_json(self.folder / "status.json") or data
            if data["state"] == "running":
                data |= {"state": "stopped", "sentence": STOPPED, "seconds_left": None}
        if (data["state"], data["stage"]) == ("running", PAUSED) and self.cancel_asked:
            data |= {"state": "cancelled", "note": ""}  # nobody works at it, so it needs not be stopped first
        results = {key: self.folder / name for key, name in data["results"].items()}
        known = {key: data[key] for key in ("state", "stage", "share", "seconds_left", "note", "sentence", "heartbeat")}
        return JobStatus(**known, results=results)

    def _place(self) -> str:
        """Its place in the queue."""
        earlier = [job for _, job in _tickets(self.root) if job is not None and not job.cancel_asked]
        before = sum((job.urgency, job.id) < (self.urgency, self.id) for job in earlier)
        at_work = current_job(self.root)
        if at_work is not None and at_work.urgency > self.urgency:
            return f"{before} before it" if before else _PATIENT.get(at_work.kind, "next")
        before += at_work is not None
        return f"{before} before it" if before else "next"

    def write_status(self, worker: str, status: JobStatus) -> None:
        """Write where it stands; only the worker calls it.

        Args:
            worker: token of the worker that has the job.
            status: what is to be read.
        """
        results = {key: path.relative_to(self.folder).as_posix() for key, path in status.results.items()}
        write_json(self.folder / "status.json", {**vars(status), "results": results, "worker": worker}, durable=False)

    def clear(self) -> None:
        """Remove what it made, so that nothing half done stays; only the worker calls it."""
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        with suppress(OSError):
            self.preview_picture.unlink(missing_ok=True)

    def cancel(self) -> None:
        """Ask to stop; within 3 s the job is cancelled, finished lines are kept. Nothing if it has ended."""
        if not self.status().ended:
            write_whole({self.folder / "cancel": b""}, durable=False)

    def retry(self) -> Job:
        """Hand in the same job again, with the same frozen copy; finished lines come from the kept pieces."""
        frozen = self.folder / "scene"
        files = {path.relative_to(frozen): path.read_bytes() for path in frozen.rglob("*") if path.is_file()}
        return _hand_in(self.project_folder, self.kind, self.what, self.urgency, files)

    def queue_again(self) -> None:
        """Put a job that was paused back into the queue; only the supervisor calls it."""
        self.clear()
        write_whole(_ticket(self.project_folder, self.id), durable=False)
        (self.folder / "status.json").unlink(missing_ok=True)


def submit(project: Project, kind: Kind, files: Mapping[str, bytes] | None = None, **what: Any) -> Job:  # noqa: ANN401
    """Hand in a job; see :func:`studio.jobs.supervisor.ensure_worker` for who does it.

    Args:
        project: its scene as this window shows it is copied with all its files; later edits change nothing in the job.
        kind: ``hear`` (speech of some lines), ``move`` (everybody's motion, to be looked at and worked on),
            ``preview`` (quick and rough), ``render`` (everything), ``examine`` (clips, whether they can teach) or
            ``teach`` (an adapter, from clips).
        files: further files of the frozen copy, by their names in it.
        what: ``lines`` (ids of lines, all if not given) and ``steps`` to hear; to move, see
            :class:`studio.production.motion_review.Order`, with ``take``, the number that a span of the line was given;
            ``steps``, ``height`` and ``draft`` to render; see :mod:`studio.editor.finetuning` for teaching.

    Raises:
        ValueError: an unknown kind, option or line, or a file of the scene that is missing; one sentence.
        StorageError: the disk is full; there is no job.
    """
    if kind not in OPTIONS:
        raise ValueError(f"There is no kind of job {kind!r}; known are {', '.join(OPTIONS)}.")
    what = {key: value for key, value in what.items() if value is not None}
    for key, value in what.items():
        if key not in OPTIONS[kind] or not isinstance(value, OPTIONS[kind][key]):
            raise ValueError(f"A job to {kind} takes no {key} {value!r}.")
    unknown = {*what.get("lines", ()), what.get("line")} - {None, *project.line_ids()}
    if unknown:
        raise ValueError("A line to be heard or seen is no longer in the script; look at the script again.")
    short = len(what.get("lines") or project.line_ids()) <= SHORT
    awaited = kind == "hear" and short or kind == "move" and ("line" in what or "who" in what)
    urgency = _URGENCY.get(kind, 0 if awaited else 1)
    frozen = _frozen(project.scene, project.folder, kind) | {Path(name): data for name, data in (files or {}).items()}
    job = _hand_in(project.folder, kind, what, urgency, frozen)
    _tidy(project)
    return job


def jobs(project: Project) -> list[Job]:
    """The project's jobs, the newest first."""
    found = []
    for path in sorted((project.folder / "jobs").glob("*/job.json"), reverse=True):
        with suppress(ValueError):  # another window forgot it just now
            found.append(Job(path.parent))
    return found


def _frozen(scene: Scene, folder: Path, kind: Kind) -> dict[Path, bytes]:
    """The scene and every file that it names, by the name inside the frozen copy."""
    files = {Path("scene.yaml"): dump_scene(scene).encode()}
    problems = []
    for relative in media_names(scene):
        path = inside(folder, relative)
        if path.is_file():
            files[path.relative_to(folder)] = path.read_bytes()
        elif kind == "render":
            problems.append(f"The file {relative!r} is missing; add it again.")
    if problems:
        raise DocumentError(problems)
    return files


def _hand_in(project: Path, kind: Kind, what: Mapping[str, Any], urgency: int, files: Mapping[Path, bytes]) -> Job:
    """Write the job's folder whole, then its ticket: of equal urgency, the order of their names is the queue."""
    # Padded nanoseconds, so that names sort by time for the next two centuries.
    job_id = f"{time.time_ns():019d}-{kind}"
    folder = project / "jobs" / job_id
    contents = {folder / "scene" / name: data for name, data in files.items()}
    order = json_bytes({"kind": kind, "what": dict(what), "urgency": urgency})
    write_whole({**contents, folder / "job.json": order, **_ticket(project, job_id)}, durable=False)
    return Job(folder)


def _ticket(project: Path, job_id: str) -> dict[Path, bytes]:
    return {project.parent / QUEUE / job_id: project.name.encode()}


def _tidy(project: Project) -> None:
    """Forget the oldest jobs that have ended, but no film and nothing that was taught."""
    ended = [(job, status.state) for job in jobs(project) if (status := job.status()).ended]
    passing = [job for job, state in ended if job.kind not in _URGENCY or state != "done"]
    for job in passing[KEPT_JOBS:]:
        shutil.rmtree(job.folder, ignore_errors=True)


def next_job(root: Path, before: Job | None = None) -> Job | None:
    """The job of any project that is to be done next: the most urgent one, of these the oldest.

    Tickets of jobs that are gone, cancelled or begun are removed.

    Args:
        root: the folder of the projects.
        before: only a job that is more urgent than this one.
    """
    found = []
    for ticket, job in _tickets(root):
        if job is not None and job.status().state == "queued":
            found.append(job)
        else:
            ticket.unlink(missing_ok=True)
    first = min(found, key=lambda job: (job.urgency, job.id), default=None)
    return None if first is None or before is not None and first.urgency >= before.urgency else first


def _tickets(root: Path) -> list[tuple[Path, Job | None]]:
    """The tickets of the queue and their jobs; None for a job that is gone."""
    queue, found = root / QUEUE, []
    for ticket in queue.iterdir() if queue.is_dir() else ():
        if ticket.suffix == ".part" or ticket.name.startswith("."):
            continue
        try:
            job = Job(inside(root, f"{ticket.read_text(encoding='utf-8')}/jobs/{ticket.name}"))
        except (ValueError, OSError):
            job = None
        found.append((ticket, job))
    return found


def current_job(root: Path) -> Job | None:
    """The job that the worker is at."""
    state = read_json(root / WORKER)
    try:
        return Job(Path(state["job"])) if state and state["job"] else None
    except ValueError:
        return None


def take_ticket(job: Job) -> None:
    """Remove a job from the queue, once its status says that it runs."""
    (job.root / QUEUE / job.id).unlink(missing_ok=True)


def worker_lock(root: Path) -> FileLock:
    """The lock that the one worker of a folder of projects holds as long as it lives; the system frees it."""
    (root / LOCK).parent.mkdir(parents=True, exist_ok=True)
    return FileLock(root / LOCK)


def worker_alive(root: Path) -> bool:
    """Whether a worker lives."""
    lock = worker_lock(root)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _serves(root: Path, token: str) -> bool:
    """Whether the worker of that token is the one that lives."""
    state = read_json(root / WORKER)
    return isinstance(state, dict) and state.get("token") == token and worker_alive(root)
