"""What the worker does all day: takes the most urgent job, does it, writes how far it is, survives what goes wrong."""

from __future__ import annotations

import io
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from generation.audio.waveform import Audio, mix
from generation.core import deferred_imports  # noqa: F401 - before anything that imports diffusers
from generation.core.clock import SAMPLE_RATE
from generation.core.performance import Performance
from generation.pipeline.sampling import usual_steps
from studio.cast.geometry import SceneGeometry
from studio.core.progress import Cancelled, Progress, Stage, Status
from studio.core.storage import StorageError, read_json, storage_sentence, write_json, write_whole
from studio.editor.finetuning import FACTOR, ratio
from studio.editor.motion_view import lanes_of
from studio.export.otio import write_otio
from studio.export.writers import file_names
from studio.jobs.estimate import learn, note, note_film, recipe
from studio.jobs.finetune import EXAMINE_STAGES, TEACH_STAGES, examine, teach
from studio.jobs.queue import PAUSED, WORKER, Job, JobStatus, next_job, take_ticket
from studio.performance.line_audio import STAGES as HEAR_STAGES
from studio.performance.line_audio import hear, keep_takes, timed_words
from studio.performance.performer import Models, Speech
from studio.production.motion_review import CLOSE_UP, Order, move
from studio.production.motion_review import STAGES as MOVE_STAGES
from studio.production.preview import STAGES as PREVIEW_STAGES
from studio.production.preview import Previewer
from studio.production.render import RenderObserver, RenderSettings, render_scene
from studio.project.history import SCENE_FILE
from studio.project.project import Projects
from studio.scene.document import load_scene
from studio.timeline.timeline import Timeline, line_names

if TYPE_CHECKING:
    from studio.scene.schema import Scene

log = logging.getLogger(__name__)

_TURN = 0.1
_GOES_FIRST = {
    "hear": "lines are being spoken first", "move": "motion is made first", "preview": "a quick preview goes first",
    "examine": "clips are listened to first", "render": "the video is made first",
}  # fmt: skip
_STATUS_SECONDS = 0.25
_LOOK_SECONDS, _SETTLED_SECONDS = 1.0, 2.0
"""How often an idle worker looks for a changed project, and how long that one should have stayed as it is."""
_PICTURE_SECONDS = 1.0
_PICTURE_SIDE = 960


def serve(root: Path, token: str, idle_seconds: float) -> None:
    """Load the models, then do jobs until none came for ``idle_seconds``.

    Args:
        root: the folder of the projects.
        token: this worker's name in the status of its jobs.
        idle_seconds: how long to wait for a job.
    """
    _say(root, token, "starting", [])
    shop = _Shop(root, token, Models.load())
    shop.say()
    waiting_since = time.monotonic()
    while True:
        if shop.turn():
            waiting_since = time.monotonic()
        elif time.monotonic() - waiting_since > idle_seconds:
            return
        else:
            shop.foresee()
            time.sleep(_TURN)


def _say(root: Path, token: str, state: str, jobs: Sequence[Job]) -> None:
    """Write what the worker is at, for pages and for the supervisor."""
    folders = [str(job.folder) for job in jobs]
    at = {"job": folders[-1] if folders else None, "paused": folders[:-1]}
    with suppress(StorageError):
        write_json(root / WORKER, {"token": token, "state": state, "pid": os.getpid(), **at}, durable=False)


