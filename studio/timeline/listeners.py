"""Who listens to whom over a scene, where phrases end, and with what attitude."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from generation.core.clock import FPS, MELS_PER_FRAME
from generation.core.motion import N_CHANNELS, WEIGHTS
from generation.core.performance import Line, StoredPerformance
from generation.motion.behaviour.listening import ATTITUDES, HeardSpeech, Listener
from studio.scene.schema import Scene
from studio.timeline.placed_marks import PlacedCurve, with_curves
from studio.timeline.timeline import Timeline

_AFTER = round(0.9 * FPS)
"""Frames for which somebody is listened to after the voice has ended."""
_BREATH = round(0.4 * FPS)
"""Frames before one's own line at which one no longer reacts."""
_LEAST_PAUSE = 12
"""Mel frames of silence that end a phrase."""
_SILENT = " .,!?;:—…"


def heard_by(scene: Scene, timeline: Timeline, face: int, seed: int) -> HeardSpeech | None:
    """What a face of a directed scene hears, by the times of its lines; None where nobody else speaks.

    Args:
        scene: directed.
        timeline: of it.
        face: index into the cast.
        seed: of the scene.
    """
    n = timeline.n_frames
    partner = np.full(n, -1, np.int16)
    busy, hears = np.zeros(n, bool), np.zeros(n, bool)
    usual = ATTITUDES.index(scene.cast[face].attitude)
    attitudes = np.full(n, usual, np.int8)
    ends: list[int] = []
    spoken = zip(scene.script, timeline.lines, strict=True)
    for written, line in sorted(spoken, key=lambda pair: pair[1].start):
        faces = {f for voice in timeline.of_all_speakers(line) for f in scene.faces_of(written, voice.character)}
        if face in faces:
            busy[line.start : line.stop] = True
            continue
        shown = sorted(faces & set(scene.on_screen))
        span = slice(line.start, min(n, line.stop + _AFTER))
        hears[span] = True
        partner[span] = shown[0] if shown else -1
        given = {name.casefold(): attitude for name, attitude in written.attitudes.items()}
        own = given.get(scene.cast[face].name.casefold())
        attitudes[span] = usual if own is None else ATTITUDES.index(own)
        ends += phrase_ends(line)
    if not hears.any():
        return None
    around = minimum_filter1d((hears & ~busy).astype(np.float32), 2 * _BREATH + 1, mode="nearest")
    free = gaussian_filter1d(around, 0.12 * FPS, mode="nearest").astype(np.float32)
    free[busy] = 0
    return HeardSpeech(partner, free, sorted(set(ends)), attitudes, f"{seed} {scene.cast[face].name} listens")


class ListeningCast:
    """Everybody in the picture who listens to others over a scene.

    Args:
        scene: directed.
        timeline: of it.
        seed: of the scene.
    """

    def __init__(self, scene: Scene, timeline: Timeline, seed: int) -> None:
        heard = {face: heard_by(scene, timeline, face, seed) for face in scene.on_screen}
        self._heard = {face: each for face, each in heard.items() if each is not None}
        self._listeners = {face: Listener(each) for face, each in self._heard.items()}

    @property
    def partners(self) -> dict[int, np.ndarray]:
        """By face (T,) whom it listens to and is free to react to, an index into the cast; -1 = nobody."""
        return {face: np.where(each.free > 0.5, each.partner, -1) for face, each in self._heard.items()}

    def react(
        self,
        performance: StoredPerformance,
        seen: StoredPerformance,
        curves: Sequence[PlacedCurve],
        first: int,
        stop: int,
    ) -> None:
        """Writes reactions into the motion from a frame to another; windows follow each other from the scene's start.

        Args:
            performance: before its curves are laid.
            seen: what is reacted to, without retakes: these move nobody else.
            curves: which the others' motion is seen with.
            first: frame at which the window begins.
            stop: frame after its last.
        """
        if stop <= first or not self._listeners:
            return
        shown = {int(face) for each in self._heard.values() for face in np.unique(each.partner[first:stop])} - {-1}
        motions = {face: with_curves(seen.motion[face][first:stop], face, curves, first) for face in shown}
        for face, listener in self._listeners.items():
            partner = self._heard[face].partner[first:stop]
            view = np.zeros((stop - first, N_CHANNELS), np.float32)
            for other in np.unique(partner[partner >= 0]):
                view[partner == other] = motions[int(other)][partner == other]
            motion = performance.motion[face][first:stop] + listener.react(first, view)
            motion[:, WEIGHTS] = motion[:, WEIGHTS].clip(0, 1)
            performance.motion[face][first:stop] = motion


def phrase_ends(line: Line) -> Iterator[int]:
    """Frames of the scene at which phrases of a line end; of a recording without words its own end alone."""
    if not line.phonemes.strip():
        yield line.stop
        return
    begun, silent, sounds = 0, 0, False
    for symbol, length in zip(line.phonemes, line.durations, strict=True):
        if symbol in _SILENT:
            silent += length
        else:
            if sounds and silent >= _LEAST_PAUSE:
                yield line.start + (begun - silent) // MELS_PER_FRAME
            silent, sounds = 0, True
        begun += length
    yield line.start + (begun - silent) // MELS_PER_FRAME
