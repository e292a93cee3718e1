"""Mel spectrogram to sound: a ConvNeXt network gives the amplitude spectrum, fast Griffin-Lim finds its phase.

Sources: Vocos (arXiv 2306.00814) for the backbone; Perraudin, Balazs, Sondergaard, "A fast Griffin-Lim algorithm"
(2013) for the phase.
"""

from __future__ import annotations

from math import log

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from generation.grid import N_FFT, N_MELS
from generation.mel import LOG_FLOOR, istft, mel_spectrogram, mel_to_amplitude, stft

TEXTURE = (0.1, 0.6)
"""Spread of the natural-log amplitude at 0 Hz and at 12 kHz that is added in decoding."""


class ConvNeXtBlock(nn.Module):
    """Depth-wise convolution over time and a two-layer perceptron, residual: (B, C, M) -> (B, C, M)."""

    def __init__(self, dim: int, hidden: int, layer_scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, hidden)
        self.contract = nn.Linear(hidden, dim)
        self.scale = nn.Parameter(torch.full((dim,), layer_scale))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, M) -> (B, C, M)."""
        h = self.norm(self.depthwise(x).transpose(1, 2))
        h = self.contract(nn.functional.gelu(self.expand(h), approximate="tanh"))
        return x + (self.scale * h).transpose(1, 2)


class Vocoder(ModelMixin, ConfigMixin):
    """Predicts the log amplitude spectrum of speech from its log-mel spectrogram.

    The network adds a residual to the pseudo-inverse of the mel filters, so an untrained one is plain mel inversion.
    """

    @register_to_config
    def __init__(self, dim: int = 256, hidden: int = 768, num_layers: int = 8) -> None:
        super().__init__()
        bins = N_FFT // 2 + 1
        self.embed = nn.Conv1d(N_MELS, dim, 7, padding=3)
        self.norm = nn.LayerNorm(dim)
        self.blocks = nn.ModuleList(ConvNeXtBlock(dim, hidden, 1 / num_layers) for _ in range(num_layers))
        self.final_norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, bins)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, mel: Tensor) -> Tensor:
        """Log-mel (B, M, 100) -> natural log of the amplitude spectrum (B, M, 513), both float32."""
        h = self.embed(mel.to(self.embed.weight.dtype).transpose(1, 2) / 4)
        h = self.norm(h.transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            h = block(h)
        residual = self.head(self.final_norm(h.transpose(1, 2)))
        return mel_to_amplitude(mel.float()).log() + residual.float()

    @torch.no_grad()
    def decode(self, mel: Tensor, iterations: int = 32, momentum: float = 0.99) -> Tensor:
        """Sound of a log-mel spectrogram.

        The network gives the median of each amplitude; breath and friction fluctuate around it. Log-normal noise that
        grows from low to high frequencies brings that texture back, without which such sounds ring.

        Args:
            mel: (B, M, 100) float32, natural log.
            iterations: rounds of fast Griffin-Lim.
            momentum: its acceleration.

        Returns:
            (B, 240 M) float32 at 24 kHz; the same mel gives the same samples.
        """
        median = self(mel).clamp(max=8.0).transpose(1, 2)
        seed = torch.Generator().manual_seed(0)
        spread = torch.linspace(*TEXTURE, median.shape[1])[:, None]
        texture = (spread * torch.randn(median.shape, generator=seed)).to(median.device)
        amplitude = torch.where(median > log(2 * LOG_FLOOR), (median + texture).exp(), 0.0)
        phase = torch.rand(amplitude.shape, generator=seed).to(amplitude.device) * (2 * torch.pi)
        spectrum, previous = torch.polar(amplitude, phase), None
        for _ in range(iterations):
            consistent = stft(istft(spectrum))
            ahead = consistent if previous is None else consistent + momentum * (consistent - previous)
            previous = consistent
            spectrum = amplitude * ahead / ahead.abs().clamp(min=1e-8)
        return istft(spectrum)


def vocoder_loss(vocoder: Vocoder, waveform: Tensor) -> Tensor:
    """L1 distance of log amplitudes plus spectral convergence, on recordings (B, S) and their own mel spectrograms."""
    target = stft(waveform).abs().clamp(min=LOG_FLOOR).transpose(1, 2)
    predicted = vocoder(mel_spectrogram(waveform))
    log_l1 = (predicted - target.log()).abs().mean()
    convergence = (predicted.exp() - target).norm() / target.norm().clamp(min=1e-3)
    return log_l1 + 0.5 * convergence
