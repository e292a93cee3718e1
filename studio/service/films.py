"""Films, speech and checks for other programs: the editor's projects, jobs and worker behind a few calls."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from generation.adapters.metadata import shipped_adapters
from studio.core.messages import nearest, shortened
from studio.core.problems import DocumentError, Problem
from studio.core.storage import folder_name, inside, read_json, trim_folder, write_json
from studio.jobs.job import Job
from studio.jobs.job_kinds import STAGE_LABELS
from studio.jobs.queue import next_job, requeue, submit
from studio.jobs.supervisor import ensure_worker
from studio.jobs.worker_lock import worker_alive
from studio.performance.speak_line import line_problems, line_scene
from studio.project.archive import unpack
from studio.project.project import Project
from studio.project.projects import Projects
from studio.project.restore import media_names, with_files
from studio.project.takes import FOLDER as TAKES
from studio.project.uploads import check_upload
from studio.scene.document import load_scene
from studio.scene.line_names import line_names
from studio.scene.schema import Scene
from studio.service.draft import Files, written_scene
from studio.service.models import (
    CheckAnswer,
    FilmRequest,
    JobReport,
    ResultFile,
    SceneRequest,
    SpeechRequest,
    Told,
)
from studio.validation.scene_check import check_scene

INDEX = ".worker/service"
"""In the folder of the projects: one file for each job of the service, with its project and how often it was begun."""
SPEECH = ".speech"
"""Folder of the lines that are spoken alone; a hidden one is no project."""
MOST_BEGUN = 3
"""How often a job is begun whose worker was killed with everything else: the job itself may be the cause."""
MOST_TAKES = 100_000_000
"""Bytes of the sounds of single lines that are kept beside the jobs' own results."""
_ID = re.compile(r"[0-9]{19}-(hear|render)", re.ASCII)


class NoSuchJob(ValueError):
    """There is no job of that name, or no such file of its results."""


