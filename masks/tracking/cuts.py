"""Cuts in a video: a frame that differs from the one before far more than frames there usually do."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

_SIZE = (48, 27)
_LEAST = 12.0
"""Mean difference of levels below which no cut is seen."""
_SURE = 45.0
"""From this difference on it is a cut whatever moves around it."""
_TIMES = 4.0
"""Differences of a cut over the usual one of the frames before it."""
_MEMORY = 12
_BINS = 16
_HISTOGRAM = 0.12
"""Least share of the pixels that change their colour: what pans or shakes keeps its colours."""


class CutDetector:
    """Takes the frames of a video one after the other and tells where a new shot begins."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._histogram = np.zeros(1)
        self._usual: deque[float] = deque(maxlen=_MEMORY)

    def is_cut(self, image: np.ndarray) -> bool:
        """Whether the next frame, uint8 (H, W, 3), is the first of a new shot; the first of all is none."""
        small = cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
        histogram = np.stack([np.histogram(small[..., c], _BINS, (0, 256))[0] for c in range(3)]) / small[..., 0].size
        before, self._last = self._last, small
        old, self._histogram = self._histogram, histogram
        if before is None:
            return False
        change = float(np.abs(small - before).mean())
        recoloured = float(0.5 * np.abs(histogram - old).sum(1).max())
        usual = float(np.median(self._usual)) if self._usual else 0.0
        cut = change >= _SURE or (change >= max(_LEAST, _TIMES * usual) and recoloured >= _HISTOGRAM)
        if cut:
            self._usual.clear()
        else:
            self._usual.append(change)
        return cut
