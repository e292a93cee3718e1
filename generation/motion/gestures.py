"""Head, brow, gaze and listener gestures as training motion, drawn by seeded generators.

Amounts and timing follow the literature on conversation: head nods and brow raises on stressed syllables (Munhall et
al. 2004; Krahmer and Swerts 2007), listeners who nod in the speaker's pauses. The lips are left alone, but for a
listener's faint smile; gaze and blinks are those of :mod:`generation.motion.gaze`.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from generation.core.arrays import runs, smoothstep
from generation.core.clock import FPS
from generation.core.motion import INDEX, N_CHANNELS
from generation.motion.behaviour.blinks import blink_frames, write_blinks
from generation.motion.gaze import Cues, held_turns, phrase_ends, write_gaze
from generation.text.timed_phonemes import TimedPhonemes

_PITCH, _YAW, _ROLL = (INDEX[f"headRotation{axis}"] for axis in "XYZ")
_SHIFT = tuple(INDEX[f"headTranslation{axis}"] for axis in "XYZ")
LARGEST_TURN = 0.2
"""Head rotation about any axis stays below this, radians."""


def stress_track(timed: TimedPhonemes, n_frames: int) -> np.ndarray:
    """1 in the frame at the middle of each syllable nucleus with primary stress, (T,) float32."""
    track = np.zeros(n_frames, np.float32)
    frames = (timed.stress_times() * FPS).astype(int)
    track[frames[frames < n_frames]] = 1.0
    return track


def gestures(cues: Cues, seed: int, liveliness: float = 1.0) -> np.ndarray:
    """Motion of one person except the lips.

    Args:
        cues: T frames.
        seed: the same seed and cues give the same motion.
        liveliness: scales head and brows; blinks and gaze keep their rates.

    Returns:
        (T, 57) float32 to be added to a lip track; jaw and lip channels are zero but for a listener's smile.
    """
    rng = np.random.default_rng(seed)
    n = len(cues.stress)
    out = np.zeros((n, N_CHANNELS), np.float32)
    talks = held_turns(cues.speaking)
    _drift(out, talks, liveliness, rng)
    _beats(out, cues.stress, liveliness, rng)
    _listen(out, cues, 1 - talks, liveliness, rng)
    write_gaze(out, cues, talks, out[:, _PITCH : _ROLL + 1].copy(), rng)
    write_blinks(out, blink_frames(n, phrase_ends(cues), rng), rng)
    out[:, :51] = np.clip(out[:, :51], 0, 1)
    turn = slice(_PITCH, _ROLL + 1)
    out[:, turn] = LARGEST_TURN * np.tanh(out[:, turn] / LARGEST_TURN)
    return out


def _noise(n: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit variance whose bumps last about ``seconds``."""
    width = seconds * FPS
    pad = int(4 * width)
    scale = np.sqrt(2 * np.sqrt(np.pi) * width)  # a Gaussian of this width leaves 1 / scale² of white noise's variance
    return gaussian_filter1d(rng.standard_normal(n + 2 * pad), width)[pad : pad + n] * scale


def _drift(out: np.ndarray, talks: np.ndarray, liveliness: float, rng: np.random.Generator) -> None:
    """Slow sway, and a quicker one while speaking."""
    n = len(out)
    for channel, slow, quick in ((_PITCH, 0.016, 0.012), (_YAW, 0.024, 0.012), (_ROLL, 0.012, 0.008)):
        out[:, channel] += liveliness * (slow * _noise(n, 1.2, rng) + quick * talks * _noise(n, 0.28, rng))
    for channel, amount in zip(_SHIFT, (0.010, 0.006, 0.010), strict=True):
        out[:, channel] += liveliness * amount * _noise(n, 1.0, rng)
    # A head turns about the neck, a good inter-ocular distance below and behind the eyes, so the face moves along.
    out[:, _SHIFT[0]] += 0.5 * out[:, _YAW] - 0.9 * out[:, _ROLL]
    out[:, _SHIFT[1]] -= 0.5 * out[:, _PITCH]
    out[:, _SHIFT[2]] += 0.9 * out[:, _PITCH]


