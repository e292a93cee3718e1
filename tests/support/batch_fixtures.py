"""Scenes for tests of batches, and workers that write small marked files in place of films."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE
from studio.batch.orders import Answer, Order
from studio.core.failures import failure_of
from studio.core.storage import file_names
from studio.export.provenance import mark
from studio.export.writers import write_sound
from studio.production.render import film_record
from studio.scene.document import load_scene


def write_scene(folder: Path, name: str, text: str = "Hello.", **more: object) -> Path:
    """A scene of one person."""
    data = {"picture": "one.png", "cast": [{"name": "EILEEN", "voice": "Alice"}], "script": [{"EILEEN": text}], **more}
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), "utf-8")
    return path


def write_film(order: Order) -> None:
    """What a film leaves, as far as batches look at it."""
    scene = load_scene(order.scene)
    record = film_record(scene, order.scene.parent, order.settings, order.backbone)
    order.video.write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0")
    mark(order.video, record)
    for name in file_names([character.name for character in scene.cast]):
        sound = Audio(np.zeros(240, np.float32), SAMPLE_RATE)
        write_sound(sound, order.video.with_name(f"{order.video.stem}.{name}.wav"), record)


class StandIns:
    """A crew without processes: ``act(order)`` is called for every film and may raise, or write it.

    Attributes:
        made: names of the films in the order in which they were given.
        dropped: workers whose film was let go.
    """

    def __init__(self, act: Callable[[Order], object] = write_film, workers: int = 2) -> None:
        self._act, self._n_workers = act, workers
        self._given: dict[int, Order] = {}
        self.made: list[str] = []
        self.dropped: list[int] = []
        self.closed = False

    def idle(self) -> Sequence[int]:
        return [number for number in range(self._n_workers) if number not in self._given]

    def give(self, worker: int, order: Order) -> None:
        self._given[worker] = order

    def wait(self, seconds: float) -> list[tuple[int, Answer]]:
        answers = []
        for worker, order in self._given.items():
            self.made.append(order.video.stem)
            try:
                self._act(order)
                answers.append((worker, Answer(state="done", figures={"took": 0.1})))
            except Exception as error:
                answers.append((worker, Answer.of_failure(failure_of(error))))
        self._given = {}
        return answers

    def drop(self, worker: int) -> None:
        del self._given[worker]
        self.dropped.append(worker)

    def close(self) -> None:
        self.closed = True
