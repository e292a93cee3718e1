"""Set-up of a render: the models are loaded while a second thread prepares the faces."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from generation.core.deferred_imports import load_libraries
from studio.cast.face_assignment import FaceAssignment
from studio.cast.geometry import SceneGeometry, build_geometry
from studio.core.threads import wait_passively
from studio.production.scene_drawing import make_renderer
from studio.production.settings import RenderSettings
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

if TYPE_CHECKING:
    from generation.rendering.renderer import SceneRenderer
    from studio.performance.models import Models
    from studio.performance.performer import ScenePerformer


@dataclass(frozen=True)
class Setup:
    """Everything that a render needs: geometry, performer and timeline, and the renderer, which may come later.

    Attributes:
        geometry: of the picture.
        performer: with loaded models.
        timeline: of the scene.
        renderer: None where it was not asked for.
    """

    geometry: SceneGeometry
    performer: ScenePerformer
    timeline: Timeline
    renderer: Future[SceneRenderer | None]


def set_up(
    scene: Scene,
    assignment: FaceAssignment,
    folder: Path,
    settings: RenderSettings,
    models: Models | None,
    second_thread: Executor,
    *,
    draws: bool,
) -> Setup:
    """Load models and prepare faces side by side: imports and the models keep one core busy, the picture the other.

    Args:
        scene: a checked scene.
        assignment: in the size in which it is rendered.
        folder: where the scene's file names start.
        settings: how it is rendered.
        models: loaded already; None = they are loaded here.
        second_thread: one worker.
        draws: whether frames will surely be drawn, so that a renderer is wanted.
    """
    wait_passively()
    geometry = second_thread.submit(build_geometry, scene, assignment)

    # Where models are at hand there is nothing to wait for: the renderer is made when frames are drawn.
    early = draws and models is None

    def make() -> SceneRenderer | None:
        return make_renderer(assignment, geometry.result()) if early and geometry.result().assigned else None

    with _without_garbage_collection():
        import generation.rendering.renderer  # noqa: F401 - first: no module is imported by two threads at once

        renderer = second_thread.submit(make)
        load_libraries()
        from studio.performance.models import Models  # late: a scene with problems is refused in a second
        from studio.performance.performer import ScenePerformer

        models = models or Models.load(settings.device)
        performer = ScenePerformer(scene, folder, models, seed=settings.seed, steps=settings.steps)
        timeline = performer.timeline()
    return Setup(geometry.result(), performer, timeline, renderer)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Imports make many objects and no garbage; to look for it takes a sixth of their time."""
    usual = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if usual:
            gc.enable()
