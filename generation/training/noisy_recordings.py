"""Recordings as users bring them, for training: speech with music or noise, heard through the speech mask."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from generation.core.clock import SAMPLE_RATE
from generation.data.background_sounds import music, noise
from generation.recordings.recorded_speech import speech_log_mel

logger = logging.getLogger(__name__)
PIECES, SECONDS = 120, 8
"""Of music and of noise, each."""
_LEAST_DB, _MOST_DB = 3.0, 30.0
"""Speech over the other sound: at less, a fifth of it is not heard."""


class NoisyRecordings:
    """Mixes sounds into speech and hears the speech again, as it is done with a user's recording.

    Args:
        folder: where the sounds are kept once they are drawn.
        pieces: of each kind.
    """

    def __init__(self, folder: Path, pieces: int = PIECES) -> None:
        path = folder / "background.npy"
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            logger.info("drawing %d pieces of music and noise", 2 * pieces)
            random = np.random.default_rng(0)
            drawn = [draw(SECONDS, random)[: SECONDS * SAMPLE_RATE] for draw in (music, noise) for _ in range(pieces)]
            np.save(path, np.stack(drawn).astype(np.float16))
        self._sounds = np.load(path, mmap_mode="r")

    def __call__(self, waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Log-mel (4 T, 100) of what is heard of the speech (960 T,) at 24 kHz under some music or noise."""
        sound = np.asarray(self._sounds[random.integers(len(self._sounds))], np.float32)
        sound = np.resize(np.roll(sound, int(random.integers(len(sound)))), len(waveform))
        level = np.sqrt(np.square(waveform).mean() / max(float(np.square(sound).mean()), 1e-12))
        return speech_log_mel(waveform + level * 10 ** (-random.uniform(_LEAST_DB, _MOST_DB) / 20) * sound)
