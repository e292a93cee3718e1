"""Speech and motion statistics of a style: pace, pitch, brightness, mouth, head, brows, lids and gaze."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import welch

from generation.audio.effects import pitch_curve
from generation.audio.voice_activity import speech_frames
from generation.core.arrays import runs
from generation.core.clock import FPS, MELS_PER_FRAME, SAMPLE_RATE
from generation.core.motion import INDEX, ROTATION

UNITS = {
    "rate": "phonemes/s", "voiced_share": "share of speech", "pitch": "semitones above 100 Hz", "pitch_range":
    "semitones", "brightness": "dB", "level": "dB", "jaw": "weight", "closure": "share of p, b and m", "head_speed":
    "rad/s", "head_range": "rad", "head_down": "rad", "brows": "weight", "lids": "weight", "blinks": "per minute",
    "gaze_aversion": "share",
}  # fmt: skip
_SHUT, _AVERTED = 0.6, 0.12
_BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")
_MEANT = " ,.:;?!ˈˌː"


def speech_figures(waveform: np.ndarray, phonemes: str = "", durations: Sequence[int] = ()) -> dict[str, float]:
    """Figures of one line's sound.

    Args:
        waveform: (960 T,) float32, 24 kHz.
        phonemes: what was said; empty = no rate.
        durations: mel frames of each.

    Returns:
        ``rate`` over the whole line, pauses included; ``pitch`` (median) and ``pitch_range`` (standard deviation) where
        there is a pitch; ``voiced_share`` of the frames with speech; ``brightness``: power above 2 kHz over that below;
        ``level`` of the frames with speech.
    """
    found: dict[str, float] = {}
    if phonemes:
        sounds = sum(symbol not in _MEANT for symbol in phonemes)
        found["rate"] = sounds / (sum(durations) / (FPS * MELS_PER_FRAME))
    frames = waveform[: len(waveform) // 960 * 960].reshape(-1, 960)
    spoken = frames[speech_frames(frames.ravel())]
    found["level"] = float(10 * np.log10(np.square(spoken.astype(np.float64)).mean() + 1e-10))
    frequencies, power = welch(spoken.ravel(), SAMPLE_RATE, nperseg=960)
    high = frequencies > 2000
    found["brightness"] = float(10 * np.log10(power[high].sum() / max(power[~high].sum(), 1e-12) + 1e-9))
    curve = pitch_curve(waveform)
    found["voiced_share"] = 0.0
    if curve is not None:
        pitch, voiced, _ = curve
        found["voiced_share"] = min(1.0, float(voiced.sum()) / max(spoken.size, 1))
        found |= {"pitch": float(np.median(pitch[voiced])), "pitch_range": float(pitch[voiced].std())}
    return found


def motion_figures(motion: np.ndarray) -> dict[str, float]:
    """Figures of motion (T, 57), T at least 2.

    Returns:
        ``jaw``: 90th percentile of jawOpen; ``head_speed`` (root mean square), ``head_range`` (standard deviation),
        ``head_down`` (mean); ``brows``: 90th percentile of the inner brow; ``lids``: how far they hang, the median;
        ``blinks`` a minute; ``gaze_aversion``: share of time in which the eyes look down or aside.
    """
    turn = motion[:, ROTATION].astype(np.float64)
    lids = motion[:, [INDEX[name] for name in _BLINKS]].mean(1)
    looks = {side: motion[:, INDEX[f"eyeLook{side}Left"]] for side in ("In", "Out", "Down", "Up")}
    aside = np.hypot(looks["Out"] - looks["In"], np.maximum(looks["Down"] - looks["Up"], 0))
    return {
        "jaw": float(np.quantile(motion[:, INDEX["jawOpen"]], 0.9)),
        "head_speed": float(np.sqrt(np.square(np.diff(turn, axis=0) * FPS).sum(1).mean())),
        "head_range": float(np.sqrt(turn.var(0).sum())),
        "head_down": float(turn[:, 0].mean()),
        "brows": float(np.quantile(motion[:, INDEX["browInnerUp"]], 0.9)),
        "lids": float(np.median(lids)),
        "blinks": len([1 for start, _ in runs(lids > _SHUT) if start > 0]) * 60 * FPS / len(motion),
        "gaze_aversion": float((aside > _AVERTED).mean()),
    }


def mean_figures(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure over those lines that have it."""
    names = dict.fromkeys(name for one in found for name in one)
    return {name: float(np.mean([one[name] for one in found if name in one])) for name in names}