class FilmService:
    """What other programs may ask for; any number of threads at once.

    Args:
        projects: where the projects, jobs and the worker are.
    """

    def __init__(self, projects: Projects) -> None:
        self.projects = projects
        self.root = projects.root
        self._checking = threading.Lock()  # networks and eSpeak NG are loaded once and run one at a time
        self._writing = threading.Lock()  # two requests may name the same new project

    def check(self, request: SceneRequest, files: Files | None = None) -> CheckAnswer:
        """Everything that is wrong with a scene.

        Raises:
            ValueError: a file lies outside the folder, is too large, or is not named by the scene.
        """
        with written_scene(request.scene, files or {}, self._source(request.folder)) as path, self._checking:
            report = check_scene(path)
        problems, warnings = (tuple(map(Told.of, told)) for told in (report.problems, report.warnings))
        return CheckAnswer(ok=not problems, problems=problems, warnings=warnings, seconds=report.seconds)

    def render(self, request: FilmRequest, files: Files | None = None) -> JobReport:
        """Submit a film.

        Raises:
            ValueError: the scene cannot be read, a file is missing, outside or of no use, or no such project.
            StorageError: the disk is full; nothing was made.
        """
        if request.scene is not None:
            with written_scene(request.scene, files or {}, self._source(request.folder)) as path:
                project = self._project_of(path, request.project)
        elif files:
            raise ValueError("The files belong to no scene; send the scene, too.")
        elif request.project is None:
            raise ValueError("There is nothing to render; send a scene, or name a project.")
        else:
            project = self.projects.open(request.project)
        options = {"draft": request.draft, "height": request.height, "steps": request.steps, "film": request.film}
        return self._begun(submit(project, "render", None, **options))

    def speak(self, request: SpeechRequest) -> JobReport:
        """Submit one line to be spoken, which goes before films.

        Raises:
            DocumentError: nothing to say, an unknown voice, language or style, or a number out of range.
            StorageError: the disk is full; nothing was made.
        """
        known = shipped_adapters()
        if unknown := [style for style in request.styles if style not in known]:  # no file: it may lie anywhere
            what = f"the style {shortened(unknown[0])} is not known"
            raise DocumentError([Problem("cast", what, nearest(unknown[0], known))])
        said = (request.text, request.voice, request.language, request.speed, request.styles)
        with self._checking:
            problems = line_problems(*said)
        if problems:
            raise DocumentError(problems)
        with self._writing:
            trim_folder(self.root / SPEECH / TAKES, "*.wav", MOST_TAKES)
        line = _SpokenLine(line_scene(*said, request.seed), self.root / SPEECH)
        return self._begun(submit(line, "hear", lines=line.line_ids(), steps=request.steps))

    def unpack(self, archive: IO[bytes], name: str) -> str:
        """Make a project of an archive; returns its name.

        Raises:
            ValueError: no archive, one that would unpack to too much, a file outside, or a name that is taken.
        """
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "archive.zip"
            with path.open("wb") as file:
                shutil.copyfileobj(archive, file)
            return unpack(path, self.projects, name).name

    def job(self, job_id: str) -> Job:
        """A job that was submitted here.

        Raises:
            NoSuchJob: there is none.
        """
        entry = read_json(self.root / INDEX / job_id) if _ID.fullmatch(job_id) else None
        with suppress(ValueError, KeyError):
            return Job(inside(self.root, f"{(entry or {})['project']}/jobs/{job_id}"))
        raise NoSuchJob("There is no such job.")

    def report(self, job_id: str) -> JobReport:
        """Where a job stands.

        Raises:
            NoSuchJob: there is none.
        """
        return _report_of(self.job(job_id))

    def cancel(self, job_id: str) -> JobReport:
        """Ask a job to stop, which takes a few seconds at most.

        Raises:
            NoSuchJob: there is none.
        """
        self.job(job_id).cancel()
        return self.report(job_id)

    def results(self, job_id: str) -> list[ResultFile]:
        """The files that a job has made; while a film is being made ``beginning``, what of it can be watched already.

        Raises:
            NoSuchJob: there is none.
        """
        made = [(name, path) for name, path in _files_of(self.job(job_id)).items() if path.is_file()]
        return [ResultFile(name=name, file=path.name, bytes=path.stat().st_size) for name, path in made]

    def result(self, job_id: str, name: str) -> Path:
        """One of these files.

        Raises:
            NoSuchJob: there is no such job or file.
        """
        job = self.job(job_id)
        path = _files_of(job).get(name)
        if path is None or not path.is_file():
            raise NoSuchJob("There is no such result, or not yet.")
        return inside(job.folder, path.relative_to(job.folder).as_posix())

    def take_up(self) -> None:
        """Begin anew what a worker left that was killed with everything else, and see that a worker lives."""
        if not worker_alive(self.root):
            for job in self._jobs():
                last = read_json(job.folder / "status.json")
                if last is not None and last["state"] == "running" and not job.cancel_asked and self._counts(job):
                    requeue(job)
        self.keep_worker()

    def keep_worker(self) -> None:
        """Start the worker where jobs wait and none lives."""
        if next_job(self.root) is not None:
            ensure_worker(self.root)

    def _jobs(self) -> Iterator[Job]:
        """Every job of the service that is still there; the others are forgotten."""
        for entry in sorted((self.root / INDEX).glob("*")):
            try:
                yield self.job(entry.name)
            except NoSuchJob:
                entry.unlink(missing_ok=True)

    def _counts(self, job: Job) -> bool:
        """Count one more beginning of a job; False where it had enough of them."""
        entry = self.root / INDEX / job.id
        noted = read_json(entry)
        if noted["begun"] >= MOST_BEGUN:
            return False
        write_json(entry, noted | {"begun": noted["begun"] + 1}, durable=False)
        return True

    def _begun(self, job: Job) -> JobReport:
        write_json(self.root / INDEX / job.id, {"project": job.project_folder.name, "begun": 1}, durable=False)
        ensure_worker(self.root)
        return _report_of(job)

    def _source(self, folder: str) -> Path | None:
        """The folder from which a request's file names count.

        Raises:
            ValueError: it lies outside the folder of the projects, or is none.
        """
        if not folder:
            return None
        source = inside(self.root, folder)
        if not source.is_dir():
            raise ValueError(f"There is no folder {folder!r} in the folder of the projects.")
        return source

    def _project_of(self, path: Path, name: str | None) -> Project:
        """A project whose scene is the one in a file: a new one, or one that is there and is changed."""
        scene = load_scene(path)
        files = {file: found for file in media_names(scene) if (found := inside(path.parent, file)).is_file()}
        for file, found in files.items():
            check_upload(found.read_bytes(), file)
        with self._writing:
            folder = self.root / folder_name(name or _free_name(scene.title))
            for file in media_names(scene):
                if file not in files and not inside(folder, file).is_file():
                    raise ValueError(f"The file {file!r} is missing; send it, or name the folder where it lies.")
            is_new = not folder.exists()
            project = self.projects.create(folder.name) if is_new else self.projects.open(folder.name)
            try:
                names = {file: project.add_media(found.read_bytes(), file) for file, found in files.items()}
                project.edit(with_files(scene, names), "Asked for by a program")
            except Exception:
                if is_new:
                    shutil.rmtree(folder, ignore_errors=True)
                raise
        return project


def _files_of(job: Job) -> dict[str, Path]:
    """Results by name, the film's beginning too while it grows."""
    status = job.status()
    return status.results if status.ended else {**status.results, "beginning": job.beginning}


def _free_name(title: str) -> str:
    """A project's name of a film's title and the time."""
    plain = " ".join(re.sub(r"[^\w .,()'+-]+", " ", title).split())[:30].strip(" .,(-") or "Film"
    return f"{plain} {datetime.now():%Y-%m-%d %H-%M-%S-%f}"


class _SpokenLine:
    """One line for :func:`studio.jobs.queue.submit`."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene, self.folder, self.name = scene, folder, folder.name

    def line_ids(self) -> list[str]:
        """Name of its only line."""
        return line_names(self.scene, takes=False)


def _report_of(job: Job) -> JobReport:
    status = job.status()
    return JobReport(
        id=job.id, project=job.project_folder.name, kind=job.kind, state=status.state,
        stage=STAGE_LABELS.get(status.stage, status.stage), percent=round(100 * status.share, 1),
        seconds_left=status.seconds_left, note=status.note, sentence=status.sentence, results=tuple(status.results),
    )  # fmt: skip