class _Shop:
    """The models, what is kept from job to job, and the jobs that were begun: the last one is worked at."""

    def __init__(self, root: Path, token: str, models: Models) -> None:
        self._root, self._token = root, token
        self.models = models
        self.previewer, self.closeups = Previewer(models), Previewer(models, CLOSE_UP)
        self._begun: list[_Reporter] = []
        self._looked = 0.0
        self._foreseen: tuple[str, float] | None = None

    def say(self) -> None:
        """Write what is worked at."""
        _say(self._root, self._token, "busy" if self._begun else "ready", [report.job for report in self._begun])

    def turn(self) -> bool:
        """Do the most urgent job that waits, if it is more urgent than the one that is worked at; False without one."""
        paused = self._begun[-1] if self._begun else None
        job = next_job(self._root, paused.job if paused else None)
        if job is None:
            return False
        report = _Reporter(job, self._token, self.rest)
        try:
            report.write(replace(report.last, stage="begin"))
        except StorageError:  # it waits until the disk has room
            return False
        self._begun.append(report)
        self.say()
        take_ticket(job)
        try:
            with paused.paused(_GOES_FIRST[job.kind]) if paused else nullcontext():
                _do(job, self, report)
        finally:
            self._begun.pop()
            self.say()
        return True

    def foresee(self) -> None:
        """While nobody waits: prepare the picture of the project that was changed last, for its preview."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        newest = next(iter(Projects(self._root).names()), None)
        if newest is None:
            return
        path = self._root / newest / SCENE_FILE
        try:
            changed = path.stat().st_mtime
            if (newest, changed) == self._foreseen or time.time() - changed < _SETTLED_SECONDS:
                return
            self._foreseen = (newest, changed)
            self._prepare(path)
        except Exception:  # it says so when somebody asks for the preview
            log.info("The picture of %s could not be prepared", newest, exc_info=True)

    def _prepare(self, path: Path) -> None:
        """The picture, a timeline and a mix; the first ones load pronunciation, filters and meter."""
        scene = load_scene(path)[1]
        self.previewer.prepared(scene, path.parent)
        Speech(scene, path.parent, None, usual_steps(), None, self.models).timeline()
        mix([Audio(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)])

    def rest(self) -> None:
        """Between two parts of a job: let more urgent ones go first.

        They are done here and now, so that nothing of the job's own work is lost, and no second process holds the
        models once more.
        """
        if time.monotonic() - self._looked > _TURN:
            while self.turn():
                pass
            self._looked = time.monotonic()


def _do(job: Job, shop: _Shop, report: _Reporter) -> None:
    """One job to its last status; nothing that goes wrong in it ends the worker."""
    try:
        ways = {"hear": _hear, "move": _move, "preview": _preview, "render": _render, "examine": _examine,
                "teach": _teach}  # fmt: skip
        results = ways[job.kind](job, shop, report)
        report.write(JobStatus("done", report.last.stage, 1.0, 0.0, results=results))
    except Cancelled:
        job.clear()
        report.write(JobStatus("cancelled", report.last.stage, report.last.share))
    except Exception as error:
        log.warning("Job %s failed", job.id, exc_info=True)
        job.clear()
        report.write(JobStatus("failed", report.last.stage, report.last.share, sentence=_sentence(error)))


def _sentence(error: Exception) -> str:
    """Why a job failed, in one sentence where one is known."""
    if isinstance(error, MemoryError) or "not enough memory" in str(error) or "out of memory" in str(error):
        return "The memory does not suffice; close other programs, or choose a smaller size or a draft."
    if isinstance(error, OSError) and error.errno and not isinstance(error, StorageError):
        return storage_sentence(error)
    text = getattr(error, "problems", None) or str(error).splitlines() or [repr(error)]
    return text[0]


class _Reporter:
    """Writes a job's status: at most four times a second, at least once a second."""

    def __init__(self, job: Job, token: str, rest: Callable[[], None]) -> None:
        self.job, self._token, self.rest = job, token, rest
        self.last = JobStatus("running", heartbeat=time.time())
        self._written = 0.0
        self._stages: dict[str, float] = {}
        self._rested: dict[str, float] = {}
        self._first = ""

    def took(self) -> dict[str, float]:
        """Seconds of each stage so far."""
        begins = [*self._stages.items(), ("", time.monotonic())]
        return {name: end - begin - self._rested.get(name, 0.0) for (name, begin), (_, end) in pairwise(begins)}

    def progress(self, stages: dict[str, float]) -> Progress:
        """Progress over stages with their shares, which asks whether the job was cancelled."""
        return Progress([Stage(*stage) for stage in stages.items()], self.show, self.cancelled, self.rest)

    @contextmanager
    def paused(self, why: str) -> Iterator[None]:
        """Say that another job goes first."""
        began, stage = time.monotonic(), next(reversed(self._stages), "")
        self._first = why
        self._show(PAUSED, self.last.share, None, why)
        yield
        self._first = ""
        self._rested[stage] = self._rested.get(stage, 0.0) + time.monotonic() - began

    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self.job.cancel_asked

    def show(self, status: Status) -> None:
        """Listener of a job's progress."""
        share = round(status.fraction, 4)
        if self._first:  # the heartbeat of a job that is paused
            self._show(PAUSED, share, None, self._first)
            return
        self._stages.setdefault(status.stage, time.monotonic())
        self._show(status.stage, share, status.remaining, status.note)

    def _show(self, stage: str, share: float, left: float | None, note: str) -> None:
        changed = stage != self.last.stage
        now = time.monotonic()
        self.last = JobStatus("running", stage, share, left, note, heartbeat=time.time())
        if changed or now - self._written > _STATUS_SECONDS:
            self._written = now
            with suppress(StorageError):  # the disk may have room again at the next turn
                self.job.write_status(self._token, self.last)

    def write(self, status: JobStatus) -> None:
        """Write a first or last status, which should not be lost."""
        for attempt in range(3):
            try:
                self.job.write_status(self._token, replace(status, heartbeat=time.time()))
                return
            except StorageError:
                if attempt == 2:
                    raise
                time.sleep(0.3)


def _hear(job: Job, shop: _Shop, report: _Reporter) -> dict[str, Path]:
    progress = report.progress(HEAR_STAGES)
    out = job.folder / "out"
    with progress.running():
        wanted, steps = job.what.get("lines", ()), job.what.get("steps") or usual_steps()
        return hear(job.scene_path, wanted, steps, job.project_folder, out, shop.models, progress)


