"""Renders a scene file to a video, stage by stage, with progress, cancel, and finished parts kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from generation.audio.loudness import mix_performance
from generation.core.motion import MotionTrack
from generation.core.performance import StoredPerformance
from studio.cast.face_assignment import FaceAssignment
from studio.core.output import output_problems
from studio.core.problems import DocumentError, Problem
from studio.core.progress import Progress, Stage, Status
from studio.export.frame_encoder import FilmFormat
from studio.export.provenance import make_record
from studio.export.signature import signing_problems
from studio.export.writers import export_scene, names_beside
from studio.production.frame_cache import FRAME_FOLDER, FrameCache, trim_frames
from studio.production.observer import RenderObserver
from studio.production.scene_drawing import DrawnMotion, appearance_key, make_renderer, scaled_motion
from studio.production.settings import DEFAULT_SETTINGS, RenderSettings, expected_cost, expected_stage_seconds
from studio.production.setup import Setup, set_up
from studio.production.transparency import cut_cast
from studio.scene.document import scene_data
from studio.scene.schema import Scene
from studio.validation.scene_check import Report, check_scene

if TYPE_CHECKING:
    from studio.performance.models import Models
    from studio.production.backbone import BackboneDrawing

STAGES = ("check", "load models", "speech and motion", "rendering", "encoding")
MAX_FRAME_BYTES = 1_000_000_000
"""Of cached frame segments."""
BACKBONE_SHARE = 100.0
"""Seconds, of the same unit as other stages, that a backbone takes for a second of film."""


def render_scene(
    path: Path,
    target: Path,
    settings: RenderSettings = DEFAULT_SETTINGS,
    listener: Callable[[Status], None] = lambda status: None,
    cancelled: Callable[[], bool] = lambda: False,
    observer: RenderObserver | None = None,
    models: Models | None = None,
    backbone: BackboneDrawing | None = None,
) -> Report:
    """Render a scene file into a film with its stems, subtitles and curves beside it.

    The file appears whole or not at all. Segments of speech and of frames that were finished before a cancel, an error
    or an edit elsewhere in the script are taken from the work folder.

    Args:
        path: the scene file.
        target: the video.
        settings: how.
        listener: told how far the job is, at least once a second.
        cancelled: asked at each step whether to stop.
        observer: told what is made.
        models: loaded already; ``settings.device`` then says nothing.
        backbone: draws the film in place of the renderer; no motion curves are then written.

    Returns:
        What the check found; it holds no problems.

    Raises:
        DocumentError: the scene has problems; nothing was written.
        Cancelled: stopped; nothing but what is finished in the work folder was written.
    """
    observer = observer or RenderObserver()
    progress = Progress([Stage(name, 1) for name in STAGES], listener, cancelled, observer.yield_point)
    film = settings.film_format(target)
    work = settings.work or target.parent / ".parley"
    frames = work / FRAME_FOLDER
    with progress.running(), ThreadPoolExecutor(1) as second_thread:
        progress.start("check")
        report, scene, assignment = _checked(path, target, settings)
        if film.transparent and (backbone is not None or not assignment.assigned):
            what = "a backbone draws no transparent background" if backbone else "nobody of the cast is in the picture"
            raise DocumentError([Problem("output", what, "leave out --alpha")])
        progress.plan(expected_stage_seconds(report.seconds, assignment, settings))
        if backbone is not None:
            backbone.check(report.seconds, len(assignment.assigned))
            progress.plan({"rendering": BACKBONE_SHARE * report.seconds})
        progress.start("load models")
        draws = backbone is None and not frames.is_dir() and not film.transparent
        setup = set_up(scene, assignment, path.parent, settings, models, second_thread, draws=draws)
        progress.start("speech and motion")
        performance = _perform(setup, work, progress)
        observer.spoken(setup.performer, setup.timeline, performance, setup.geometry)
        progress.start("rendering")
        sound = second_thread.submit(mix_performance, performance, work)
        record = film_record(scene, path.parent, settings, backbone)
        if backbone is None:
            segments = _draw(scene, assignment, setup, performance, frames, film, progress, observer)
        else:
            segments = backbone.draw(scene, assignment, setup, performance, frames, film, progress, observer)
        progress.start("encoding")
        size = assignment.picture.shape[1::-1]
        export_scene(
            segments,
            sound.result(),
            performance,
            setup.timeline,
            target,
            size=size,
            record=record,
            curves=backbone is None,
            film=film,
            still=path.parent / scene.picture,
        )
        trim_frames(frames, MAX_FRAME_BYTES)
        progress.finish()
    return report


def _checked(path: Path, target: Path, settings: RenderSettings) -> tuple[Report, Scene, FaceAssignment]:
    """The check's report, the scene, and its faces in the size in which they are rendered."""
    report = check_scene(path)
    cast = [character.name for character in report.scene.cast] if report.scene else []
    needed, _ = expected_cost(report, settings)
    refused = output_problems(target, names_beside(target, cast), needed)
    work = settings.work or target.parent / ".parley"
    if not refused and work.parent != target.parent:
        refused = output_problems(work / FRAME_FOLDER / "segment.mp4")
    refused += signing_problems()
    if report.problems or refused or report.scene is None or report.assignment is None:
        raise DocumentError([*report.problems, *refused])
    return report, report.scene, report.assignment.resized(settings.greatest_height)


