"""Latent normalisation (mean and standard deviation) of log-mel and motion, token packing, and their inverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from generation.core.clock import LOG_FLOOR, MELS_PER_FRAME, N_MELS
from generation.models.joint_inputs import AUDIO_CHANNELS
from generation.models.transformer import JointTransformer


@dataclass(frozen=True)
class LatentNormalizer:
    """Means and spreads that turn log-mel (100) and motion (57) into latents and back."""

    mel_mean: np.ndarray
    mel_std: np.ndarray
    motion_mean: np.ndarray
    motion_std: np.ndarray

    @classmethod
    def of(cls, transformer: JointTransformer) -> LatentNormalizer:
        """The statistics that a model was trained with."""
        return cls.of_config(transformer.config)

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> LatentNormalizer:
        """The same from the model's configuration."""
        names = ("mel_mean", "mel_std", "motion_mean", "motion_std")
        return cls(*(np.asarray(config[name], np.float32) for name in names))

    def audio(self, mel: np.ndarray) -> np.ndarray:
        """Log-mel (4 T, 100) -> tokens (T, 400)."""
        return ((mel - self.mel_mean) / self.mel_std).reshape(-1, AUDIO_CHANNELS).astype(np.float32)

    def mel(self, audio: np.ndarray) -> np.ndarray:
        """Tokens (T, 400) -> log-mel (4 T, 100)."""
        return audio.reshape(-1, N_MELS) * self.mel_std + self.mel_mean

    def silence(self, n_frames: int) -> np.ndarray:
        """Tokens (T, 400) of digital silence."""
        return self.audio(np.full((MELS_PER_FRAME * n_frames, N_MELS), np.log(LOG_FLOOR), np.float32))

    def motion(self, values: np.ndarray) -> np.ndarray:
        """Motion frames (T, 57) -> latents."""
        return ((values - self.motion_mean) / self.motion_std).astype(np.float32)

    def motion_values(self, latent: np.ndarray) -> np.ndarray:
        """Latents (T, 57) -> motion frames."""
        return latent * self.motion_std + self.motion_mean
