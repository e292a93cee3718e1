"""Reactions of a listener to what they see of the one who speaks, as training labels, drawn by a seeded generator.

Three rules, each with its delay; none moves the lips, and none depends on a listener's attitude:

- a nod 0.25 to 0.45 s after most nods of the speaker, which mark stresses, and after each end of a phrase (Dittmann and
  Llewellyn 1968; Hadar et al. 1985);
- brows raised 0.3 to 0.5 s after most raises of the speaker's, six tenths as high (mimicry: Chartrand and Bargh 1999);
- gaze that follows the speaker's head 0.2 s later.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from generation.core.arrays import runs
from generation.core.clock import FPS
from generation.core.motion import INDEX, N_CHANNELS, REACTING, TRANSLATION
from generation.motion.gaze import aim_eyes, held_turns
from generation.motion.gestures import pulse, raise_brows

_PITCH, _BROWS = INDEX["headRotationX"], INDEX["browInnerUp"]
_REACTING = np.isin(np.arange(N_CHANNELS), [INDEX[name] for name in REACTING])
_LEAST_NOD, _LEAST_RAISE = 0.025, 0.12
"""Prominence of a speaker's nod in radians, and of a raise of their brows, to which a listener reacts."""
_BETWEEN_NODS = 0.7 * FPS
_GAZE_DELAY, _GAZE_GAIN = round(0.2 * FPS), 4.0
"""Frames, and gaze weight for a speaker's head that has moved by an inter-ocular distance."""


def reactions(seen: np.ndarray, speaking: np.ndarray, own: np.ndarray, seed: int) -> np.ndarray:
    """What the sight of somebody adds to a listener's motion.

    Args:
        seen: (T, 57) motion of the one who is seen.
        speaking: (T,) their voice, 0..1.
        own: (T,) the listener's own voice, 0..1; who holds the turn does not react.
        seed: the same seed gives the same reactions.

    Returns:
        (T, 57) float32, zero but for the channels of :data:`generation.core.motion.REACTING`.
    """
    rng = np.random.default_rng(seed)
    out = np.zeros((len(seen), N_CHANNELS), np.float32)
    talks = held_turns(speaking)
    _nod(out, find_peaks(seen[:, _PITCH] * talks, prominence=_LEAST_NOD)[0], speaking, rng)
    for frame in find_peaks(seen[:, _BROWS] * talks, prominence=_LEAST_RAISE)[0]:
        if rng.random() < 0.7:
            raise_brows(out, frame + rng.uniform(0.3, 0.5) * FPS, 0.6 * float(seen[frame, _BROWS]), rng)
    _follow(out, seen, talks)
    return out * _REACTING * (1 - held_turns(own))[:, None].astype(np.float32)


def _nod(out: np.ndarray, nods: np.ndarray, speaking: np.ndarray, rng: np.random.Generator) -> None:
    """Nods after most of the speaker's at ``nods`` and after each end of a phrase, not in quick succession."""
    ends = [start for start, stop in runs(speaking <= 0.5) if start > 0 and stop - start >= 3]
    last = -_BETWEEN_NODS
    for frame in sorted([*ends, *(frame for frame in nods if rng.random() < 0.7)]):
        if frame - last >= _BETWEEN_NODS:
            low = frame + rng.uniform(0.25, 0.45) * FPS
            out[:, _PITCH] += rng.uniform(0.03, 0.07) * pulse(len(out), low, 0.21, 0.24)
            last = frame


def _follow(out: np.ndarray, seen: np.ndarray, talks: np.ndarray) -> None:
    """Gaze that goes with the speaker's head, across and up."""
    moved = gaussian_filter1d(seen[:, TRANSLATION][:, :2], 2.0, axis=0) * talks[:, None]
    late = _GAZE_GAIN * np.pad(moved, ((_GAZE_DELAY, 0), (0, 0)))[: len(out)]
    aim_eyes(out, *late.T)
