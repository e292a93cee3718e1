"""Speech mask: a small network that hears how much of each mel band is speech, and whether anybody speaks."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from generation.core.clock import N_MELS

_TAPS = 5


class _Block(nn.Module):
    """A convolution over time of each channel by itself, then one of all channels, added to what came in."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.kernel = nn.Parameter(torch.randn(_TAPS, width) / _TAPS**0.5)
        self.shift = nn.Parameter(torch.zeros(width))
        self.mix = nn.Linear(width, width)

    def forward(self, h: Tensor) -> Tensor:
        # As shifted copies: on a CPU several times as fast as a grouped convolution.
        reach, n_frames = _TAPS // 2 * self.dilation, h.shape[1]
        padded = nn.functional.pad(h, (0, 0, reach, reach))
        across: Tensor = self.shift
        for tap in range(_TAPS):
            across = across + self.kernel[tap] * padded[:, tap * self.dilation : tap * self.dilation + n_frames]
        return h + self.mix(torch.relu(across))


class SpeechMask(ModelMixin, ConfigMixin):
    """Log-mel of anything -> log of the share of speech in each band, and the logit of somebody speaking.

    A dilated convolutional network over 1.3 s either way (after Conv-TasNet, arXiv 1809.07454, far smaller). It is
    run by :mod:`generation.recordings.speech_mask` without torch.
    """

    @register_to_config
    def __init__(self, width: int = 44, wide: int = 56, dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 1)) -> None:
        super().__init__()
        self.widen = nn.Linear(N_MELS, wide)
        self.narrow = nn.Linear(wide, width)
        self.blocks = nn.ModuleList(_Block(width, dilation) for dilation in dilations)
        self.head = nn.Linear(width, N_MELS + 1)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """(B, M, 100) log-mel, its loud frames at a level of about -4 -> log mask (B, M, 100) <= 0, logit (B, M)."""
        h = self.narrow(torch.relu(self.widen((mel + 7) / 3)))
        for block in self.blocks:
            h = block(h)
        out = self.head(torch.relu(h))
        return nn.functional.logsigmoid(out[..., :N_MELS]), out[..., N_MELS]