def pulse(n: int, frame: float, rise: float, fall: float) -> np.ndarray:
    """A bump of height 1 at ``frame`` that rises and falls smoothly in that many seconds, (T,)."""
    t = (np.arange(n) - frame) / FPS
    return np.where(t < 0, smoothstep(1 + t / rise), smoothstep(1 - t / fall))


def _beats(out: np.ndarray, stress: np.ndarray, liveliness: float, rng: np.random.Generator) -> None:
    """Nods and brow raises on stressed syllables, at least 0.5 s apart; nods are lowest just after the vowel."""
    n = len(out)
    last_nod = last_raise = -FPS
    for frame in np.flatnonzero(stress > 0):
        strength = liveliness * float(stress[frame])
        if frame - last_nod > 0.5 * FPS and rng.random() < 0.45:
            low = frame + rng.uniform(0.0, 2.0)
            depth = strength * rng.uniform(0.025, 0.075)
            rise = rng.uniform(0.18, 0.26)
            out[:, _PITCH] += depth * pulse(n, low, rise, rng.uniform(0.28, 0.45))
            out[:, _PITCH] -= 0.25 * depth * pulse(n, low - 1.6 * rise * FPS, 0.2, rise)
            last_nod = frame
        if frame - last_raise > 0.7 * FPS and rng.random() < (0.55 if last_nod == frame else 0.2):
            raise_brows(out, frame + rng.uniform(-2.0, 1.0), strength * rng.uniform(0.2, 0.55), rng)
            last_raise = frame


def raise_brows(out: np.ndarray, frame: float, height: float, rng: np.random.Generator) -> None:
    """Adds a raise of both brows to (T, 57), highest at ``frame``; the eyes widen a little."""
    bump = height * pulse(len(out), frame, 0.2, rng.uniform(0.3, 0.6))
    out[:, INDEX["browInnerUp"]] += bump
    outer = rng.uniform(0.5, 0.9)
    for side in ("Left", "Right"):
        out[:, INDEX[f"browOuterUp{side}"]] += bump * outer * rng.uniform(0.85, 1.0)
        out[:, INDEX[f"eyeWide{side}"]] += 0.2 * bump


def _listen(out: np.ndarray, cues: Cues, listens: np.ndarray, liveliness: float, rng: np.random.Generator) -> None:
    """Nods when the other pauses, now and then in between, the head turned a little to the speaker, a faint smile."""
    n = len(out)
    hears = smoothstep(1.5 * gaussian_filter1d(np.asarray(cues.heard, np.float64), 0.4 * FPS)) * listens
    side = gaussian_filter1d(np.asarray(cues.side, np.float64), 0.25 * FPS)
    out[:, _YAW] += 0.07 * side * hears
    last = -2 * FPS
    heard = np.asarray(cues.heard) > 0.5
    pauses = {start for start, stop in runs(~heard) if start > 0 and stop - start >= 3}
    for frame in range(n):
        chance = 0.6 if frame in pauses else 0.10 / FPS * float(heard[frame])
        if frame - last > FPS and listens[frame] > 0.6 and rng.random() < chance:
            last = frame
            start = frame + rng.uniform(0.1, 0.35) * FPS
            depth = liveliness * rng.uniform(0.03, 0.07)
            for beat in range(int(rng.integers(1, 4))):
                low = start + (0.2 + 0.42 * beat) * FPS
                out[:, _PITCH] += depth * 0.7**beat * pulse(n, low, 0.21, 0.24)
            if rng.random() < 0.25:
                raise_brows(out, start, liveliness * rng.uniform(0.15, 0.35), rng)
    smile = rng.uniform(0.04, 0.12) * (1 + 0.4 * _noise(n, 1.5, rng)) * hears
    for channel in ("mouthSmileLeft", "mouthSmileRight"):
        out[:, INDEX[channel]] += np.clip(smile, 0, 0.2)
    for channel in ("cheekSquintLeft", "cheekSquintRight"):
        out[:, INDEX[channel]] += np.clip(0.5 * smile, 0, 0.1)
