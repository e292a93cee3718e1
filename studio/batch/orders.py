"""What a batch is asked to do, what a worker is told to make, and what it answers: plain data that any pipe carries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from studio.core.failures import Failure, Kind
from studio.production.backbone import BackboneDrawing
from studio.production.settings import RenderSettings

READY = "ready"
"""First line of a worker: its models are loaded."""


@dataclass(frozen=True)
class BatchOrder:
    """What a batch is asked to do; plain data that other machines can be sent.

    Attributes:
        sources: what names the scenes, see :func:`studio.batch.scenes.find_sources`.
        folder: for the films.
        settings: how they are rendered.
        backbone: draws them in place of the renderer.
        workers: films made at once.
        shard: index and number of the shards.
        retries: how often a film is tried again that failed by no fault of its scene.
    """

    sources: tuple[Path, ...]
    folder: Path
    settings: RenderSettings
    workers: int = 1
    shard: tuple[int, int] = (0, 1)
    retries: int = 2
    backbone: BackboneDrawing | None = None


class Order(BaseModel):
    """One film to be made.

    Attributes:
        scene: the scene file.
        video: where the film is written.
        settings: how it is rendered.
        backbone: draws it in place of the renderer.
    """

    scene: Path
    video: Path
    settings: RenderSettings
    backbone: BackboneDrawing | None = None


class Answer(BaseModel):
    """What came of an order.

    Attributes:
        state: ``done``, or ``failed`` by the kind of failure.
        kind: why it failed.
        sentence: the same for a reader.
        problems: every fault of the scene, as data.
        figures: numbers of the film and its making.
    """

    state: Literal["done", "failed"]
    kind: Kind | None = None
    sentence: str = ""
    problems: list[dict[str, Any]] = []
    figures: dict[str, float] = {}

    @classmethod
    def of_failure(cls, failure: Failure) -> Answer:
        """The answer where making the film failed."""
        problems = [problem.as_data() for problem in failure.problems]
        return cls(state="failed", kind=failure.kind, sentence=failure.sentence, problems=problems)
