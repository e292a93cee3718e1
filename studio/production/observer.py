"""Observer of a render: what its caller is told while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from generation.core.performance import StoredPerformance
from studio.cast.geometry import SceneGeometry
from studio.timeline.timeline import Timeline

if TYPE_CHECKING:
    from studio.performance.performer import ScenePerformer


class RenderObserver:
    """Is told what a render makes while it runs; this one does nothing with it.

    Attributes:
        drawn: share of the film's frames that did not come from cached segments.
    """

    drawn = 1.0

    def spoken(
        self, performer: ScenePerformer, timeline: Timeline, performance: StoredPerformance, geometry: SceneGeometry
    ) -> None:
        """Speech and motion of the whole scene are there."""

    def frame(self, frame: np.ndarray) -> None:
        """One more drawn frame, uint8 (H, W, 3) RGB."""

    def watchable(self, seconds: float) -> None:
        """So many seconds of the film's beginning can be watched."""

    def yield_point(self) -> None:
        """Between two parts of the work; what is done here first takes none of the job's time."""
