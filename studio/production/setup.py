"""What a film is made of, loaded side by side: imports and the model keep one core busy, the picture the other."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cast.face_assignment import FaceAssignment
from studio.cast.geometry import SceneGeometry, build_geometry
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

if TYPE_CHECKING:
    from generation.rendering.renderer import SceneRenderer
    from studio.performance.performer import Models, Speech
    from studio.production.render import RenderSettings


@dataclass(frozen=True)
class Ready:
    """Who sits where, the model, who says what when, and of a new film the renderer, which is not needed at once."""

    places: SceneGeometry
    speech: Speech
    timeline: Timeline
    renderer: Future[SceneRenderer | None]


def prepare(
    scene: Scene,
    casting: FaceAssignment,
    folder: Path,
    settings: RenderSettings,
    models: Models | None,
    new: bool,
    aside: Executor,
) -> Ready:
    """Begins with all at once: faces are set up aside while the model is loaded, and while it speaks.

    Args:
        scene: a checked scene.
        casting: in the size in which it is rendered.
        folder: where the scene's file names start.
        settings: how it is rendered.
        models: loaded already.
        new: whether a renderer is wanted: frames will be drawn.
        aside: one worker.
    """
    _calm_threads()
    seated = aside.submit(build_geometry, scene, casting)

    def renderer() -> SceneRenderer | None:
        places = seated.result()
        return make_renderer(casting, places) if new and places.seats and models is None else None

    with _no_collecting():
        import generation.rendering.renderer  # noqa: F401 - first: no module is imported by two threads at once

        drawing = aside.submit(renderer)
        speech = load_speech(scene, folder, settings.seed, settings.sampling_steps, settings.device, models)
        timeline = speech.timeline()
    return Ready(seated.result(), speech, timeline, drawing)


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Imports make many objects and no garbage; to look for it takes a sixth of their time."""
    usual = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if usual:
            gc.enable()


def _calm_threads() -> None:
    """Before torch is loaded: threads that spin while they wait take ten times as long when others want a core."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def load_speech(
    scene: Scene, folder: Path, seed: int | None, steps: int | None, device: str | None, models: Models | None = None
) -> Speech:
    """Load torch and the model; late, because a scene with problems should be refused in a second."""
    _calm_threads()
    from studio.performance.performer import Speech

    return Speech(scene, folder, seed, steps, device, models)


def make_renderer(casting: FaceAssignment, places: SceneGeometry) -> SceneRenderer:
    """The renderer of a picture's faces, one a seat; what depends on the picture alone is worked out here."""
    from generation.rendering.face import RenderFace
    from generation.rendering.renderer import SceneRenderer

    located = zip(places.seats, places.regions, places.figures, strict=True)
    faces = [RenderFace(seat.face, region, seat.drawn, figure) for seat, region, figure in located]
    return SceneRenderer(casting.picture, faces)