def _move(job: Job, shop: _Shop, report: _Reporter) -> dict[str, Path]:
    progress = report.progress(MOVE_STAGES)
    told = {key: job.what[key] for key in ("line", "before", "who") if key in job.what}
    order = Order(steps=job.what.get("steps") or usual_steps(), **told)
    with progress.running():
        return move(job.scene_path, order, job.project_folder, job.folder / "out", shop.closeups, progress)


def _preview(job: Job, shop: _Shop, report: _Reporter) -> dict[str, Path]:
    progress = report.progress(PREVIEW_STAGES)
    with progress.running():
        return shop.previewer.make(job.scene_path, job.project_folder, job.folder / "out", progress)


def _render(job: Job, shop: _Shop, report: _Reporter) -> dict[str, Path]:
    scene = load_scene(job.scene_path)[1]
    settings = RenderSettings(
        steps=job.what.get("steps"),
        height=job.what.get("height"),
        draft=job.what.get("draft", False),
        work=job.project_folder / "work",
    )
    video = job.folder / "out" / f"{_film_name(job.project_folder.name)}.mp4"
    watcher = _RenderObserver(job, scene, settings.sampling_steps, report.rest)
    forget_peak_memory()
    checked = render_scene(job.scene_path, video, settings, report.show, report.cancelled, watcher, shop.models)
    took = report.took() | ({"memory": float(peak)} if (peak := peak_memory()) else {})
    learn(job.root, checked, settings, took, watcher.made, watcher.drawn)
    note_film(settings.work, scene, settings, watcher.pieces)
    results = {"video": video, "srt": video.with_suffix(".srt"), "vtt": video.with_suffix(".vtt")}
    names = [character.name for character in scene.cast]
    for name, slug in zip(names, file_names(names), strict=True):
        for what, suffix in (("stem", "wav"), ("curves", "csv"), ("motion", "json")):
            results[f"{what}:{name}"] = video.with_name(f"{video.stem}.{slug}.{suffix}")
    stems = {name: results[f"stem:{name}"] for name in names}
    results["otio"] = write_otio(
        watcher.timeline, names, video.with_suffix(".otio"), title=scene.title or video.stem, video=video, stems=stems
    )
    results["words"], results["lanes"] = video.with_name("words.json"), video.with_name("lanes.json")
    write_json(results["words"], watcher.words, durable=False)
    write_json(results["lanes"], watcher.lanes, durable=False)
    return results


def _examine(job: Job, shop: _Shop, report: _Reporter) -> dict[str, Path]:
    progress = report.progress(EXAMINE_STAGES)
    with progress.running():
        return examine(job, shop.models, progress)


def _teach(job: Job, shop: _Shop, report: _Reporter) -> dict[str, Path]:
    progress = report.progress(TEACH_STAGES)
    with progress.running():
        results = teach(job, shop.models, progress)
    spare = sum(report.took().values()) - 60 * read_json(results["report"])["minutes"]
    if spare > 0:  # one that went on where it was has less to tell
        note(job.root, {FACTOR: ratio(spare)})
    return results


def forget_peak_memory() -> None:
    """Begin to count the peak of this process' memory anew, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int | None:
    """Most bytes that this process held since then; None where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return 1024 * int(found[1]) if found else None


def _film_name(project: str) -> str:
    return file_names([project])[0]


class _RenderObserver(RenderObserver):
    """Keeps takes and the times of words, and shows the last finished frame, while a job renders."""

    timeline: Timeline
    words: list[dict[str, Any]]
    lanes: dict[str, Any]
    pieces: list[str]

    made = 0.0

    def __init__(self, job: Job, scene: Scene, steps: int | None, rest: Callable[[], None]) -> None:
        self._job, self._scene, self._steps, self.rest = job, scene, steps, rest
        self._shown = 0.0

    def spoken(self, speech: Speech, timeline: Timeline, performance: Performance, places: SceneGeometry) -> None:
        """Note the takes, which are there even if the job is cancelled from here on."""
        pieces = speech.pieces(timeline, places.routing, places.sides)
        self.made = speech.made
        self.pieces = [pieces[line.id] for line in timeline.lines]
        names = line_names(self._scene, takes=False)
        self.timeline, self.words = timeline, timed_words(self._scene, names, timeline, set(pieces))
        self.lanes = lanes_of(self._scene, timeline, performance)
        made_with = recipe(self._scene, self._steps)
        keep_takes(self._job.project_folder, self._scene, names, timeline, performance, pieces, made_with)

    def frame(self, frame: np.ndarray) -> None:
        """Write a small picture of the frame, once a second."""
        if time.monotonic() - self._shown < _PICTURE_SECONDS:
            return
        self._shown = time.monotonic()
        picture = Image.fromarray(frame)
        picture.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
        with suppress(StorageError):
            write_whole({self._job.preview_picture: _jpeg(picture)}, durable=False)


def _jpeg(picture: Image.Image) -> bytes:
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=85)
    return packed.getvalue()
