"""Speech mask: a small network that hears how much of each mel band is speech, and whether anybody speaks."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from generation.core.clock import N_MELS


class _Block(nn.Module):
    """A convolution over time of each channel by itself, then one of all channels, added to what came in."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.across_time = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, groups=width)
        self.across_channels = nn.Conv1d(width, width, 1)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.across_channels(torch.relu(self.across_time(h)))


class SpeechMask(ModelMixin, ConfigMixin):
    """Log-mel of anything -> log of the share of speech in each band, and the logit of somebody speaking.

    A dilated convolutional network over 1.3 s either way (after Conv-TasNet, arXiv 1809.07454, far smaller). It is
    run by :mod:`generation.audio.speech_mask` without torch.
    """

    @register_to_config
    def __init__(self, width: int = 44, wide: int = 56, dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 1)) -> None:
        super().__init__()
        self.widen = nn.Conv1d(N_MELS, wide, 1)
        self.narrow = nn.Conv1d(wide, width, 1)
        self.blocks = nn.ModuleList(_Block(width, dilation) for dilation in dilations)
        self.head = nn.Conv1d(width, N_MELS + 1, 1)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """(B, M, 100) log-mel, its loud frames at a level of about -4 -> log mask (B, M, 100) <= 0, logit (B, M)."""
        h = torch.relu(self.widen((mel.transpose(1, 2) + 7) / 3))
        h = self.narrow(h)
        for block in self.blocks:
            h = block(h)
        out = self.head(torch.relu(h)).transpose(1, 2)
        return nn.functional.logsigmoid(out[..., :N_MELS]), out[..., N_MELS]
