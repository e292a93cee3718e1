"""Splits a timeline into segments at its pauses, and joins their performances."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from generation.core.clock import samples_from_frames
from generation.core.motion import CHANNELS, MOUTH, MotionTrack
from generation.core.performance import CharacterPerformance, Line, Performance

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
            parts = (line.id, line.character, line.start, line.n_frames, line.phonemes, line.durations)
            digest.update(repr(parts).encode())
            if line.recording is not None:
                digest.update(line.recording.tobytes())
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


def join_performances(segments: Sequence[Segment], parts: Sequence[Performance], n_frames: int) -> Performance:
    """One performance of the whole scene from those of its segments; where there is none, silence and stillness.

    Around each cut the mouth and the sound pass over within the pause alone, everything else over :data:`FADE` frames
    on either side, with raised-cosine weights that are normalised to sum to 1.

    Args:
        segments: as :func:`split` gave them.
        parts: what the model made of each, all with the same cast.
        n_frames: length of the scene in video frames.
    """
    cast = [character.name for character in parts[0].characters]
    motion = np.zeros((len(cast), n_frames, len(CHANNELS)), np.float32)
    speech = np.zeros((len(cast), samples_from_frames(n_frames)), np.float32)
    motion_total = np.zeros(motion.shape[1:], np.float32)
    speech_total = np.zeros(speech.shape[1], np.float32)
    for segment, part in zip(segments, parts, strict=True):
        span = slice(segment.start, segment.start + segment.n_frames)
        wide = _weights(segment, segment.n_frames, (FADE, FADE))
        narrow = _weights(segment, segment.n_frames, segment.pauses)
        weights = np.where(_MOUTH_CHANNELS, narrow[:, None], wide[:, None]).astype(np.float32)
        loud = np.repeat(narrow, samples_from_frames(1)).astype(np.float32)
        sound = slice(samples_from_frames(span.start), samples_from_frames(span.stop))
        motion_total[span] += weights
        speech_total[sound] += loud
        for index, character in enumerate(part.characters):
            motion[index, span] += weights * character.motion.values
            speech[index, sound] += loud * character.speech
    np.divide(motion, motion_total, out=motion, where=motion_total > 0)
    np.divide(speech, speech_total, out=speech, where=speech_total > 0)
    return Performance(
        tuple(CharacterPerformance(n, s, MotionTrack(m)) for n, s, m in zip(cast, speech, motion, strict=True)),
        n_frames,
    )


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
