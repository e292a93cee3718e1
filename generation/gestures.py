"""Head, brows, gaze and blinks that go with speaking and listening: seeded generators that make training motion.

Amounts and timing follow the literature on conversation: about 17 blinks a minute, gathered at phrase ends (Bentivoglio
et al. 1997; Hömke et al. 2018), head nods and brow raises on stressed syllables (Munhall et al. 2004; Krahmer and
Swerts 2007), listeners who nod in the speaker's pauses and look at the speaker (Argyle and Cook 1976). The lips are
left alone, but for a listener's faint smile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from generation.grid import FPS
from generation.motion import INDEX, N_CHANNELS
from generation.phonetics import TimedPhonemes, runs

_PITCH, _YAW, _ROLL = (INDEX[f"headRotation{axis}"] for axis in "XYZ")
_SHIFT = tuple(INDEX[f"headTranslation{axis}"] for axis in "XYZ")
_LONGEST_STARE = 4.4
_SHORTEST_STARE = 1.2
LARGEST_TURN = 0.2
"""Head rotation about any axis stays below this, radians."""


@dataclass(frozen=True)
class Cues:
    """What a person does and hears, on the 25 frames/s clock; every array is (T,).

    Attributes:
        stress: strength 0..1 in the frame of each stressed syllable's middle, 0 elsewhere.
        speaking: the person's own voice, 0..1.
        heard: the others' voices, 0..1.
        side: where the one who is heard sits in the picture, -1 (left) .. 1 (right); 0 = the viewer's direction.
    """

    stress: np.ndarray
    speaking: np.ndarray
    heard: np.ndarray
    side: np.ndarray

    def __post_init__(self) -> None:
        lengths = {name: np.shape(getattr(self, name)) for name in ("stress", "speaking", "heard", "side")}
        if len(set(lengths.values())) != 1 or len(np.shape(self.stress)) != 1:
            raise ValueError(f"Gesture cues must be arrays of one length; got {lengths}.")

    @classmethod
    def monologue(cls, stress: np.ndarray, speaking: np.ndarray) -> Cues:
        """One person who speaks to the viewer and hears nobody."""
        none = np.zeros(len(stress), np.float32)
        return cls(stress, speaking, none, none)


def stress_track(timed: TimedPhonemes, n_frames: int) -> np.ndarray:
    """1 in the frame at the middle of each syllable nucleus with primary stress, (T,) float32."""
    track = np.zeros(n_frames, np.float32)
    frames = (timed.stress_times() * FPS).astype(int)
    track[frames[frames < n_frames]] = 1.0
    return track


def gestures(cues: Cues, seed: int, liveliness: float = 1.0) -> np.ndarray:
    """Everything but the lips for one person.

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
    talks = _talking(cues.speaking)
    _drift(out, talks, liveliness, rng)
    _beats(out, cues.stress, liveliness, rng)
    _listen(out, cues, 1 - talks, liveliness, rng)
    _look(out, cues, talks, rng)
    _blink(out, blink_frames(n, _phrase_ends(cues), rng), rng)
    out[:, :51] = np.clip(out[:, :51], 0, 1)
    turn = slice(_PITCH, _ROLL + 1)
    out[:, turn] = LARGEST_TURN * np.tanh(out[:, turn] / LARGEST_TURN)
    return out


