"""One function per job kind: runs the job with the loaded models and returns the files that it made."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from generation.core.performance import StoredPerformance
from studio.cast.geometry import SceneGeometry
from studio.core.jpeg import jpeg_bytes
from studio.core.storage import StorageError, file_names, read_json, write_json, write_whole
from studio.export.motion_curves import motion_curves
from studio.jobs import finetune
from studio.jobs.estimate import calibrate, record_film, record_finetuning
from studio.jobs.job import Job
from studio.jobs.job_kinds import FILM_SUFFIXES
from studio.jobs.reporter import StatusReporter
from studio.performance.line_audio import keep_takes, timed_words, write_line_audio
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.production.motion_review import CLOSE_UP, Order, move
from studio.production.observer import RenderObserver
from studio.production.preview import Previewer
from studio.production.render import render_scene
from studio.production.settings import RenderSettings
from studio.project.takes import recipe
from studio.scene.document import load_scene
from studio.scene.line_names import line_names
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

_PICTURE_SECONDS = 1.0
_PICTURE_SIDE = 960


@dataclass(frozen=True)
class WorkerModels:
    """What the worker loads once and all its jobs use.

    Attributes:
        models: the networks.
        previewer: pictures prepared in the size of previews.
        close_ups: pictures prepared in the size of close-ups.
    """

    models: Models
    previewer: Previewer
    close_ups: Previewer

    @classmethod
    def load(cls) -> WorkerModels:
        """Load the networks."""
        models = Models.load()
        return cls(models, Previewer(models), Previewer(models, CLOSE_UP))


def run_hear(job: Job, loaded: WorkerModels, reporter: StatusReporter) -> dict[str, Path]:
    """Job ``hear``: speech of some lines with the times of their words."""
    progress = reporter.progress()
    wanted, steps = job.options.get("lines", ()), job.options.get("steps")
    with progress.running():
        out = job.folder / "out"
        return write_line_audio(job.scene_path, wanted, steps, job.project_folder, out, loaded.models, progress)


def run_move(job: Job, loaded: WorkerModels, reporter: StatusReporter) -> dict[str, Path]:
    """Job ``move``: motion curves, a changed line before and after, and stills."""
    progress = reporter.progress()
    told = {key: job.options[key] for key in ("line", "before", "who") if key in job.options}
    order = Order(steps=job.options.get("steps"), **told)
    with progress.running():
        return move(job.scene_path, order, job.project_folder, job.folder / "out", loaded.close_ups, progress)


def run_preview(job: Job, loaded: WorkerModels, reporter: StatusReporter) -> dict[str, Path]:
    """Job ``preview``: a quick preview video."""
    progress = reporter.progress()
    with progress.running():
        return loaded.previewer.make(job.scene_path, job.project_folder, job.folder / "out", progress)


def run_render(job: Job, loaded: WorkerModels, reporter: StatusReporter) -> dict[str, Path]:
    """Job ``render``: the video with its stems, subtitles, curves and timeline, and a report of what was found."""
    scene = load_scene(job.scene_path)
    work, film = job.project_folder / "work", job.options.get("film", "mp4")
    settings = RenderSettings(
        steps=job.options.get("steps"),
        height=job.options.get("height"),
        draft=job.options.get("draft", False),
        work=work,
        lossless=film == "lossless",
        alpha=film in ("prores", "webm"),
        beginning=None if scene.is_video else job.beginning,
    )
    video = job.folder / "out" / f"{file_names([job.project_folder.name])[0]}{FILM_SUFFIXES[film]}"
    observer = _JobObserver(job, scene, settings.steps, reporter.yield_point)
    forget_peak_memory()
    report = render_scene(job.scene_path, video, settings, reporter.show, reporter.cancelled, observer, loaded.models)
    job.beginning.unlink(missing_ok=True)
    seconds = reporter.stage_seconds()
    memory = {"memory": float(peak)} if (peak := peak_memory()) else {}
    if film == "mp4":  # what is said beforehand is said of these
        calibrate(job.root, report, settings, seconds | memory, observer.made, observer.drawn)
        record_film(work, scene, settings, observer.pieces)
    results = {kind: video.with_suffix(f".{kind}") for kind in ("srt", "vtt", "otio")} | {"video": video}
    names = [character.name for character in scene.cast]
    for name, slug in zip(names, file_names(names), strict=True):
        for what, suffix in (("stem", "wav"), ("curves", "csv"), ("motion", "json")):
            results[f"{what}:{name}"] = video.with_name(f"{video.stem}.{slug}.{suffix}")
    results |= {what: video.with_name(f"{what}.json") for what in ("words", "lanes", "report")}
    write_json(results["words"], observer.words, durable=False)
    write_json(results["lanes"], observer.curves, durable=False)
    found = {"seconds": report.seconds, "warnings": [warning.as_data() for warning in report.warnings]}
    write_json(results["report"], found | {"stage_seconds": seconds}, durable=False)
    return results


def run_inspect(job: Job, loaded: WorkerModels, reporter: StatusReporter) -> dict[str, Path]:
    """Job ``inspect``: what is wrong with clips, and which can be used for fine-tuning."""
    progress = reporter.progress()
    with progress.running():
        return finetune.inspect_clips(job, loaded.models, progress)


def run_finetune(job: Job, loaded: WorkerModels, reporter: StatusReporter) -> dict[str, Path]:
    """Job ``finetune``: an adapter trained on clips, tried, and attached to its character."""
    progress = reporter.progress()
    with progress.running():
        results = finetune.finetune_voice(job, loaded.models, progress)
    training = 60 * read_json(results["report"])["minutes"]
    record_finetuning(job.root, sum(reporter.stage_seconds().values()) - training)
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
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return 1024 * int(peak[1]) if peak else None


class _JobObserver(RenderObserver):
    """Keeps takes and the times of words, and shows the last finished frame, while a job renders."""

    words: list[dict[str, Any]]
    curves: dict[str, Any]
    pieces: list[str]
    made = 0.0

    def __init__(self, job: Job, scene: Scene, steps: int | None, yield_point: Callable[[], None]) -> None:
        self._job, self._scene, self._steps, self._between = job, scene, steps, yield_point
        self._shown = 0.0

    def yield_point(self) -> None:
        """Let a shorter job that waits go first."""
        self._between()

    def spoken(
        self, performer: ScenePerformer, timeline: Timeline, performance: StoredPerformance, geometry: SceneGeometry
    ) -> None:
        """Note the takes, which are there even if the job is cancelled from here on."""
        pieces = performer.segment_keys(timeline, geometry.routing, geometry.sides)
        self.made = performer.generated
        self.pieces = [pieces[line.id] for line in timeline.lines]
        names = line_names(self._scene, takes=False)
        self.words = timed_words(self._scene, names, timeline, set(pieces))
        self.curves = motion_curves(self._scene, timeline, performance)
        made_with = recipe(self._scene, self._steps)
        keep_takes(self._job.project_folder, self._scene, names, timeline, performance, pieces, made_with)

    def frame(self, frame: np.ndarray) -> None:
        """Write a small picture of the frame, once a second."""
        if time.monotonic() - self._shown < _PICTURE_SECONDS:
            return
        self._shown = time.monotonic()
        picture = Image.fromarray(np.ascontiguousarray(frame[..., :3]))
        picture.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
        with suppress(StorageError):
            write_whole({self._job.preview_picture: jpeg_bytes(picture)}, durable=False)
