"""Writes a scene's performance as a take file, and draws the film of one: the two ends of a small connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from generation.core.motion import MotionTrack
from generation.core.result_key import made_by, result_key
from generation.rendering.face import RenderFace
from studio.core.output import output_problems
from studio.core.problems import DocumentError, Problem
from studio.core.progress import Progress, Stage, Status
from studio.export.signature import sign
from studio.export.writers import write_film
from studio.motion.performing import PerformedScene, perform_scene
from studio.motion.take_file import PortableTake, read_take, write_take
from studio.production.frame_cache import FRAME_FOLDER, FrameCache
from studio.production.scene_drawing import DrawnMotion
from studio.production.settings import DEFAULT_SETTINGS, RenderSettings
from studio.validation.scene_check import Report

if TYPE_CHECKING:
    from studio.performance.models import Models


def write_scene_take(
    path: Path,
    target: Path,
    settings: RenderSettings = DEFAULT_SETTINGS,
    listener: Callable[[Status], None] = lambda status: None,
    cancelled: Callable[[], bool] = lambda: False,
    models: Models | None = None,
) -> Report:
    """Perform a scene and write what a film of it is drawn of: ``NAME.parley``.

    Arguments, result and errors as of :func:`studio.production.render.render_scene`; no frame is drawn.
    """

    def write(made: PerformedScene) -> None:
        geometry = made.geometry
        parts = zip(geometry.assigned, geometry.regions, geometry.figures, strict=True)
        faces = [RenderFace(person.face, region, person.drawn, figure) for person, region, figure in parts]
        take = PortableTake(made.assignment.picture, faces, made.names, made.tracks(), made.sound(), made.record)
        write_take(take, target, path.parent / made.scene.picture)

    return perform_scene(path, target, write, settings, listener, cancelled, models)


def draw_take(
    path: Path,
    target: Path,
    settings: RenderSettings = DEFAULT_SETTINGS,
    listener: Callable[[Status], None] = lambda status: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Draw the film of a take file; it needs no models of speech and motion, and no face networks.

    Args:
        path: the take file.
        target: the video.
        settings: its form; seed, steps and size are the take's.
        listener: told how far the job is.
        cancelled: asked at each step whether to stop.

    Raises:
        ValueError: no take file, a damaged one, or another ending of the video.
        DocumentError: a place that cannot be written, a transparent film, or its beginning is asked for.
        Cancelled: stopped; finished frames stay in the work folder.
    """
    film = settings.film_format(target)
    if film.transparent:
        raise DocumentError([Problem("output", "a take file has no transparent background", "leave out --alpha")])
    if settings.beginning is not None:
        raise DocumentError([Problem("output", "the film of a take file is drawn at once", "leave out --beginning")])
    if problems := output_problems(target):
        raise DocumentError(problems)
    progress = Progress([Stage("rendering", 20), Stage("encoding", 1)], listener, cancelled)
    with progress.running():
        progress.start("rendering")
        take = read_take(path)
        n_frames = len(take.motion[0])
        motion = DrawnMotion(lambda first, stop: [MotionTrack(t.values[first:stop]) for t in take.motion], n_frames)

        def draw(numbers: Sequence[int]) -> Iterator[np.ndarray]:
            from generation.rendering.renderer import SceneRenderer

            yield from motion.frames(SceneRenderer(take.picture, take.faces), numbers)

        work = settings.work or target.parent / ".parley"
        label = bool(take.record["label"])
        cache = FrameCache(work / FRAME_FOLDER, motion.states(), _appearance(take), watermark=label, film=film)
        segments = cache.make(draw, take.picture, progress.update)
        progress.start("encoding")
        write_film(segments, n_frames, take.sound, target, record=take.record, film=film)
        sign(target, take.record)
        progress.finish()


def _appearance(take: PortableTake) -> str:
    """Hash of all that frames depend on besides motion."""
    arrays = [take.picture]
    for face in take.faces:
        arrays += [face.landmarks.points, face.region, *([] if face.mask is None else [face.mask])]
    return result_key(made_by("studio.production.scene_drawing"), [face.drawn for face in take.faces], *arrays)
