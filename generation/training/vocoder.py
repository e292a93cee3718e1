"""Training of the vocoder: batches of worsened log-mel spectrograms with their recordings, and the spectral loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from generation.audio.mel import mel_spectrogram, stft
from generation.audio.pitch import envelope
from generation.core.clock import LOG_FLOOR
from generation.data.corpus import SpeechCorpus, waveform_batches
from generation.models.vocoder import Vocoder, pitch_of

_MOST_NOISE = 0.25
"""Largest spread of the noise in the ripples that the network learns to set right."""

_FAINT = -7.0
"""Log-mel below which there is nothing to hear."""


def vocoder_batches(
    features: SpeechCorpus, size: int, n_frames: int
) -> Callable[[torch.Generator], tuple[Tensor, ...]]:
    """Random crops of training recordings: sound (B, 960 n), worsened log-mel (B, 4 n, 100), true pitch (B, 4 n, 2).

    The ripples of sampled spectrograms are too flat and too smooth. So each crop keeps a random share of its own, with
    noise of a random speed among them, and the network learns to set them right by the pitch.
    """
    crops = waveform_batches(features, size, n_frames)

    def batch(generator: torch.Generator) -> tuple[Tensor, ...]:
        waveform = crops(generator)
        mel = mel_spectrogram(waveform).numpy()
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        worse = np.stack([_worsened(each, rng) for each in mel])
        return waveform, torch.from_numpy(worse), pitch_of(mel)

    return batch


def _worsened(mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    smooth = envelope(mel)
    kept = rng.random()
    noise = gaussian_filter1d(rng.standard_normal(mel.shape).astype(np.float32), 0.3 + 2.5 * rng.random(), axis=0)
    noise *= _MOST_NOISE * rng.random() * (1 - 0.6 * kept) / noise.std()
    audible = ((mel.max(1, keepdims=True) - _FAINT) / 2).clip(0, 1)
    return smooth + np.float32(kept) * (mel - smooth) + audible * (noise - envelope(noise))


def vocoder_loss(vocoder: Vocoder, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """:func:`spectral_distance` on a batch of :func:`vocoder_batches`."""
    waveform, mel, pitch = batch
    return spectral_distance(vocoder(mel, pitch), waveform)


def spectral_distance(predicted: Tensor, waveform: Tensor) -> Tensor:
    """L1 distance of log amplitudes (B, M, 513) to those of the sound (B, 240 M), plus spectral convergence."""
    target = stft(waveform).abs().clamp(min=LOG_FLOOR).transpose(1, 2)
    log_l1 = (predicted - target.log()).abs().mean()
    convergence = (predicted.exp() - target).norm() / target.norm().clamp(min=1e-3)
    return log_l1 + 0.5 * convergence
