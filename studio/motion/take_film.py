"""Writes a scene's performance as a take file, and draws the film of one: the two ends of a small connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from generation.audio.loudness import mix_performance
from generation.core.motion import MotionTrack
from generation.core.result_key import made_by, result_key
from generation.rendering.face import RenderFace
from studio.core.output import output_problems
from studio.core.problems import DocumentError, Problem
from studio.core.progress import Progress, Stage, Status
from studio.export.signature import sign
from studio.export.writers import write_film
from studio.motion.take_file import PortableTake, read_take, write_take
from studio.production.frame_cache import FRAME_FOLDER, FrameCache
from studio.production.render import checked_for, film_record
from studio.production.scene_drawing import DrawnMotion, scaled_motion
from studio.production.settings import DEFAULT_SETTINGS, RenderSettings, expected_stage_seconds
from studio.production.setup import set_up
from studio.validation.scene_check import Report

if TYPE_CHECKING:
    from studio.performance.models import Models

WRITE_STAGES = ("check", "load models", "speech and motion", "encoding")
DRAW_STAGES = ("rendering", "encoding")


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
    progress = Progress([Stage(name, 1) for name in WRITE_STAGES], listener, cancelled)
    work = settings.work or target.parent / ".parley"
    with progress.running(), ThreadPoolExecutor(1) as second_thread:
        progress.start("check")
        report, scene, assignment = checked_for(path, target, settings, [])
        if not assignment.assigned:
            raise DocumentError([Problem("output", "nobody of the cast is in the picture, so that nothing moves")])
        expected = expected_stage_seconds(report.seconds, assignment, settings)
        progress.plan({stage: seconds for stage, seconds in expected.items() if stage in WRITE_STAGES})
        progress.start("load models")
        setup = set_up(scene, assignment, path.parent, settings, models, second_thread, draws=False)
        progress.start("speech and motion")
        geometry = setup.geometry
        performance = setup.performer.perform(setup.timeline, geometry.routing, geometry.sides, work, progress)
        progress.start("encoding")
        parts = list(zip(geometry.assigned, geometry.regions, geometry.figures, geometry.rooms, strict=True))
        faces = [RenderFace(person.face, region, person.drawn, figure) for person, region, figure, _ in parts]
        motion = [
            scaled_motion(MotionTrack(performance.motion[person.character][:]), scene.cast[person.character], room)
            for person, _, _, room in parts
        ]
        names = [scene.cast[person.character].name for person, *_ in parts]
        record = film_record(scene, path.parent, settings)
        sound = mix_performance(performance, work)
        write_take(
            PortableTake(assignment.picture, faces, names, motion, sound, record), target, path.parent / scene.picture
        )
        progress.finish()
    return report


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
        DocumentError: a place that cannot be written, or a transparent film.
        Cancelled: stopped; finished frames stay in the work folder.
    """
    film = settings.film_format(target)
    if film.transparent:
        raise DocumentError([Problem("output", "a take file has no transparent background", "leave out --alpha")])
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
