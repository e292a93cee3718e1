"""The beginning of a film that can be watched while the rest is made: a file that is written anew as it grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from generation.audio.loudness import mix_performance
from generation.core.clock import FPS
from generation.core.performance import StoredPerformance
from generation.rendering.controls import CLOSING_REACH
from studio.export.writers import write_film
from studio.production.observer import RenderObserver

FIRST_SECONDS, MOST_SECONDS = 2.0, 180.0
"""Length from which there is something to watch, and up to which the file grows."""
_GROWTH = 2.0
"""Factor by which it is longer each time: so all writing together costs no more than two films of its length."""

Draw = Callable[[StoredPerformance, int, int], tuple[Sequence[Path], int]]
"""Encodes a performance, finished up to a frame, as far as up to another: whole segments, and their frames in all."""


class FilmBeginning:
    """A marked MP4 of what is finished of a film, whole at each moment.

    The segments of frames that are drawn for it are those of the film and are kept for it.

    Args:
        path: the file.
        draw: draws and encodes frames.
        record: what the film says of itself.
        told: called with the seconds that can be watched, each time.
    """

    def __init__(self, path: Path, draw: Draw, record: Mapping[str, Any], told: Callable[[float], None]) -> None:
        self._path, self._draw, self._record, self._told = path, draw, record, told
        self._next = FIRST_SECONDS

    def grow(self, performance: StoredPerformance, finished: int) -> None:
        """Write as much as is worth it of a performance that is finished up to a frame."""
        if finished == performance.n_frames:
            return  # the film itself comes next
        most = min(finished - CLOSING_REACH, round(MOST_SECONDS * FPS))
        if self._next > MOST_SECONDS or most < self._next * FPS:
            return
        segments, n_frames = self._draw(performance, finished, most)
        if n_frames >= FIRST_SECONDS * FPS:
            sound = mix_performance(performance.window(0, n_frames))
            write_film(segments, n_frames, sound, self._path, record=self._record)
            self._told(n_frames / FPS)
            self._next = _GROWTH * n_frames / FPS


class BeginningObserver(RenderObserver):
    """Says how much of a film can be watched.

    Args:
        say: called with a sentence, and the file and seconds as data.
        path: the file; None = nobody watches.
    """

    def __init__(self, say: Callable[..., None], path: Path | None) -> None:
        self._say, self._path = say, path

    def watchable(self, seconds: float) -> None:
        """Say it."""
        self._say(f"{self._path} can be watched: {seconds:.1f} s.", file=str(self._path), seconds=round(seconds, 2))
