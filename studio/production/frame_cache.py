"""Content-addressed cache of encoded frame segments: frames that look the same are drawn and encoded once."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.core.result_key import made_by
from studio.core.scratch import scratch_folder, sweep
from studio.core.storage import StorageError, storage_sentence, trim_folder
from studio.export.boxes import is_whole
from studio.export.frame_encoder import GROUP, MP4, Encoder, FilmFormat, FrameCheck, picture_options
from studio.export.watermark import TEXTS, draw_watermark

FRAME_FOLDER = "frames"
"""Folder of the work folder that keeps the segments of films."""
PREVIEW_FOLDER = "previews"
"""Folder in it that keeps those of previews."""
SEGMENTS = "*.m??"
"""Files of segments: MP4, Matroska or QuickTime, by the format of the film."""
MIN_FRAMES, MAX_FRAMES = 25, GROUP
"""Length of a segment; the last one of a film may be shorter."""
_CUT_ONE_IN = 16
"""Of so many frames one is as good as a mark to cut at."""

Draw = Callable[[Sequence[int]], Iterator[np.ndarray]]
"""Frames of these numbers, in this order, uint8, (H, W, 3) RGB or, of a film with a fourth channel, (H, W, 4) RGBA."""


@dataclass(frozen=True)
class CachedSegment:
    """Frames ``first`` to ``stop`` of a film; equal keys are equal frames."""

    first: int
    stop: int
    key: str


def split_frames(states: Iterable[np.ndarray], appearance: str) -> list[CachedSegment]:
    """Split a film where the states of frames themselves say so (content-defined chunking).

    So the cuts behind a change stay at the same frames, wherever these have moved to, and a change costs the segments
    that it touches.

    Args:
        states: (C,) numbers a frame, everything that tells a frame from the others.
        appearance: names all else that frames depend on.
    """
    segments, first, number = [], 0, -1
    digest = beginning = hashlib.sha256(f"{appearance}|".encode())
    for number, state in enumerate(states):
        row = state.tobytes()
        marked = number - first >= MIN_FRAMES and zlib.crc32(row) % _CUT_ONE_IN == 0
        if number == first:
            digest = beginning.copy()
        elif marked or number - first == MAX_FRAMES:
            segments.append(CachedSegment(first, number, digest.hexdigest()[:32]))
            first, digest = number, beginning.copy()
        digest.update(row)
    if number >= first:
        segments.append(CachedSegment(first, number + 1, digest.hexdigest()[:32]))
    return segments


class FrameCache:
    """The frames of one film and the folder that keeps them.

    Args:
        folder: where finished segments are kept, and found again.
        states: (C,) numbers a frame, everything that tells a frame from the others.
        appearance: names all else that frames depend on.
        every: how many frames of the clock each one stands for.
        watermark: whether the visible AI label is drawn into each frame.
        texts: what it says.
        film: format of the film that the segments are for.
        whole: whether the states are those of the whole film. Of its beginning the last segment is left out, which more
            states would make longer.

    Attributes:
        missing: the segments that are not kept yet, each once.
        n_missing: their frames.
    """

    def __init__(
        self,
        folder: Path,
        states: Iterable[np.ndarray],
        appearance: str,
        *,
        every: int = 1,
        watermark: bool = True,
        texts: tuple[str, ...] = TEXTS,
        film: FilmFormat = MP4,
        whole: bool = True,
    ) -> None:
        self._folder, self._every, self._film = folder, every, film
        self._texts = texts if watermark else ()
        encoded = picture_options(every, film)
        segments = split_frames(states, repr((appearance, self._texts, encoded, made_by(__name__))))
        self._segments = segments if whole else segments[:-1]
        unique = {segment.key: segment for segment in self._segments}
        self.missing = [segment for key, segment in unique.items() if not is_whole(self._path(key))]
        self.n_missing = sum(segment.stop - segment.first for segment in self.missing)

    @property
    def n_frames(self) -> int:
        """Frames of all segments together."""
        return self._segments[-1].stop if self._segments else 0

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{self._film.segment}"

    def make(self, draw: Draw, picture: np.ndarray, on_frame: Callable[[int, int], None]) -> list[Path]:
        """Draw what is missing.

        Whatever is raised, KeyboardInterrupt too, the segments that were finished before stay.

        Args:
            draw: draws frames; not asked when nothing is missing.
            picture: uint8 of the frames' shape, the still that they are made from.
            on_frame: called with the frames drawn, and those to be drawn in all.

        Returns:
            The segments of the whole film in their order, for :func:`studio.export.encoder.join`.

        Raises:
            ValueError: a frame that a fault made, see :class:`studio.export.frame_encoder.FrameCheck`, or too few.
            RuntimeError: the encoder failed.
            StorageError: the folder cannot be written to.
        """
        numbers = [number for segment in self.missing for number in range(segment.first, segment.stop)]
        if numbers:
            self._draw(draw(numbers), FrameCheck(picture), lambda done: on_frame(done, len(numbers)))
        paths = [self._path(segment.key) for segment in self._segments]
        for path in paths:
            path.touch()
        return paths

    def _draw(self, frames: Iterator[np.ndarray], check: FrameCheck, on_frame: Callable[[int], None]) -> None:
        """Encode the frames of what is missing; a segment appears under its name when it is complete."""
        with ExitStack() as stack:
            scratch = stack.enter_context(_scratch(self._folder))
            done, ending = 0, None
            for segment in self.missing:
                target = scratch / self._path(segment.key).name
                encoder = stack.enter_context(Encoder(target, self._every, self._film))
                for number in range(segment.first, segment.stop):
                    frame = next(frames, None)
                    if frame is None:
                        raise ValueError(f"Frame {number} is missing; render the scene again.")
                    frame = check(frame, number)
                    encoder.write(draw_watermark(frame, self._texts) if self._texts else frame)
                    done += 1
                    on_frame(done)
                encoder.end()
                self._keep(ending)  # while the encoder finishes one segment, the next is drawn
                ending = encoder
            self._keep(ending)

    def _keep(self, encoder: Encoder | None) -> None:
        if encoder is not None:
            encoder.finish()
            encoder.target.replace(self._folder / encoder.target.name)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder for segments that are being made.

    Raises:
        StorageError: none can be made.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            scratch = stack.enter_context(scratch_folder(folder))
        except OSError as error:
            raise StorageError(error.errno, storage_sentence(error)) from error
        yield scratch


def trim_frames(folder: Path, most_bytes: int) -> None:
    """Keep the segments that were used last, up to so many bytes, and nothing that an ended process left.

    To be called when no film is being made of this folder's segments.
    """
    trim_folder(folder, SEGMENTS, most_bytes)
    sweep(folder)
