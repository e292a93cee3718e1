"""Vocoder: a ConvNeXt network predicts the amplitude spectrum from log-mel and pitch, Griffin-Lim its phase.

Sources: Vocos (arXiv 2306.00814) for the backbone; Perraudin, Balazs, Sondergaard, "A fast Griffin-Lim algorithm"
(2013) for the phase; harmonics of a tracked pitch as in neural source-filter models (Wang et al. 2019).
"""

from __future__ import annotations

from math import log

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from generation.audio.mel import istft, mel_to_amplitude, stft
from generation.audio.pitch import harmonics, pulses, track_pitch
from generation.core.clock import HOP, LOG_FLOOR, N_FFT, N_MELS, SAMPLE_RATE
from generation.models.convnext import ConvNeXtBlock

TEXTURE = (0.1, 0.8)
"""Spread of the natural-log amplitude at 0 Hz and at 12 kHz that is added in decoding."""
_MIDDLE_PITCH = 160.0
_ROUNDS_BETWEEN = 4
"""Times as many rounds where a sound is to join what is known on both sides."""
_REACH = (N_FFT - HOP) // 2
_VOICED = 0.3
"""Voicing above which phases start as a voice's."""
_ORDERED = (5000.0, 9000.0)
"""Hz up to which a voice's phases are in order, and from which on they are not."""


class Vocoder(ModelMixin, ConfigMixin):
    """Predicts the log amplitude spectrum of speech from its log-mel spectrogram and its pitch.

    The network adds to the pseudo-inverse of the mel filters a residual and, as much as it finds right in each bin, the
    harmonics of the pitch; an untrained one is plain mel inversion. Mel bands above 2 kHz are wider than harmonics are
    apart, and a spectrogram that was sampled has hardly any of them: the pitch says where they belong.
    """

    @register_to_config
    def __init__(self, dim: int = 256, hidden: int = 768, num_layers: int = 8) -> None:
        super().__init__()
        self.embed = nn.Conv1d(N_MELS + 2, dim, 7, padding=3)
        self.norm = nn.LayerNorm(dim)
        self.blocks = nn.ModuleList(ConvNeXtBlock(dim, hidden, 1 / num_layers) for _ in range(num_layers))
        self.final_norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 2 * (N_FFT // 2 + 1))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, mel: Tensor, pitch: Tensor) -> Tensor:
        """Log-mel (B, M, 100) and pitch (B, M, 2), Hz and voicing -> log of the amplitudes (B, M, 513), all float32."""
        hertz, voicing = pitch[..., :1], pitch[..., 1:]
        told = torch.cat((mel / 4, voicing, (hertz / _MIDDLE_PITCH).log2()), -1)
        h = self.embed(told.to(self.embed.weight.dtype).transpose(1, 2))
        h = self.norm(h.transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            h = block(h)
        residual, share = self.head(self.final_norm(h.transpose(1, 2))).float().chunk(2, -1)
        return mel_to_amplitude(mel.float()).log() + residual + share * harmonics(hertz[..., 0])

    @torch.no_grad()
    def decode(
        self,
        mel: Tensor,
        iterations: int = 12,
        momentum: float = 0.99,
        known: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Sound of a log-mel spectrogram.

        The network gives the median of each amplitude; breath and friction fluctuate around it. Log-normal noise that
        grows from low to high frequencies brings that texture back, without which such sounds ring. Phases start as
        those of pulses at the pitch where there is a voice, elsewhere by chance.

        Args:
            mel: (B, M, 100) float32, natural log.
            iterations: rounds of fast Griffin-Lim.
            momentum: its acceleration.
            known: sound that is there already, (B, 240 M), and how much of each sample it is, 0 to 1: what is made
                between continues its phases.

        Returns:
            (B, 240 M) float32 at 24 kHz; the same mel gives the same samples.
        """
        pitch = pitch_of(mel.cpu().numpy()).to(mel.device)
        median = self(mel, pitch).clamp(max=8.0).transpose(1, 2)
        seed = torch.Generator().manual_seed(0)
        spread = torch.linspace(*TEXTURE, median.shape[1])[:, None]
        texture = (spread * torch.randn(median.shape, generator=seed)).to(median.device)
        amplitude = torch.where(median > log(2 * LOG_FLOOR), (median + texture).exp(), 0.0)
        chance = (torch.rand(amplitude.shape, generator=seed) * (2 * torch.pi)).to(amplitude.device)
        voiced = (pitch[:, None, :, 1] > _VOICED).float()
        high = torch.linspace(0, SAMPLE_RATE / 2, median.shape[1], device=mel.device)[None, :, None]
        loose = (1 - voiced + ((high - _ORDERED[0]) / (_ORDERED[1] - _ORDERED[0])).clamp(0, 1)).clamp(max=1)
        phase = stft(pulses(pitch[..., 0])).angle() + loose * chance
        if known is not None:
            iterations *= _ROUNDS_BETWEEN
            phase = torch.where(_all_known(known[1]), stft(known[0]).angle(), phase)
        spectrum, previous = torch.polar(amplitude, phase), None
        for _ in range(iterations):
            consistent = stft(_with(known, istft(spectrum)))
            ahead = consistent if previous is None else consistent + momentum * (consistent - previous)
            previous = consistent
            spectrum = amplitude * ahead / ahead.abs().clamp(min=1e-8)
        return _with(known, istft(spectrum))


def _with(known: tuple[Tensor, Tensor] | None, sound: Tensor) -> Tensor:
    """Sound (B, S) with what is known of it in its place."""
    return sound if known is None else known[1] * known[0] + (1 - known[1]) * sound


def _all_known(share: Tensor) -> Tensor:
    """Frames (B, 1, M) around which every sample is known: (B, 240 M) shares of each."""
    lacking = torch.nn.functional.pad(1 - share, (_REACH, _REACH))
    return torch.nn.functional.max_pool1d(lacking[:, None], HOP + 2 * _REACH, HOP) == 0


def pitch_of(mel: np.ndarray) -> Tensor:
    """Pitch as :class:`Vocoder` is told it, Hz and voicing: (B, M, 100) -> (B, M, 2) float32."""
    tracks = [track_pitch(each) for each in mel]
    return torch.from_numpy(np.stack([np.stack((track.hertz, track.voicing), -1) for track in tracks]))
