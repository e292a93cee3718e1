"""Performs a scene for an output that is drawn elsewhere: checked, spoken and moved as a film of it, without frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generation.audio.loudness import mix_performance
from generation.audio.waveform import Sound
from generation.core.motion import MotionTrack
from generation.core.performance import StoredPerformance
from studio.cast.face_assignment import FaceAssignment
from studio.cast.geometry import SceneGeometry
from studio.core.problems import DocumentError, Problem
from studio.core.progress import Progress, Stage, Status
from studio.production.render import checked_for, film_record, perform
from studio.production.scene_drawing import scaled_motion
from studio.production.settings import RenderSettings, expected_stage_seconds
from studio.production.setup import set_up
from studio.scene.schema import Scene
from studio.validation.scene_check import Report

if TYPE_CHECKING:
    from studio.performance.models import Models

STAGES = ("check", "load models", "speech and motion", "encoding")


@dataclass(frozen=True)
class PerformedScene:
    """A scene with its speech and motion.

    Attributes:
        scene: the scene.
        assignment: its faces in the size in which they are rendered.
        geometry: of its picture.
        performance: speech and motion of the whole cast.
        record: what the output says of itself, see :func:`studio.export.provenance.make_record`.
        work: folder in which the performance lies.
    """

    scene: Scene
    assignment: FaceAssignment
    geometry: SceneGeometry
    performance: StoredPerformance
    record: dict[str, Any]
    work: Path

    @cached_property
    def names(self) -> list[str]:
        """Who is in the picture, in the order of the geometry's faces."""
        return [self.scene.cast[person.character].name for person in self.geometry.assigned]

    def tracks(self) -> list[MotionTrack]:
        """Motion of these faces as a film has it: with the amounts of each character, within the room of its head."""
        return [
            scaled_motion(
                MotionTrack(self.performance.motion[person.character][:]), self.scene.cast[person.character], room
            )
            for person, room in zip(self.geometry.assigned, self.geometry.rooms, strict=True)
        ]

    def sound(self) -> Sound:
        """The mix."""
        return mix_performance(self.performance, self.work)


def perform_scene(
    path: Path,
    target: Path,
    write: Callable[[PerformedScene], None],
    settings: RenderSettings,
    listener: Callable[[Status], None],
    cancelled: Callable[[], bool] = lambda: False,
    models: Models | None = None,
    beside: Sequence[str] = (),
) -> Report:
    """Check and perform a scene, and have it written.

    Args:
        path: the scene file.
        target: what is written.
        write: writes it, whole or not at all.
        settings: how the scene is performed; its form has to be the usual one.
        listener: told how far the job is.
        cancelled: asked at each step whether to stop.
        models: loaded already.
        beside: names of the files that are written with it.

    Returns:
        What the check found; it holds no problems.

    Raises:
        DocumentError: the scene has problems, nobody of its cast is in the picture, or a film's form is asked for.
        Cancelled: stopped; finished segments of speech and motion stay in the work folder.
    """
    if settings.lossless or settings.alpha:
        what = f"{target.name!r} holds no frames of a film"
        raise DocumentError([Problem("output", what, "leave out --lossless and --alpha")])
    progress = Progress([Stage(name, 1) for name in STAGES], listener, cancelled)
    work = settings.work or target.parent / ".parley"
    with progress.running(), ThreadPoolExecutor(1) as second_thread:
        progress.start("check")
        report, scene, assignment = checked_for(path, target, settings, beside)
        if assignment.clip is not None:
            what = f"the picture is a video, of which {target.name!r} cannot be made"
            raise DocumentError([Problem("output", what, "make an .mp4, or use a still picture")])
        if not assignment.assigned:
            raise DocumentError([Problem("output", "nobody of the cast is in the picture, so that nothing moves")])
        expected = expected_stage_seconds(report.seconds, assignment, settings)
        progress.plan({stage: expected[stage] for stage in STAGES if stage in expected})
        progress.start("load models")
        setup = set_up(scene, assignment, path.parent, settings, models, second_thread, draws=False)
        progress.start("speech and motion")
        performance = perform(setup, work, progress)
        progress.start("encoding")
        record = film_record(scene, path.parent, settings)
        write(PerformedScene(scene, assignment, setup.geometry, performance, record, work))
        progress.finish()
    return report
