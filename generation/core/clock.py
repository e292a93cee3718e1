"""Frame, mel and sample rates (25 fps, 100 Hz, 24 kHz), the mel grid, and conversions between them: their only home.

One video frame (40 ms) is one token of either stream, four mel frames and 960 samples, exactly.
"""

import math

FPS = 25
SAMPLE_RATE = 24_000
N_FFT = 1024
HOP = 240
N_MELS = 100
LOG_FLOOR = 1e-5
"""Least mel amplitude: digital silence becomes log(1e-5) = -11.5."""
MEL_RATE = SAMPLE_RATE // HOP
MELS_PER_FRAME = MEL_RATE // FPS
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS


def frames_from_seconds(seconds: float) -> int:
    """Nearest whole video frame (40 ms) to a time in seconds."""
    return round(seconds * FPS)


def frames_covering_samples(n_samples: int) -> int:
    """Least number of video frames that hold ``n_samples`` samples at 24 kHz."""
    return math.ceil(n_samples / SAMPLES_PER_FRAME)


def frames_covering_mels(n_mels: int) -> int:
    """Least number of video frames that hold ``n_mels`` mel frames (10 ms each)."""
    return math.ceil(n_mels / MELS_PER_FRAME)


def seconds_from_frames(n_frames: int) -> float:
    """Length in seconds of ``n_frames`` video frames."""
    return n_frames / FPS


def samples_from_frames(n_frames: int) -> int:
    """Number of 24 kHz samples in ``n_frames`` video frames."""
    return n_frames * SAMPLES_PER_FRAME


def mels_from_frames(n_frames: int) -> int:
    """Number of mel frames (10 ms) in ``n_frames`` video frames."""
    return n_frames * MELS_PER_FRAME
