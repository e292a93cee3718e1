"""The pictures of a film in stretches, each drawn and encoded once and kept: what looks the same is not drawn again"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio.core.storage import StorageError, storage_sentence
from studio.export.encoder import GROUP, Encoder, FrameCheck, picture_options
from studio.export.watermark import draw_watermark

LEAST, MOST = 25, GROUP
"""Frames of a stretch; the last one of a film may be shorter."""
_ONE_IN = 16
"""Of so many frames one is as good as a mark to cut at."""
_SCRATCH = ".drawn-"
_STALE_SECONDS = 86_400.0

Draw = Callable[[Sequence[int]], Iterator[np.ndarray]]
"""Frames of these numbers, in this order, (H, W, 3) uint8 RGB."""


@dataclass(frozen=True)
class CachedSegment:
    """Frames ``first`` to ``stop`` of a film; equal keys are equal pictures."""

    first: int
    stop: int
    key: str


def cut(shown: np.ndarray, look: str) -> list[CachedSegment]:
    """Cut a film where frames themselves say so.

    So the cuts behind a change are where they were, wherever they have moved to, and a change costs the stretches that
    it touches.

    Args:
        shown: (T, n) numbers, all that tells a frame from the others.
        look: names all else that frames depend on.
    """
    rows = [row.tobytes() for row in np.ascontiguousarray(shown)]
    marks = [zlib.crc32(row) % _ONE_IN == 0 for row in rows]
    stretches, first = [], 0
    while first < len(rows):
        last = min(first + MOST, len(rows))
        stop = next((at for at in range(first + LEAST, last) if marks[at]), last)
        key = hashlib.sha256(b"".join([look.encode(), b"|", *rows[first:stop]])).hexdigest()[:32]
        stretches.append(CachedSegment(first, stop, key))
        first = stop
    return stretches


class FrameCache:
    """The pictures of one film and the folder that keeps them.

    Args:
        folder: where finished stretches are kept, and found again.
        shown: (T, n) numbers, all that tells a frame from the others.
        look: names all else that frames depend on.
        every: how many frames of the clock each one stands for.
        label: whether the visible label is drawn into each frame.

    Attributes:
        missing: the stretches that are not kept yet, each once.
        n_missing: their frames.
    """

    def __init__(self, folder: Path, shown: np.ndarray, look: str, *, every: int = 1, label: bool = True) -> None:
        self._folder, self._every, self._label = folder, every, label
        self._stretches = cut(shown, repr((look, label, picture_options(every))))
        unique = {stretch.key: stretch for stretch in self._stretches}
        self.missing = [stretch for key, stretch in unique.items() if not _whole(self._path(key))]
        self.n_missing = sum(stretch.stop - stretch.first for stretch in self.missing)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.mp4"

    def make(self, draw: Draw, picture: np.ndarray, on_frame: Callable[[int, int], None]) -> list[Path]:
        """Draw what is missing.

        Whatever is raised, KeyboardInterrupt too, the stretches that were finished before stay.

        Args:
            draw: draws frames; not asked when nothing is missing.
            picture: (H, W, 3) uint8 RGB, the still that they are made from.
            on_frame: called with the frames drawn, and those to be drawn in all.

        Returns:
            The stretches of the whole film in their order, for :func:`studio.export.encoder.join`.

        Raises:
            ValueError: a frame that a fault made, see :class:`studio.export.encoder.FrameCheck`, or too few frames.
            RuntimeError: the encoder failed.
            StorageError: the folder cannot be written to.
        """
        numbers = [number for stretch in self.missing for number in range(stretch.first, stretch.stop)]
        if numbers:
            self._draw(draw(numbers), FrameCheck(picture), lambda done: on_frame(done, len(numbers)))
        paths = [self._path(stretch.key) for stretch in self._stretches]
        for path in paths:
            path.touch()
        return paths

    def _draw(self, frames: Iterator[np.ndarray], check: FrameCheck, on_frame: Callable[[int], None]) -> None:
        """Encode the frames of what is missing; a stretch appears under its name when it is complete."""
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(_scratch(self._folder)))
            done, ending = 0, None
            for stretch in self.missing:
                encoder = stack.enter_context(Encoder(scratch / f"{stretch.key}.mp4", self._every))
                for number in range(stretch.first, stretch.stop):
                    frame = next(frames, None)
                    if frame is None:
                        raise ValueError(f"Frame {number} is missing; render the scene again.")
                    frame = check(frame, number)
                    encoder.write(draw_watermark(frame) if self._label else frame)
                    done += 1
                    on_frame(done)
                encoder.end()
                self._keep(ending)  # while the encoder finishes one stretch, the next is drawn
                ending = encoder
            self._keep(ending)

    def _keep(self, encoder: Encoder | None) -> None:
        if encoder is not None:
            encoder.finish()
            encoder.target.replace(self._folder / encoder.target.name)


def _scratch(folder: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=folder, prefix=_SCRATCH)
    except OSError as error:
        raise StorageError(error.errno, storage_sentence(error)) from error


def _whole(path: Path) -> bool:
    """Whether an MP4 file is there to its last byte, by the lengths of its boxes: a power cut may have cut it."""
    if not path.is_file():
        return False
    end, at, kinds = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        while at + 8 <= end:
            file.seek(at)
            head = file.read(8)
            length = int.from_bytes(head[:4], "big")
            if length < 8:
                return False
            kinds.add(head[4:])
            at += length
    return at == end and {b"moov", b"mdat"} <= kinds


def tidy(folder: Path, most_bytes: int) -> None:
    """Keep the stretches that were used last, up to so many bytes, and nothing that an ended process left.

    To be called when no film is being made of this folder's stretches.
    """
    total = 0
    for path in sorted(folder.glob("*.mp4"), key=lambda item: item.stat().st_mtime, reverse=True):
        total += path.stat().st_size
        if total > most_bytes:
            path.unlink()
    for left in folder.glob(f"{_SCRATCH}*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
