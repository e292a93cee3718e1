"""What faces show while they listen: nods after another's phrases, and reactions to another's nods, smiles and turns.

Nods come in the speaker's pauses (Dittmann and Llewellyn 1968) and after the speaker's own (Hadar et al. 1985); smiles,
raised brows and turns of the head are mirrored in part, a moment later (Chartrand and Bargh 1999). How much of each
depends on the listener's attitude (Heylen et al. 2007: nods and smiles of agreement, shakes and frowns of the
contrary). Lips are left alone but for the corners of a smile, and nothing of it shows while the face speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from generation.core.arrays import seed_of, smoothstep
from generation.core.clock import FPS
from generation.core.motion import INDEX, N_CHANNELS

Attitude = Literal["positive", "neutral", "negative"]
_PITCH, _YAW = INDEX["headRotationX"], INDEX["headRotationY"]
_SHIFT = tuple(INDEX[f"headTranslation{axis}"] for axis in "XYZ")
_SMILE = (INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"])
_CHEEKS = (INDEX["cheekSquintLeft"], INDEX["cheekSquintRight"])
_DRAWN = (INDEX["browDownLeft"], INDEX["browDownRight"])
_INNER, _OUTER = INDEX["browInnerUp"], (INDEX["browOuterUpLeft"], INDEX["browOuterUpRight"])
BEFORE = round(1.2 * FPS)
"""Frames before a window of what is seen that are needed: the longest delay, and the width of what smooths it."""
_UNSURE = 8
"""Frames at a window's end in which no nod can be told yet; all that follows one begins later."""
_LEAST_NOD = 0.025
"""Prominence of another's nod, in radians, to which a listener reacts."""
_BETWEEN = 1.0 * FPS
"""Frames between two nods."""
_SMILE_DELAY, _TURN_DELAY = round(0.5 * FPS), round(0.36 * FPS)


@dataclass(frozen=True)
class ListeningStyle:
    """How somebody of an attitude listens.

    Attributes:
        nods: chance of a nod after a phrase, and after a nod of the other.
        shakes: chance of a shake of the head after a phrase.
        smile: weight of a smile that stays, below 0 of one that is missing.
        mirrored: share of the other's smile and raised brows that shows.
        drawn: weight of brows that are drawn down.
    """

    nods: tuple[float, float]
    shakes: float
    smile: float
    mirrored: float
    drawn: float


LISTENING_STYLES: dict[Attitude, ListeningStyle] = {
    "positive": ListeningStyle((0.95, 0.7), 0.0, 0.22, 0.6, 0.0),
    "neutral": ListeningStyle((0.45, 0.4), 0.0, 0.0, 0.4, 0.0),
    "negative": ListeningStyle((0.04, 0.05), 0.25, -0.15, 0.1, 0.22),
}
_TURNED = 0.65
"""Share of the other's turn of the head that the listener's goes along."""


@dataclass(frozen=True)
class HeardSpeech:
    """What somebody hears over a scene of T frames, and when they are free to react.

    Attributes:
        partner: (T,) int, who is listened to, an index into the cast; -1 = nobody.
        free: (T,) float32, 1 where they say nothing themselves and hear somebody, falling to 0 around that.
        ends: frames at which phrases of those who are listened to end.
        attitudes: (T,) of :data:`ATTITUDES`, by index.
        key: seeds it.
    """

    partner: np.ndarray
    free: np.ndarray
    ends: Sequence[int]
    attitudes: np.ndarray
    key: str


ATTITUDES: tuple[Attitude, ...] = ("positive", "neutral", "negative")


@dataclass(frozen=True)
class _Pulse:
    channel: int
    frame: float
    rise: float
    fall: float
    height: float


