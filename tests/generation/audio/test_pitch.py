"""Pitch read from ripples of mel spectrograms, and the harmonics and pulses that belong to one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generation.audio.mel import mel_spectrogram, stft
from generation.audio.pitch import envelope, harmonics, pulses, track_pitch
from generation.core.clock import HOP, N_FFT, SAMPLE_RATE


def voice(hertz: np.ndarray) -> torch.Tensor:
    """(S,) a buzz at a pitch (S,) through one broad resonance at 700 Hz."""
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    sound = sum(np.cos(k * phase) / (1 + (k * hertz / 700 - 1) ** 2) for k in range(1, 25))
    return torch.from_numpy((0.05 * sound).astype(np.float32))


@pytest.mark.parametrize("middle", [90.0, 130.0, 210.0, 330.0])
def test_a_gliding_voice_is_followed(middle: float) -> None:
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    hertz = middle * 2 ** (0.15 * np.sin(2 * np.pi * 1.2 * t))
    pitch = track_pitch(mel_spectrogram(voice(hertz)).numpy())
    true = hertz[HOP // 2 :: HOP]
    assert pitch.hertz.shape == pitch.voicing.shape == (100,) and pitch.hertz.dtype == np.float32
    off = np.abs(np.log2(pitch.hertz / true))[5:-5]
    assert np.median(off) < 0.02 and off.max() < 0.06
    assert pitch.voicing[5:-5].min() > 0.3


def test_noise_and_silence_are_not_voiced() -> None:
    noise = 0.05 * torch.randn(SAMPLE_RATE // 2, generator=torch.Generator().manual_seed(0))
    assert np.median(track_pitch(mel_spectrogram(noise).numpy()).voicing) < 0.45
    assert track_pitch(mel_spectrogram(torch.zeros(4800)).numpy()).voicing.max() < 0.01


def test_the_envelope_has_no_ripples_and_keeps_slopes() -> None:
    bands = np.arange(100, dtype=np.float32)
    slope = -3 - 0.05 * bands[None]
    rippled = slope + 0.5 * np.cos(np.pi * bands)
    assert np.abs(envelope(rippled) - slope)[:, 10:-10].max() < 0.01


def test_harmonics_are_where_a_row_of_pulses_has_them() -> None:
    hertz = torch.tensor([[100.0] * 40, [233.0] * 40])
    sound = pulses(hertz)
    assert sound.shape == (2, 40 * HOP) and sound.dtype == torch.float32 and torch.isfinite(sound).all()
    heard, expected = stft(sound).abs()[:, :400, 20], harmonics(hertz[:, 20]).exp()[:, :400]
    assert expected.shape == (2, 400) and harmonics(hertz).shape == (2, 40, N_FFT // 2 + 1)
    for a, b in zip(heard / heard.amax(1, keepdim=True), expected, strict=True):
        assert float(torch.corrcoef(torch.stack((a, b)))[0, 1]) > 0.98
    # One bin beside a harmonic the Hann window's lobe is at one half, where its formula is 0 / 0.
    beside = harmonics(torch.tensor([SAMPLE_RATE / N_FFT * 8]))[0]
    assert torch.allclose(beside[[8, 9, 12]].exp(), torch.tensor([1.0, 0.5, 0.0183]), atol=1e-3)
