"""Renders a scene file to a video, stage by stage, with progress, cancel, and finished parts kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from generation.core.motion import MotionTrack
from generation.core.performance import StoredPerformance
from studio.cast.clip_people import OnFrame
from studio.cast.face_assignment import FaceAssignment
from studio.core.output import output_problems
from studio.core.problems import DocumentError, Problem
from studio.core.progress import Progress, Stage, Status
from studio.dubbing.clip_frames import ClipFrames
from studio.dubbing.clip_sound import mix_film
from studio.export.frame_encoder import MP4, FilmFormat
from studio.export.provenance import make_record
from studio.export.signature import signing_problems
from studio.export.watermark import ALTERED_TEXTS
from studio.export.writers import export_scene, names_beside
from studio.production.beginning import FilmBeginning
from studio.production.frame_cache import FRAME_FOLDER, FrameCache, trim_frames
from studio.production.observer import RenderObserver
from studio.production.scene_drawing import DrawnMotion, appearance_key, make_renderer, scaled_motion
from studio.production.settings import (
    DEFAULT_SETTINGS,
    RenderSettings,
    expected_cost,
    expected_stage_seconds,
    refuse_for_a_video,
)
from studio.production.setup import Setup, set_up
from studio.production.transparency import CutOut, cut_cast
from studio.scene.document import scene_data
from studio.scene.schema import Scene
from studio.validation.scene_check import Report, check_scene

if TYPE_CHECKING:
    from generation.rendering.renderer import SceneRenderer
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
        report, scene, assignment = checked_for(path, target, settings, on_frame=progress.update)
        _refuse_form(assignment, settings, backbone)
        progress.plan(expected_stage_seconds(report.seconds, assignment, settings))
        if backbone is not None:
            backbone.check(report.seconds, len(assignment.assigned))
            progress.plan({"rendering": BACKBONE_SHARE * report.seconds})
        progress.start("load models")
        draws = backbone is None and not frames.is_dir() and not film.transparent and assignment.clip is None
        setup = set_up(scene, assignment, path.parent, settings, models, second_thread, draws=draws)
        progress.start("speech and motion")
        record = film_record(scene, path.parent, settings, backbone)
        drawing = _Drawing(scene, assignment, setup, frames, film, progress, observer)
        watched = settings.beginning if backbone is None and film is MP4 else None
        grow = FilmBeginning(watched, drawing.beginning, record, observer.watchable).grow if watched else None
        performance = perform(setup, work, progress, grow)
        observer.spoken(setup.performer, setup.timeline, performance, setup.geometry)
        progress.start("rendering")
        sound = second_thread.submit(mix_film, scene, assignment.clip, setup.timeline, performance, work)
        if backbone is None:
            segments = drawing.film(performance)
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


def _refuse_form(assignment: FaceAssignment, settings: RenderSettings, backbone: BackboneDrawing | None) -> None:
    """Refuse a form of the film that there is none of for what is to be drawn.

    Raises:
        DocumentError: with the option to leave out.
    """
    if assignment.clip is not None:
        refuse_for_a_video(settings, backbone)
    if settings.alpha and (backbone is not None or not assignment.assigned):
        what = "a backbone draws no transparent background" if backbone else "nobody of the cast is in the picture"
        raise DocumentError([Problem("output", what, "leave out --alpha")])


def checked_for(
    path: Path,
    target: Path,
    settings: RenderSettings,
    beside: Sequence[str] | None = None,
    on_frame: OnFrame = lambda done, total: None,
) -> tuple[Report, Scene, FaceAssignment]:
    """The check's report, the scene, and its faces in the size in which they are rendered.

    Args:
        path: the scene file.
        target: what is to be written.
        settings: how.
        beside: names of the files that come with it; None = those of a film.
        on_frame: as of :func:`studio.validation.scene_check.check_scene`.

    Raises:
        DocumentError: the scene has problems, or a place that cannot be written.
    """
    report = check_scene(path, on_frame)
    cast = [character.name for character in report.scene.cast] if report.scene else []
    needed, _ = expected_cost(report, settings)
    refused = output_problems(target, names_beside(target, cast) if beside is None else beside, needed)
    work = settings.work or target.parent / ".parley"
    if not refused and work.parent != target.parent:
        refused = output_problems(work / FRAME_FOLDER / "segment.mp4")
    refused += signing_problems()
    if report.problems or refused or report.scene is None or report.assignment is None:
        raise DocumentError([*report.problems, *refused])
    return report, report.scene, report.assignment.resized(settings.greatest_height)


def perform(
    setup: Setup,
    work: Path,
    progress: Progress,
    grow: Callable[[StoredPerformance, int], None] | None = None,
) -> StoredPerformance:
    """Speech and motion of a scene that is set up, as :meth:`ScenePerformer.perform` makes them.

    Args:
        setup: of the scene.
        work: folder where finished segments are kept, and found again.
        progress: told how far it is, asked whether to stop.
        grow: told the performance, and up to which frame it is finished, as it grows.
    """
    geometry = setup.geometry
    told = grow or (lambda performance, n_frames: None)
    return setup.performer.perform(setup.timeline, geometry.routing, geometry.sides, work, progress, on_part=told)


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
    photograph = scene.consent != "drawn"
    return make_record(
        scene_data(scene), folder, made_by, photograph=photograph, label=scene.label, video=scene.is_video
    )


class _Drawing:
    """Draws a scene frame by frame into the encoder, what is not cached: memory does not grow with the length."""

    def __init__(
        self,
        scene: Scene,
        assignment: FaceAssignment,
        setup: Setup,
        folder: Path,
        film: FilmFormat,
        progress: Progress,
        observer: RenderObserver,
    ) -> None:
        self._scene, self._assignment, self._setup = scene, assignment, setup
        self._folder, self._film, self._progress, self._observer = folder, film, progress, observer
        geometry = setup.geometry
        self._located = list(zip(geometry.assigned, geometry.rooms, strict=True))

    @cached_property
    def _cut(self) -> CutOut | None:
        return cut_cast(self._scene, self._assignment, self._setup.geometry) if self._film.transparent else None

    @cached_property
    def _renderer(self) -> SceneRenderer | None:
        people = None if self._cut is None else self._cut.people
        made = self._setup.renderer.result()
        return made or (make_renderer(self._assignment, self._setup.geometry, people) if self._located else None)

    @cached_property
    def _appearance(self) -> str:
        """Names all that frames depend on besides motion."""
        key = appearance_key(self._assignment, self._setup.geometry)
        return key if self._cut is None else f"{key} {self._cut.key}"

    def film(self, performance: StoredPerformance) -> list[Path]:
        """The segments of the whole film."""

        def on_frame(done: int, total: int) -> None:
            self._progress.yield_point()
            self._progress.update(done, total)

        if self._assignment.clip is not None:
            return self._in_a_video(performance, on_frame)
        motion = self._motion(performance, performance.n_frames)
        cache = self._cache(motion.states(), whole=True)
        self._observer.drawn = cache.n_missing / performance.n_frames
        return self._made(cache, motion, on_frame)

    def _in_a_video(self, performance: StoredPerformance, on_frame: Callable[[int, int], None]) -> list[Path]:
        """The same for a video in place of the picture."""
        frames = ClipFrames(self._scene, self._assignment, self._setup.timeline, performance)
        label, film = self._scene.label, self._film
        key, states = frames.appearance, frames.states()
        cache = FrameCache(self._folder, states, key, watermark=label, texts=ALTERED_TEXTS, film=film)
        self._observer.drawn = cache.n_missing / performance.n_frames

        def draw(numbers: Sequence[int]) -> Iterator[np.ndarray]:
            for frame in frames.draw(numbers):
                self._observer.frame(frame)
                yield frame

        # a video may well have black frames: no frame is held against another
        return cache.make(draw, np.zeros_like(frames.clip.first), on_frame)

    def beginning(self, performance: StoredPerformance, finished: int, most: int) -> tuple[list[Path], int]:
        """The segments of a film's beginning, see :data:`studio.production.beginning.Draw`."""
        motion = self._motion(performance, finished)
        cache = self._cache(islice(motion.states(), most), whole=False)
        return self._made(cache, motion, lambda done, total: self._progress.yield_point()), cache.n_frames

    def _cache(self, states: Iterator[np.ndarray], whole: bool) -> FrameCache:
        return FrameCache(
            self._folder, states, self._appearance, watermark=self._scene.label, film=self._film, whole=whole
        )

    def _motion(self, performance: StoredPerformance, n_frames: int) -> DrawnMotion:
        def read(first: int, stop: int) -> list[MotionTrack]:
            window = performance.window(first, stop).characters
            located = self._located
            return [
                scaled_motion(window[p.character].motion, self._scene.cast[p.character], room) for p, room in located
            ]

        return DrawnMotion(read, n_frames)

    def _made(self, cache: FrameCache, motion: DrawnMotion, on_frame: Callable[[int, int], None]) -> list[Path]:
        cut, picture = self._cut, self._assignment.picture

        def draw(numbers: Sequence[int]) -> Iterator[np.ndarray]:
            renderer = self._renderer
            still = repeat(picture, len(numbers))
            for drawn in motion.frames(renderer, numbers) if renderer else still:
                frame = drawn if cut is None else cut.finished(drawn)
                self._observer.frame(frame)
                yield frame

        return cache.make(draw, picture if cut is None else cut.finished(cut.people), on_frame)