class Listener:
    """A face that listens, window after window of a scene; what it does depends on nothing later.

    Args:
        heard: by whom it reacts, and how.
    """

    def __init__(self, heard: HeardSpeech) -> None:
        self._heard = heard
        self._pulses: list[_Pulse] = []
        self._last = -_BETWEEN
        self._before = np.zeros((BEFORE, N_CHANNELS), np.float32)

    def react(self, first: int, seen: np.ndarray) -> np.ndarray:
        """What is added to the listener's motion in the window that follows the one before.

        Args:
            first: frame at which the window begins; it follows the window before.
            seen: (n, 57) motion of the partner in each of its frames.

        Returns:
            (n, 57) float32.
        """
        stop = first + len(seen)
        known = np.concatenate([self._before, seen])
        self._before = known[-BEFORE:].copy()
        self._nod(first, stop, known)
        own = slice(first, stop)
        free = self._heard.free[own]
        out = np.zeros((len(seen), N_CHANNELS), np.float32)
        times = np.arange(first, stop)
        self._pulses = [p for p in self._pulses if p.frame + p.fall * FPS > first]
        for p in self._pulses:
            t = (times - p.frame) / FPS
            out[:, p.channel] += p.height * np.where(t < 0, smoothstep(1 + t / p.rise), smoothstep(1 - t / p.fall))
        out[:, _YAW] += _TURNED * _late(known, _TURN_DELAY, 3.0)[:, _YAW]
        self._mirror(out, own, _late(known, _SMILE_DELAY, 3.0))
        # the face goes along as the head turns about the neck
        out[:, _SHIFT[0]] = 0.5 * out[:, _YAW]
        out[:, _SHIFT[1]] = -0.5 * out[:, _PITCH]
        out[:, _SHIFT[2]] = 0.9 * out[:, _PITCH]
        return np.asarray(out * free[:, None], np.float32)

    def _mirror(self, out: np.ndarray, own: slice, seen: np.ndarray) -> None:
        """Smile and brows: those of the attitude, and a share of the other's."""
        levels = np.array(
            [[LISTENING_STYLES[a].smile, LISTENING_STYLES[a].mirrored, LISTENING_STYLES[a].drawn] for a in ATTITUDES]
        )
        wide = np.pad(self._heard.attitudes, (FPS, FPS), mode="edge")[own.start : own.stop + 2 * FPS]
        smile, mirrored, drawn = gaussian_filter1d(levels[wide], 0.3 * FPS, axis=0)[FPS:-FPS].T
        smile = smile + mirrored * seen[:, _SMILE].mean(1)
        for channel in _SMILE:
            out[:, channel] += smile
        for channel in _CHEEKS:
            out[:, channel] += 0.5 * smile
        for channel in _DRAWN:
            out[:, channel] += drawn + mirrored * seen[:, channel]
        for channel in (_INNER, *_OUTER):
            out[:, channel] += mirrored * seen[:, channel]

    def _nod(self, first: int, stop: int, known: np.ndarray) -> None:
        """Nods and shakes that begin in a window, or in the frames before it that were not sure then."""
        earliest, latest = (frame - _UNSURE for frame in (first, stop))
        pitch = known[:, _PITCH]
        peaks = find_peaks(pitch, prominence=_LEAST_NOD, wlen=2 * FPS)[0] + first - BEFORE
        found = [(int(frame), False) for frame in peaks if earliest <= frame < latest]
        found += [(frame, True) for frame in self._heard.ends if earliest <= frame < latest]
        for frame, phrase in sorted(found):
            if frame - self._last < _BETWEEN or self._heard.free[max(frame, 0)] < 0.3:
                continue
            style = LISTENING_STYLES[ATTITUDES[int(self._heard.attitudes[max(frame, 0)])]]
            rng = np.random.default_rng(seed_of(self._heard.key, str(frame)))
            if rng.random() < style.nods[0 if phrase else 1]:
                self._add_nod(frame, rng)
            elif phrase and rng.random() < style.shakes:
                self._add_shake(frame, rng)

    def _add_nod(self, frame: int, rng: np.random.Generator) -> None:
        self._last = frame
        low = frame + rng.uniform(0.55, 0.75) * FPS
        depth = rng.uniform(0.06, 0.11)
        for beat in range(int(rng.integers(1, 3))):
            self._pulses.append(_Pulse(_PITCH, low + 0.42 * beat * FPS, 0.2, 0.24, depth * 0.7**beat))

    def _add_shake(self, frame: int, rng: np.random.Generator) -> None:
        self._last = frame
        at, height = frame + rng.uniform(0.6, 0.8) * FPS, rng.uniform(0.05, 0.08) * rng.choice([-1.0, 1.0])
        for beat in range(3):
            self._pulses.append(_Pulse(_YAW, at + 0.3 * beat * FPS, 0.22, 0.22, height * (-0.85) ** beat))


def _late(known: np.ndarray, delay: int, width: float) -> np.ndarray:
    """What was seen some frames ago, smoothed over those before it, for each frame after :data:`BEFORE`."""
    reach = int(3 * width)
    smooth = gaussian_filter1d(known, width, axis=0, mode="nearest", radius=reach)
    return np.asarray(smooth[BEFORE - delay - reach : len(known) - delay - reach])
