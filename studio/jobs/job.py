"""A job as a folder on disk: its order, its status, and its place in the queue."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from studio.core.storage import inside, read_json, write_json, write_whole
from studio.jobs.job_kinds import JOB_KINDS, WAITING, KindName
from studio.jobs.worker_lock import WORKER, is_serving

State = Literal["queued", "running", "done", "failed", "cancelled", "stopped"]

QUEUE = ".worker/queue"
"""In the folder of the projects: one file for each job that waits, named by the job, with the project's name in it."""
STOPPED = "Stopped: the worker ended before the job was done; try again, what was finished is kept."
ENDED = ("done", "failed", "cancelled", "stopped")
_FORMER_KINDS = {"examine": "inspect", "teach": "finetune"}
"""Names of kinds in the folders of older jobs."""


@dataclass(frozen=True)
class JobStatus:
    """Status of a job.

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
        return self.state in ENDED


class Job:
    """One job.

    Args:
        folder: its folder, ``PROJECT/jobs/ID``. ``scene/`` inside it is the frozen copy, ``out/`` holds the results.

    Attributes:
        kind: name of its kind, a key of :data:`studio.jobs.job_kinds.JOB_KINDS`.
        options: what it was told, see :attr:`studio.jobs.job_kinds.JobKind.options`.
        priority: smaller ones go first, see :attr:`studio.jobs.job_kinds.JobKind.priority`.

    Raises:
        ValueError: no job lies there, or one of a kind that is not known.
    """

    def __init__(self, folder: Path) -> None:
        order = read_json(folder / "job.json")
        kind: Any = _FORMER_KINDS.get(order["kind"], order["kind"]) if isinstance(order, dict) else None
        if kind not in JOB_KINDS:
            raise ValueError(f"There is no job {folder.name}.")
        self.folder = folder
        self.kind: KindName = kind
        self.priority = int(order.get("priority", order.get("urgency", 1)))
        self.options: dict[str, Any] = order["options"] if "options" in order else order["what"]

    @property
    def id(self) -> str:
        """Its name; ids sort in the order in which the jobs were submitted."""
        return self.folder.name

    @property
    def when(self) -> datetime:
        """When it was submitted, in local time."""
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
    def beginning(self) -> Path:
        """The beginning of the film while the rest is being made, an MP4; may not be there yet."""
        return self.folder / "beginning.mp4"

    @property
    def cancel_asked(self) -> bool:
        """Whether somebody asked to stop it."""
        return (self.folder / "cancel").exists()

    @property
    def queue_entry(self) -> Path:
        """The file that is there while it waits."""
        return self.root / QUEUE / self.id

    def status(self) -> JobStatus:
        """Current status of the job."""
        status = self._status()
        return replace(status, note=self._place()) if status.state == "queued" else status

    @property
    def state(self) -> State:
        """What has become of it, without its place in the queue, for which every job that waits is looked at."""
        return self._status().state

    def _status(self) -> JobStatus:
        data = read_json(self.folder / "status.json")
        if data is None:
            if self.cancel_asked:
                return JobStatus("cancelled", sentence="Cancelled before it began.")
            if self.queue_entry.exists():
                return JobStatus("queued", WAITING)
            data = read_json(self.folder / "status.json")  # it may have begun between the two looks
            if data is None:
                return JobStatus("stopped", sentence=STOPPED)
        if data["state"] == "running" and not is_serving(self.root, data["worker"]):
            # The worker may have written its last word between the two looks.
            data = read_json(self.folder / "status.json") or data
            if data["state"] == "running":
                data |= {"state": "stopped", "sentence": STOPPED, "seconds_left": None}
        if (data["state"], data["stage"]) == ("running", WAITING) and self.cancel_asked:
            data |= {"state": "cancelled", "note": ""}  # nobody works at it, so it needs not be stopped first
        results = {key: self.folder / name for key, name in data["results"].items()}
        known = {key: data[key] for key in ("state", "stage", "share", "seconds_left", "note", "sentence", "heartbeat")}
        return JobStatus(**known, results=results)

    def _place(self) -> str:
        """Its place in the queue."""
        waiting = [job for _, job in queue_entries(self.root) if job is not None and not job.cancel_asked]
        n_before = sum((job.priority, job.id) < (self.priority, self.id) for job in waiting)
        at_work = current_job(self.root)
        if at_work is not None and at_work.priority > self.priority:
            return f"{n_before} before it" if n_before else JOB_KINDS[at_work.kind].lets_pass
        n_before += at_work is not None
        return f"{n_before} before it" if n_before else "next"

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
        for path in (self.preview_picture, self.beginning):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def cancel(self) -> None:
        """Ask to stop; within 3 s the job is cancelled, finished lines are kept. Nothing if it has ended."""
        if not self.status().ended:
            write_whole({self.folder / "cancel": b""}, durable=False)


def queue_entries(root: Path) -> list[tuple[Path, Job | None]]:
    """The entries of the queue and their jobs; None for a job that is gone."""
    queue, entries = root / QUEUE, []
    for path in queue.iterdir() if queue.is_dir() else ():
        if path.suffix == ".part" or path.name.startswith("."):
            continue
        try:
            job = _job_of(path, root)
        except (ValueError, OSError):
            job = None
        entries.append((path, job if job is not None and (job.folder / "job.json").exists() else None))
    return entries


@lru_cache(maxsize=4096)
def _job_of(entry: Path, root: Path) -> Job:
    """The job of an entry, neither of which ever changes: a long queue is looked at often."""
    return Job(inside(root, f"{entry.read_text(encoding='utf-8')}/jobs/{entry.name}"))


def current_job(root: Path) -> Job | None:
    """The job that the worker is at."""
    state = read_json(root / WORKER)
    try:
        return Job(Path(state["job"])) if state and state["job"] else None
    except ValueError:
        return None
