"""Makes films with models that stay loaded: orders come in and answers go out as lines of JSON."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Sequence
from typing import NoReturn, TextIO

from generation.core.clock import FPS
from generation.core.deferred_imports import load_libraries
from generation.core.performance import StoredPerformance
from studio.batch.orders import READY, Answer, Order
from studio.cast.geometry import SceneGeometry
from studio.core.failures import failure_of
from studio.core.process import quiet_libraries
from studio.core.scratch import use_own_temporary_folder
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.production.observer import RenderObserver
from studio.production.render import render_scene
from studio.timeline.timeline import Timeline

log = logging.getLogger(__name__)


class FilmMaker:
    """The loaded models, and films made with them one after the other.

    Args:
        device: torch device; None = the GPU when there is one, else the CPU.
    """

    def __init__(self, device: str | None = None) -> None:
        load_libraries()
        self._models = Models.load(device)

    def make(self, order: Order) -> Answer:
        """Make one film; whatever goes wrong is the answer."""
        watching, began = _Figures(), time.monotonic()
        try:
            what = (order.scene, order.video, order.settings)
            render_scene(*what, observer=watching, models=self._models, backbone=order.backbone)
        except Exception as error:
            failure = failure_of(error)
            if failure.kind != "fault":
                log.warning("%s failed", order.video.stem, exc_info=True)
            return Answer.of_failure(failure)
        took = round(time.monotonic() - began, 3)
        return Answer(state="done", figures={**watching.figures, "drawn": round(watching.drawn, 4), "took": took})


class _Figures(RenderObserver):
    """Notes the figures of a film while it is made."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    def spoken(
        self, performer: ScenePerformer, timeline: Timeline, performance: StoredPerformance, places: SceneGeometry
    ) -> None:
        """Length, lines and people, and the share of speech that was not kept from an earlier attempt."""
        self.figures = {
            "seconds": performance.n_frames / FPS,
            "lines": len(timeline.lines),
            "people": len(performance.names),
            "generated": round(performer.generated, 4),
        }


def main(arguments: Sequence[str]) -> NoReturn:
    """``[DEVICE]``: load the models, then answer orders until the input ends; whoever gave them is then gone."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    quiet_libraries()
    use_own_temporary_folder()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(orders,), daemon=True).start()
    maker = FilmMaker(arguments[0] if arguments else None)
    _send(answers, READY)
    while True:
        _send(answers, maker.make(Order.model_validate_json(orders.get())).model_dump_json())


def _read(orders: queue.SimpleQueue[str]) -> None:
    """Orders as they come; the process ends with its input, in the middle of a film too."""
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)


def _send(answers: TextIO, line: str) -> None:
    answers.write(line + "\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
