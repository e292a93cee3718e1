"""Keyframes on motion channels: named handles, spans with keys, cross-fades and blink splicing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from generation.core.arrays import runs, smoothstep
from generation.core.motion import BLENDSHAPES, INDEX, WEIGHTS
from generation.core.performance import Line

FADE = 3
"""Frames (120 ms) on either side of a span over which what was there passes into what was made anew."""


@dataclass(frozen=True)
class Handle:
    """Handle of a key: the channels that it sets.

    Attributes:
        channels: indices into :data:`generation.core.motion.CHANNELS`, all set alike.
        unit: what a key's value 1 is in the channel's own unit.
        least: smallest value of a key.
        most: greatest value of a key.
        reach: frames to either side over which a key bends the curve; lids are quicker than jaws, jaws than heads.
    """

    channels: tuple[int, ...]
    unit: float = 1.0
    least: float = 0.0
    most: float = 1.0
    reach: int = 5


def _turning(axis: str) -> Handle:
    return Handle((INDEX[f"headRotation{axis}"],), math.radians(1), -20.0, 20.0, 10)


_PAIRS = {
    name.removesuffix("Left"): (INDEX[name], INDEX[f"{name.removesuffix('Left')}Right"])
    for name in BLENDSHAPES
    if name.endswith("Left") and name not in ("jawLeft", "mouthLeft") and not name.startswith(("eyeLook", "eyeBlink"))
}
HANDLES: dict[str, Handle] = {
    "blink": Handle((INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]), reach=4),
    "headNod": _turning("X"),
    "headTurn": _turning("Y"),
    "headTilt": _turning("Z"),
}
HANDLES |= {name: Handle(both) for name, both in _PAIRS.items()}
HANDLES |= {name: Handle((INDEX[name],), reach=4 if name.startswith("eyeBlink") else 5) for name in BLENDSHAPES}
"""By name: both lids, the head in degrees (nod: down, turn: to the picture's right, tilt), both sides of the face
(``mouthSmile``), and every ARKit weight."""


@dataclass(frozen=True)
class Key:
    """A value that a curve is to pass through: the frame, the handle, and the value in the handle's unit."""

    frame: int
    handle: str
    value: float


@dataclass(frozen=True)
class KeyedSpan:
    """A span inside a line whose motion is made again, in video frames of what the line is a part of.

    Attributes:
        line: whose speaker moves anew.
        first: first frame.
        stop: frame after the last one.
        take: seeds it, with the scene's seed, the person's name and the line's id.
        keys: what the motion passes through, frames counted alike.
        face: of whom the motion is made again, an index into the cast; None = the line's speaker.
    """

    line: Line
    first: int
    stop: int
    take: int
    keys: tuple[Key, ...] = ()
    face: int | None = None

    @property
    def mover(self) -> int:
        """Whose motion is made again, an index into the cast."""
        return self.line.character if self.face is None else self.face

    def shifted(self, frames: int) -> KeyedSpan:
        """The same span in something that begins so many frames earlier."""
        line = replace(self.line, start=self.line.start + frames)
        keys = tuple(replace(key, frame=key.frame + frames) for key in self.keys)
        return replace(self, line=line, first=self.first + frames, stop=self.stop + frames, keys=keys)


def crossfade_weights(n_frames: int, first: int, stop: int) -> np.ndarray:
    """Weight of the new motion in each frame, (T,) float32: 1 in ``first .. stop``, 0 beyond :data:`FADE` of it."""
    frames = np.arange(n_frames)
    beyond = np.maximum(np.maximum(first - frames, frames - (stop - 1)), 0)
    share = 1 - beyond / (FADE + 1)
    return smoothstep(share).astype(np.float32)


def crossfade(kept: np.ndarray, made: np.ndarray, first: int, stop: int) -> np.ndarray:
    """Motion (T, C) that is ``made`` in a span and ``kept``, to the bit, beyond :data:`FADE` frames of it."""
    share = crossfade_weights(len(kept), first, stop)[:, None]
    return np.where(share > 0, (1 - share) * kept + share * made, kept).astype(np.float32)


def through_keyframes(values: np.ndarray, span: KeyedSpan) -> np.ndarray:
    """Motion (T, 57) that passes through the keys of a span; beyond :data:`FADE` frames of it to the bit as it was.

    Every key lifts its curve by what is missing there, falling to nothing as half a cosine over the handle's reach, at
    the next key of the same handle, or where the span's fade ends: so keys do not disturb each other, and each is met.
    """
    out = values.astype(np.float32)
    lowest, highest = span.first - FADE - 1, span.stop + FADE
    by_handle: dict[str, list[Key]] = {}
    for key in span.keys:
        by_handle.setdefault(key.handle, []).append(key)
    for name, keys in by_handle.items():
        handle = HANDLES[name]
        keys.sort(key=lambda key: key.frame)
        bounds = [lowest, *(key.frame for key in keys), highest]
        for number, key in enumerate(keys, 1):
            left = max(bounds[number - 1], key.frame - handle.reach)
            right = min(bounds[number + 1], key.frame + handle.reach)
            frames = np.arange(max(left + 1, 0), min(right, len(values)))
            reach = np.where(frames < key.frame, key.frame - left, right - key.frame)
            share = 0.5 + 0.5 * np.cos(np.pi * (frames - key.frame) / np.maximum(reach, 1))
            for channel in handle.channels:
                lift = key.value * handle.unit - values[key.frame, channel]
                out[frames, channel] += (share * lift).astype(np.float32)
                if channel < WEIGHTS.stop:
                    out[frames, channel] = out[frames, channel].clip(0, 1)
    return out


def splice_blinks(kept: np.ndarray, made: np.ndarray, first: int, stop: int) -> np.ndarray:
    """Lids (T, 2) with the blinks of ``made`` in a span and those of ``kept`` outside, each whole or not at all."""
    own, new = np.zeros_like(kept), np.zeros_like(kept)
    for target, source, wanted in ((own, kept, False), (new, made, True)):
        for begin, end in runs(source.max(1) > 0.01):
            if (first <= begin and end <= stop) is wanted:
                target[begin:end] = source[begin:end]
    lids = kept.copy()
    lids[first:stop] = np.maximum(own, new)[first:stop]
    return lids
