"""A performance of three people to give eyes to, and the gaze that comes of it."""

from __future__ import annotations

import numpy as np

from generation.core.clock import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from generation.core.motion import INDEX, N_CHANNELS, MotionTrack
from generation.core.performance import CharacterPerformance, Performance
from generation.motion.gaze import GazeSpan


def across(motion: np.ndarray) -> np.ndarray:
    """Gaze to the picture's right, (T,)."""
    weight = {name: motion[:, INDEX[f"eyeLook{name}"]] for name in ("OutLeft", "InRight", "InLeft", "OutRight")}
    return (weight["OutLeft"] + weight["InRight"] - weight["InLeft"] - weight["OutRight"]) / 2


def scene(spans: list[GazeSpan], speaks: int | None = 0) -> Performance:
    """Three people over the spans; ``speaks`` talks from 0.3 s after each begins until 0.3 s before it ends."""
    n = spans[-1].stop
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE  # repeats every second
    tone = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20)) * (1.2 + np.sin(2 * np.pi * 4 * t)) * 0.08
    tone = np.resize(tone, n * SAMPLES_PER_FRAME)
    talk = np.zeros(n, bool)
    for span in spans:
        talk[span.start + 8 : span.stop - 8] = True
    parts = []
    for k, name in enumerate("ABC"):
        speech = (tone * np.repeat(talk, SAMPLES_PER_FRAME) * (k == speaks)).astype(np.float32)
        motion = np.full((n, N_CHANNELS), 0.03 * k, np.float32)
        parts.append(CharacterPerformance(name, speech, MotionTrack(motion)))
    return Performance(tuple(parts), n)


def cut(seconds: list[float]) -> list[GazeSpan]:
    ends = np.cumsum(np.round(np.array(seconds) * FPS)).astype(int)
    return [GazeSpan(int(a), int(b), f"line {i}") for i, (a, b) in enumerate(zip([0, *ends], ends, strict=False))]
