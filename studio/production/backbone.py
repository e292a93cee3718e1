"""Renders a film by a large video model: the same scene, voices, masks and export as the built-in renderer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from generation.audio.waveform import Audio
from generation.backbones.weights import KINDS, check_folder, check_memory, needed_bytes, weights_key
from generation.core.clock import SAMPLE_RATE
from generation.core.performance import AnyPerformance
from generation.core.result_key import made_by, result_key
from studio.cast.face_assignment import FaceAssignment
from studio.core.problems import DocumentError, Problem, as_clause
from studio.core.progress import Progress
from studio.export.frame_encoder import FilmFormat
from studio.performance.scene_routing import scene_routing
from studio.production.frame_cache import FrameCache
from studio.production.observer import RenderObserver

if TYPE_CHECKING:
    from generation.backbones.scene import Backbone, BackboneScene
    from studio.production.setup import Setup
    from studio.scene.schema import Scene

BackboneName = Literal["ltx2", "wan"]
HEIGHT = 512
"""Greatest height of the video where none is asked for."""
DEAF = "Wan has no audio input: it is told in words who speaks and who listens, and the lips do not follow the sound"


@dataclass(frozen=True)
class BackboneDrawing:
    """Draws a film by a video backbone.

    Attributes:
        kind: which.
        weights: folder of its weights, in diffusers' layout.
        keep_background: whether everything outside the motion regions stays the picture's.
        steps: of its sampler; None = its own number.
        device: torch device; None = the GPU when there is one, else the CPU.
    """

    kind: BackboneName
    weights: Path
    keep_background: bool = False
    steps: int | None = None
    device: str | None = None

    @property
    def record(self) -> dict[str, Any]:
        """What the film says of itself beside the usual."""
        return {"backbone": self.kind, "backbone_steps": self.steps, "keep_background": self.keep_background}

    @property
    def notices(self) -> tuple[Problem, ...]:
        """What is worth to know beforehand."""
        return (Problem("output", DEAF),) if self.kind == "wan" else ()

    def check_weights(self) -> None:
        """Refuses a folder that the backbone cannot be loaded from.

        Raises:
            DocumentError: what is wrong with it.
        """
        try:
            check_folder(self.weights, self.kind)
        except ValueError as error:
            raise DocumentError([Problem("file", as_clause(error))]) from None

    def check(self, seconds: float, n_faces: int) -> None:
        """Refuses before any work what cannot be made, and imports what the backbone needs.

        Args:
            seconds: expected length of the scene.
            n_faces: people in the picture.

        Raises:
            DocumentError: wrong weights, nobody in the picture, a scene that is too long, too little memory.
        """
        self.check_weights()
        longest = KINDS[self.kind].longest
        try:
            if not n_faces:
                raise ValueError("Nobody of the cast is in the picture; a backbone needs a face to move.")
            if seconds > longest:
                raise ValueError(
                    f"The scene is about {seconds:.0f} s long and {KINDS[self.kind].name} makes up to {longest:.0f} s;"
                    " split it."
                )
            device, item_size, free = self._room()
            check_memory(needed_bytes(self.weights, self.kind, item_size), free, device)
        except ValueError as error:
            raise DocumentError([Problem("output", as_clause(error))]) from None
        self._backbone_class()  # before the models of speech, which import parts of diffusers alone

    def draw(
        self,
        script: Scene,
        assignment: FaceAssignment,
        setup: Setup,
        performance: AnyPerformance,
        folder: Path,
        film: FilmFormat,
        progress: Progress,
        observer: RenderObserver,
    ) -> list[Path]:
        """The film's segments; where all are kept from before, nothing is loaded.

        Args:
            script: the scene.
            assignment: in the size of the video.
            setup: of the render.
            performance: of the scene; its speech is given to the backbone.
            folder: where finished segments are kept.
            film: format of the film that they are for.
            progress: told how far it is, asked whether to stop.
            observer: told of each frame.
        """
        scene = backbone_scene(script, assignment, setup, performance)
        seed = setup.performer.seed

        def draw(numbers: Sequence[int]) -> Iterator[np.ndarray]:
            wanted = set(numbers)
            for number, frame in enumerate(self._frames(scene, seed, progress)):
                if number in wanted:
                    observer.frame(frame)
                    yield frame

        states = np.arange(scene.n_frames, dtype=np.float32)[:, None]
        cache = FrameCache(folder, states, self._key(scene, seed), watermark=script.label, film=film)
        observer.drawn = cache.n_missing / scene.n_frames
        return cache.make(draw, assignment.picture, lambda done, total: progress.yield_point())

    def _frames(self, scene: BackboneScene, seed: int, progress: Progress) -> Iterator[np.ndarray]:
        from generation.backbones.windows import make_frames, prompts_of, total_passes

        device, item_size, _ = self._room()
        backbone: Backbone = self._backbone_class().load(self.weights, prompts_of(scene), device, item_size)
        backbone.steps = self.steps or backbone.steps
        total, done = total_passes(scene, backbone), 0

        def on_pass() -> None:
            nonlocal done
            progress.update(min(done, total), total)
            done += 1

        backbone.on_pass = on_pass
        yield from make_frames(scene, backbone, seed=seed, keep_background=self.keep_background)

    def _key(self, scene: BackboneScene, seed: int) -> str:
        """Names everything that the frames depend on."""
        module = f"generation.backbones.{self.kind}"
        how = (seed, self.steps, self.keep_background, weights_key(self.weights), self._room()[:2])
        arrays = [scene.picture, scene.routing, *scene.regions, *(mask.mask for mask in scene.masks)]
        sounds = [voice.waveform for voice in scene.voices]
        return result_key(made_by(module, "generation.backbones.windows"), how, *arrays, *sounds)

    def _room(self) -> tuple[str, int, int]:
        """Device, bytes of a weight there, and its free memory in bytes."""
        import psutil
        import torch

        device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        if device.startswith("cuda"):
            return device, 2, torch.cuda.mem_get_info(device)[0]
        return device, 4, psutil.virtual_memory().available

    def _backbone_class(self) -> Any:  # noqa: ANN401 - of a class that is imported late
        if self.kind == "ltx2":
            from generation.backbones.ltx2 import LTX2Backbone

            return LTX2Backbone
        from generation.backbones.wan import WanBackbone

        return WanBackbone


def backbone_scene(
    script: Scene, assignment: FaceAssignment, setup: Setup, performance: AnyPerformance
) -> BackboneScene:
    """A scene as a backbone takes it: the people are the assigned faces, the voices those of the whole cast.

    Who speaks with whose face comes from the script; how much of a patch is whose, from the masks.
    """
    from generation.backbones.scene import BackboneScene

    geometry = setup.geometry
    visible = [person.character for person in geometry.assigned]
    return BackboneScene(
        picture=assignment.picture,
        masks=geometry.masks,
        voices=tuple(Audio(speech[:], SAMPLE_RATE) for speech in performance.speech),
        routing=scene_routing(script, setup.timeline, np.eye(len(script.cast), dtype=np.float32))[:, visible],
        regions=geometry.regions,
        n_frames=performance.n_frames,
    )