def _perform(setup: Setup, work: Path, progress: Progress) -> StoredPerformance:
    geometry = setup.geometry
    return setup.performer.perform(setup.timeline, geometry.routing, geometry.sides, work, progress)


def film_record(
    scene: Scene, folder: Path, settings: RenderSettings, backbone: BackboneDrawing | None = None
) -> dict[str, Any]:
    """What the film of a scene says of itself, see :func:`studio.export.provenance.make_record`.

    Args:
        scene: a checked scene.
        folder: where its file names start.
        settings: how it is rendered.
        backbone: draws it in place of the renderer.
    """
    seed = scene.seed if settings.seed is None else settings.seed
    made_by = {"seed": seed, "steps": settings.steps, "height": settings.greatest_height}
    made_by |= backbone.record if backbone is not None else {}
    return make_record(scene_data(scene), folder, made_by, photograph=scene.consent != "drawn", label=scene.label)


def _draw(
    scene: Scene,
    assignment: FaceAssignment,
    setup: Setup,
    performance: StoredPerformance,
    folder: Path,
    film: FilmFormat,
    progress: Progress,
    observer: RenderObserver,
) -> list[Path]:
    """Draw frame by frame into the encoder what is not cached, so that memory does not grow with the length."""
    geometry = setup.geometry
    located = list(zip(geometry.assigned, geometry.rooms, strict=True))

    def read(first: int, stop: int) -> list[MotionTrack]:
        window = performance.window(first, stop).characters
        return [scaled_motion(window[p.character].motion, scene.cast[p.character], room) for p, room in located]

    motion = DrawnMotion(read, performance.n_frames)
    cut = cut_cast(scene, assignment, geometry) if film.transparent else None
    people = None if cut is None else cut.people

    def draw(numbers: Sequence[int]) -> Iterator[np.ndarray]:
        renderer = setup.renderer.result() or (make_renderer(assignment, geometry, people) if located else None)
        still = repeat(assignment.picture, len(numbers))
        for drawn in motion.frames(renderer, numbers) if renderer else still:
            frame = drawn if cut is None else cut.finished(drawn)
            observer.frame(frame)
            yield frame

    def on_frame(done: int, total: int) -> None:
        progress.yield_point()
        progress.update(done, total)

    appearance = appearance_key(assignment, geometry)
    still = assignment.picture
    if cut is not None:
        appearance, still = f"{appearance} {cut.key}", cut.finished(cut.people)
    cache = FrameCache(folder, motion.states(), appearance, watermark=scene.label, film=film)
    observer.drawn = cache.n_missing / performance.n_frames
    return cache.make(draw, still, on_frame)