def blink_frames(n_frames: int, phrase_ends: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Frames at which the lids are shut: every 1.2 to 4.4 s, drawn to ends of phrases.

    Args:
        n_frames: length of the track.
        phrase_ends: (T,) bool.
        rng: source of chance.
    """
    frames: list[int] = []
    last = -FPS * rng.uniform(0.0, 2.5)
    while True:
        wait = np.clip(rng.gamma(6.0, 0.6), _SHORTEST_STARE, _LONGEST_STARE)
        target = last + FPS * wait
        window = np.arange(max(0, int(last + FPS * _SHORTEST_STARE)), int(last + FPS * _LONGEST_STARE))
        ends = window[(window < n_frames) & (np.abs(window - target) < 1.3 * FPS)]
        ends = ends[phrase_ends[ends] > 0]
        if len(ends) and rng.random() < 0.75:
            target = ends[np.argmin(np.abs(ends - target))] + rng.integers(0, 6)
        frame = int(round(target))
        if frame >= n_frames:
            return frames
        if frame >= 0:
            frames.append(frame)
            if rng.random() < 0.05 and frame + 9 < n_frames:
                frames.append(frame + 9)
        last = float(max(frame, last + 1))


def _blink(out: np.ndarray, frames: list[int], rng: np.random.Generator) -> None:
    """Lids shut in 100 ms and open in 150 ms; brows, lower lids and gaze follow a little, the head does not."""
    times = np.arange(len(out)) / FPS
    for frame in frames:
        t = times - frame / FPS
        lid = np.where(t < 0, _ease(1 + t / 0.10), 1 - _ease((t - 0.02) / 0.15)) * rng.uniform(0.93, 1.0)
        for side in ("Left", "Right"):
            blink = INDEX[f"eyeBlink{side}"]
            out[:, blink] = np.maximum(out[:, blink], lid * rng.uniform(0.97, 1.0))
            out[:, INDEX[f"eyeSquint{side}"]] += 0.10 * lid
            out[:, INDEX[f"browDown{side}"]] += 0.04 * lid
            out[:, INDEX[f"eyeLookDown{side}"]] += 0.10 * lid


def _ease(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _talking(speaking: np.ndarray) -> np.ndarray:
    """1 while a person holds the turn: gaps of the voice under 0.8 s are bridged, edges take 0.4 s."""
    voiced = np.asarray(speaking, np.float64) > 0.5
    held = voiced.copy()
    for start, stop in runs(~voiced):
        if 0 < start and stop < len(voiced) and stop - start < 0.8 * FPS:
            held[start:stop] = True
    return gaussian_filter1d(held.astype(np.float64), 0.16 * FPS)


def _phrase_ends(cues: Cues) -> np.ndarray:
    """Frames just after a voice, one's own or another's, fell silent for at least 120 ms."""
    ends = np.zeros(len(cues.stress), bool)
    for voice in (cues.speaking, cues.heard):
        for start, stop in runs(np.asarray(voice) <= 0.5):
            if start > 0 and stop - start >= 3:
                ends[start : start + 3] = True
    return ends


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


def _pulse(n: int, frame: float, rise: float, fall: float) -> np.ndarray:
    """A bump of height 1 at ``frame`` that rises and falls smoothly in that many seconds, (T,)."""
    t = (np.arange(n) - frame) / FPS
    return np.where(t < 0, _ease(1 + t / rise), _ease(1 - t / fall))


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
            out[:, _PITCH] += depth * _pulse(n, low, rise, rng.uniform(0.28, 0.45))
            out[:, _PITCH] -= 0.25 * depth * _pulse(n, low - 1.6 * rise * FPS, 0.2, rise)
            last_nod = frame
        if frame - last_raise > 0.7 * FPS and rng.random() < (0.55 if last_nod == frame else 0.2):
            _raise_brows(out, frame + rng.uniform(-2.0, 1.0), strength * rng.uniform(0.2, 0.55), rng)
            last_raise = frame


def _raise_brows(out: np.ndarray, frame: float, height: float, rng: np.random.Generator) -> None:
    bump = height * _pulse(len(out), frame, 0.2, rng.uniform(0.3, 0.6))
    out[:, INDEX["browInnerUp"]] += bump
    outer = rng.uniform(0.5, 0.9)
    for side in ("Left", "Right"):
        out[:, INDEX[f"browOuterUp{side}"]] += bump * outer * rng.uniform(0.85, 1.0)
        out[:, INDEX[f"eyeWide{side}"]] += 0.2 * bump


def _listen(out: np.ndarray, cues: Cues, listens: np.ndarray, liveliness: float, rng: np.random.Generator) -> None:
    """Nods when the other pauses, now and then in between, the head turned a little to the speaker, a faint smile."""
    n = len(out)
    hears = _ease(1.5 * gaussian_filter1d(np.asarray(cues.heard, np.float64), 0.4 * FPS)) * listens
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
                out[:, _PITCH] += depth * 0.7**beat * _pulse(n, low, 0.21, 0.24)
            if rng.random() < 0.25:
                _raise_brows(out, start, liveliness * rng.uniform(0.15, 0.35), rng)
    smile = rng.uniform(0.04, 0.12) * (1 + 0.4 * _noise(n, 1.5, rng)) * hears
    for channel in ("mouthSmileLeft", "mouthSmileRight"):
        out[:, INDEX[channel]] += np.clip(smile, 0, 0.2)
    for channel in ("cheekSquintLeft", "cheekSquintRight"):
        out[:, INDEX[channel]] += np.clip(0.5 * smile, 0, 0.1)


def _look(out: np.ndarray, cues: Cues, talks: np.ndarray, rng: np.random.Generator) -> None:
    """Fixations of 0.5 to 2.5 s joined by saccades: at the viewer, at the one who speaks, or briefly away."""
    n = len(out)
    across, up = np.zeros(n), np.zeros(n)
    frame = 0
    while frame < n:
        stop = min(n, frame + max(8, min(int(FPS * rng.gamma(4.0, 0.3)), 2 * FPS)))
        hears = float(cues.heard[frame]) > 0.5 and talks[frame] < 0.5
        if hears and rng.random() < 0.7:
            aim = (0.45 * float(cues.side[frame]), 0.0)
        elif not hears and talks[frame] > 0.5 and rng.random() < 0.2:
            aim = (rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 0.28), rng.uniform(-0.2, 0.15))
            stop = min(stop, frame + int(0.9 * FPS))
        else:
            aim = (0.0, 0.0)
        across[frame:stop], up[frame:stop] = aim + rng.normal(0, 0.015, 2)
        frame = stop
    # A saccade of this size takes 40 to 50 ms: about one frame; eyes keep their aim while the head turns.
    across = gaussian_filter1d(across, 0.45) - 0.8 * out[:, _YAW]
    up = gaussian_filter1d(up, 0.45) + 0.8 * out[:, _PITCH]
    right, left = np.clip(across, 0, None), np.clip(-across, 0, None)
    for name, amount in (("OutLeft", right), ("InRight", right), ("InLeft", left), ("OutRight", left)):
        out[:, INDEX[f"eyeLook{name}"]] += amount
    for side in ("Left", "Right"):
        out[:, INDEX[f"eyeLookUp{side}"]] += np.clip(up, 0, None)
        out[:, INDEX[f"eyeLookDown{side}"]] += np.clip(-up, 0, None)


def speaking_track(pause: np.ndarray) -> np.ndarray:
    """Voice activity (T,) float32 from silence at 100 Hz (4 T,) bool: a frame speaks if most of its 40 ms do."""
    return (np.asarray(pause, np.float32).reshape(-1, 4).mean(1) < 0.5).astype(np.float32)
