"""Speech in music and noise: the share of each mel band that is speech and whether somebody speaks, without torch.

The network is that of :mod:`generation.models.speech_mask`, run in numpy: ``parley check`` loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from generation.core.assets import asset
from generation.core.clock import N_MELS

WEIGHTS = "speech_mask.safetensors"
LOUD_LEVEL = -4.0
"""Natural log of mel amplitude to which the loud frames are brought for the network."""
_DILATIONS = (1, 2, 4, 8, 16, 32, 1)
_FAINTEST = 6.0
"""Natural log of amplitude below the loud frames (52 dB) under which a band is as good as silent."""
_REACH = 130
"""Frames of 10 ms that the network looks either way."""
_CHUNK = 6000


@dataclass(frozen=True)
class SpeechShares:
    """What is speech in M frames of 10 ms.

    Attributes:
        bands: (M, 100) float32, natural log of the share of speech in each mel band, at most 0.
        presence: (M,) float32, how sure it is that somebody speaks, 0..1.
    """

    bands: np.ndarray
    presence: np.ndarray


def level_of_loud_frames(mel: np.ndarray) -> float:
    """Natural log of the amplitude of a log-mel's (M, 100) loud frames, the 95th percentile."""
    return 0.5 * float(np.log(np.quantile(np.exp(2 * mel.astype(np.float64)).mean(1), 0.95) + 1e-12))


def speech_mask(mel: np.ndarray) -> SpeechShares:
    """Where and how much speech there is in a log-mel (M, 100); its level does not matter."""
    shifted = mel.astype(np.float64) + LOUD_LEVEL - level_of_loud_frames(mel)
    # Digital silence between sounds says nothing about them, and a soft recording has none.
    shifted = (0.5 * np.logaddexp(2 * shifted, 2 * (LOUD_LEVEL - _FAINTEST))).astype(np.float32)
    parts = []
    for first in range(0, len(mel), _CHUNK):
        begin = max(0, first - _REACH)
        out = _run(shifted[begin : first + _CHUNK + _REACH])
        parts.append(out[first - begin : first - begin + _CHUNK])
    out = np.concatenate(parts) if parts else np.zeros((0, N_MELS + 1), np.float32)
    return SpeechShares(-np.logaddexp(0, -out[:, :N_MELS]), 1 / (1 + np.exp(-out[:, N_MELS])))


@lru_cache(maxsize=2)
def _weights(path: str) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return {name: array.astype(np.float32) for name, array in load_file(path).items()}


def _run(mel: np.ndarray) -> np.ndarray:
    """The network on (M, 100): (M, 101), mask and presence before their sigmoids."""
    weights = _weights(str(asset(WEIGHTS)))

    def dense(name: str, h: np.ndarray) -> np.ndarray:
        return h @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    h = dense("narrow", np.maximum(dense("widen", (mel + 7) / 3), 0))
    for number, dilation in enumerate(_DILATIONS):
        kernel = weights[f"blocks.{number}.kernel"]
        reach = len(kernel) // 2 * dilation
        padded = np.pad(h, ((reach, reach), (0, 0)))
        across = sum(kernel[tap] * padded[tap * dilation : tap * dilation + len(h)] for tap in range(len(kernel)))
        h = h + dense(f"blocks.{number}.mix", np.maximum(across + weights[f"blocks.{number}.shift"], 0))
    return dense("head", np.maximum(h, 0))
