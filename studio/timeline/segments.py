"""Splits a timeline into segments at its pauses, and joins their performances."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from generation.core.clock import samples_from_frames
from generation.core.motion import CHANNELS, MOUTH
from generation.core.performance import Line, Performance, StoredPerformance

if TYPE_CHECKING:
    from studio.timeline.timeline import Timeline

LEAST_PAUSE = 4
"""Fewest frames between two lines at which a scene is cut; closer lines stay together."""
FADE = 12
"""Frames on either side of a cut over which head, eyes and brows pass from one piece to the next."""
_MOUTH_CHANNELS = np.array([name in MOUTH for name in CHANNELS])


@dataclass(frozen=True)
class Segment:
    """Lines that are generated together, with the idle time around them.

    Attributes:
        start: first video frame in the scene.
        n_frames: length, which reaches into the neighbours for the fade.
        lines: its lines, their starts counted from the segment's first frame.
        before: frames from its first frame to the cut before it, 0 at the scene's beginning.
        after: frames from the cut after it to its end, 0 at the scene's end.
        pauses: frames without speech on either side of the cut before and the cut after.
    """

    start: int
    n_frames: int
    lines: tuple[Line, ...]
    before: int
    after: int
    pauses: tuple[int, int]

    @property
    def key(self) -> str:
        """Content of the segment as a hash: equal keys ask the model for the same thing."""
        digest = hashlib.sha256(f"{self.n_frames}".encode())
        for line in self.lines:
            said = (line.id, line.character, line.start, line.n_frames, line.phonemes, line.durations, line.language)
            parts = (*said, line.adapters, line.prosody, *filter(None, (line.gaps, line.fade)))
            digest.update(repr(parts).encode())
            if line.recording is not None:
                digest.update(line.recording.tobytes())
            if line.melody is not None:
                digest.update(b"sung" + line.melody.tobytes())
        return digest.hexdigest()[:24]


def split(timeline: Timeline) -> list[Segment]:
    """Cut a timeline in the middle of each pause of at least :data:`LEAST_PAUSE` frames."""
    lines = sorted(timeline.speaker_lines, key=lambda line: (line.start, line.stop))
    if not lines:
        return []
    groups: list[list[Line]] = []
    cuts: list[tuple[int, int]] = [(0, 0)]  # frame of the cut, frames without speech on either side of it
    stop = 0
    for line in lines:
        if groups and line.start - stop < LEAST_PAUSE:
            groups[-1].append(line)
        else:
            if groups:
                half = (line.start - stop) // 2
                cuts.append((stop + half, half))
            groups.append([line])
        stop = max(stop, line.stop)
    cuts.append((timeline.n_frames, 0))
    segments = []
    for group, (first, quiet_before), (last, quiet_after) in zip(groups, cuts, cuts[1:], strict=False):
        start, end = max(0, first - FADE), min(timeline.n_frames, last + FADE)
        own = tuple(replace(line, start=line.start - start) for line in group)
        segments.append(Segment(start, end - start, own, first - start, end - last, (quiet_before, quiet_after)))
    return segments


def join_performances(segments: Sequence[Segment], parts: Iterable[Performance], into: StoredPerformance) -> None:
    """Writes the performance of the whole scene from those of its segments; see :func:`joined_step_by_step`."""
    for _ in joined_step_by_step(segments, parts, into):
        pass


def joined_step_by_step(
    segments: Sequence[Segment], parts: Iterable[Performance], into: StoredPerformance
) -> Iterator[int]:
    """Writes the performance of the whole scene from those of its segments, of which one at a time is held.

    Around each cut the mouth and the sound pass over within the pause alone, everything else over :data:`FADE` frames
    on either side, with raised-cosine weights that are normalised to sum to 1.

    Args:
        segments: as :func:`split` gave them.
        parts: what the model made of each, all with the same cast.
        into: where it is written; where there is no segment it stays as it is.

    Yields:
        After each segment the frame up to which nothing changes any more.
    """
    n_cast = len(into.names)
    held = _Sums(0, n_cast, 0)
    following = [*(segment.start for segment in segments[1:]), into.n_frames]
    for segment, part, until in zip(segments, parts, following, strict=True):
        held = held.moved(segment.start, segment.start + segment.n_frames)
        held.add(segment, part)
        held.write(min(until, held.stop), into)
        yield until


class _Sums:
    """Weighted sums of the segments around a cut, and of their weights, from frame ``start`` to ``stop``."""

    def __init__(self, start: int, n_cast: int, n_frames: int) -> None:
        self.start, self.stop = start, start + n_frames
        self._motion = np.zeros((n_cast, n_frames, len(CHANNELS)), np.float32)
        self._speech = np.zeros((n_cast, samples_from_frames(n_frames)), np.float32)
        self._motion_total = np.zeros(self._motion.shape[1:], np.float32)
        self._speech_total = np.zeros(self._speech.shape[1], np.float32)

    def moved(self, start: int, stop: int) -> _Sums:
        """The same from a later frame on, and at least to ``stop``."""
        stop = max(stop, self.stop)
        new = _Sums(start, len(self._motion), stop - start)
        skipped, kept = start - self.start, max(0, self.stop - start)
        samples, sound = samples_from_frames(skipped), samples_from_frames(kept)
        if kept:
            new._motion[:, :kept], new._motion_total[:kept] = self._motion[:, skipped:], self._motion_total[skipped:]
            new._speech[:, :sound], new._speech_total[:sound] = self._speech[:, samples:], self._speech_total[samples:]
        return new

    def add(self, segment: Segment, part: Performance) -> None:
        """A segment that begins where the sums do."""
        wide = _weights(segment, segment.n_frames, (FADE, FADE))
        narrow = _weights(segment, segment.n_frames, segment.pauses)
        weights = np.where(_MOUTH_CHANNELS, narrow[:, None], wide[:, None]).astype(np.float32)
        loud = np.repeat(narrow, samples_from_frames(1)).astype(np.float32)
        self._motion_total[: len(weights)] += weights
        self._speech_total[: len(loud)] += loud
        for index, (speech, motion) in enumerate(zip(part.speech, part.motion, strict=True)):
            self._motion[index, : len(weights)] += weights * motion
            self._speech[index, : len(loud)] += loud * speech

    def write(self, until: int, into: StoredPerformance) -> None:
        """Write what no later segment changes."""
        n_frames, n_samples = until - self.start, samples_from_frames(until - self.start)
        first = samples_from_frames(self.start)
        for index in range(len(self._motion)):
            into.motion[index][self.start : until] = _mean(self._motion[index], self._motion_total)[:n_frames]
            speech = _mean(self._speech[index], self._speech_total)[:n_samples]
            into.speech[index][first : first + n_samples] = speech


def _mean(total: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)


def _weights(segment: Segment, n_frames: int, reach: tuple[int, int]) -> np.ndarray:
    """(n_frames,) share of a segment in each of its frames: 1 inside, 1/2 at its cuts, 0 beyond ``reach`` of them."""
    frames = np.arange(n_frames) + 0.5
    weights = np.ones(n_frames)
    if segment.before:
        weights *= _rise((frames - segment.before) / max(min(reach[0], segment.before), 1e-6))
    if segment.after:
        weights *= _rise((n_frames - segment.after - frames) / max(min(reach[1], segment.after), 1e-6))
    return weights


def _rise(place: np.ndarray) -> np.ndarray:
    """Half a cosine from 0 at -1 to 1 at 1, level outside; the value at x and that at -x sum to 1."""
    return 0.5 + 0.5 * np.sin(0.5 * np.pi * np.clip(place, -1, 1))
