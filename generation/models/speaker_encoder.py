"""Speaker encoder: network from a log-mel spectrogram to the speaker embedding of the joint model."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from generation.core.clock import N_MELS
from generation.models.convnext import ConvNeXtBlock


class SpeakerEncoder(ModelMixin, ConfigMixin):
    """Log-mel of speech -> speaker embedding, by convolutions and attentive statistics over time (arXiv 1803.10963)."""

    @register_to_config
    def __init__(self, voice_dim: int = 64, dim: int = 128, num_layers: int = 4) -> None:
        super().__init__()
        self.embed = nn.Conv1d(N_MELS, dim, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(ConvNeXtBlock(dim, 2 * dim, 0.5) for _ in range(num_layers))
        self.attention = nn.Linear(dim, 1)
        self.head = nn.Sequential(nn.Linear(2 * dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, voice_dim))

    def forward(self, mel: Tensor) -> Tensor:
        """(B, M, 100) natural-log mel -> (B, voice_dim); loudness does not matter."""
        level = mel.exp().mean((1, 2), keepdim=True).log()
        h = self.embed(((mel - level) / 3).clamp(min=-4).transpose(1, 2))
        for block in self.blocks:
            h = block(h)
        h = h.transpose(1, 2)
        weight = self.attention(h).softmax(1)
        mean = (weight * h).sum(1)
        spread = (weight * (h - mean[:, None]).square()).sum(1).clamp(min=1e-6).sqrt()
        return self.head(torch.cat((mean, spread), -1))
