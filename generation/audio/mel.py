"""STFT, log-mel spectrogram on the project's clock, and their inverses."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
import torch
from torch import Tensor

from generation.audio.mel_bands import mel_filter_bank
from generation.core.clock import HOP, LOG_FLOOR, N_FFT, N_MELS

_PAD = (N_FFT - HOP) // 2


@cache
def _window(device: torch.device) -> Tensor:
    return torch.hann_window(N_FFT, device=device)


@cache
def mel_filters(device: torch.device) -> Tensor:
    """:func:`generation.audio.mel_bands.mel_filter_bank` as a tensor, (513, 100) float32."""
    return torch.as_tensor(mel_filter_bank(), device=device)


def stft(waveform: Tensor) -> Tensor:
    """Spectrum whose frame k is centred on sample 240 k + 120.

    Args:
        waveform: (B, S) float32 at 24 kHz, S a multiple of 240.

    Returns:
        (B, 513, S / 240) complex64.
    """
    padded = torch.nn.functional.pad(waveform, (_PAD, _PAD))
    return torch.stft(padded, N_FFT, HOP, window=_window(waveform.device), center=False, return_complex=True)


def istft(spectrum: Tensor) -> Tensor:
    """Least-squares inverse of :func:`stft` by weighted overlap-add: (B, 513, M) complex64 -> (B, 240 M) float32."""
    n_mels = spectrum.shape[-1]
    frames = torch.fft.irfft(spectrum, N_FFT, dim=1) * _window(spectrum.device)[:, None]
    return (_overlap_add(frames) / _overlapping_windows(n_mels, spectrum.device))[:, _PAD : _PAD + n_mels * HOP]


def _overlap_add(frames: Tensor) -> Tensor:
    length = (frames.shape[-1] - 1) * HOP + N_FFT
    return torch.nn.functional.fold(frames, (1, length), (1, N_FFT), stride=(1, HOP))[:, 0, 0]


@lru_cache(maxsize=4)
def _overlapping_windows(n_mels: int, device: torch.device) -> Tensor:
    """What overlap-add weighs each sample with; the same in all rounds of Griffin-Lim."""
    return _overlap_add(_window(device).square()[None, :, None].expand(1, -1, n_mels)).clamp(min=1e-8)


def mel_spectrogram(waveform: Tensor) -> Tensor:
    """Natural log of the mel amplitude spectrum.

    Args:
        waveform: (..., S) float32 at 24 kHz in [-1, 1], S a multiple of 240.

    Returns:
        (..., S / 240, 100) float32, at least log(1e-5).
    """
    flat = waveform.reshape(-1, waveform.shape[-1])
    amplitude = stft(flat).abs().transpose(1, 2) @ mel_filters(waveform.device)
    return amplitude.clamp(min=LOG_FLOOR).log().reshape(*waveform.shape[:-1], -1, N_MELS)


def mel_to_amplitude(mel: Tensor) -> Tensor:
    """Linear amplitude spectrum by the pseudo-inverse of the mel filters: (..., M, 100) -> (..., M, 513)."""
    return (mel.exp() @ _pseudo_inverse(mel.device)).clamp(min=LOG_FLOOR)


@cache
def _pseudo_inverse(device: torch.device) -> Tensor:
    return torch.linalg.pinv(mel_filters(device))


def match_loudness(mel: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Log-mel (M, 100) scaled so that each frame has the mean power that it has in ``like`` (M, 100)."""
    powers = (np.exp(2 * each).mean(1, keepdims=True) for each in (like, mel))
    return mel + 0.5 * np.log(np.divide(*powers))
