"""Mel refiner: convolutions at mel rate that add detail to the spectrum predicted per token.

A token of 40 ms carries 400 numbers through a residual stream of 256; harmonics do not fit. The head sees the noisy
spectrum itself, frame by frame, as the skip connections of a U-Net do (arXiv 1505.04597).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from generation.core.clock import MELS_PER_FRAME, N_MELS

_DETAIL = 40
"""What each mel frame gets from its token."""


class MelBlock(nn.Module):
    """A residual convolution over time, modulated by the condition."""

    def __init__(self, dim: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, elementwise_affine=False, eps=1e-6)
        self.modulation = nn.Linear(condition, 2 * dim)
        self.neighbours = nn.Linear(3 * dim, dim)
        self.mix = nn.Linear(dim, dim)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor, joined: Tensor | None) -> Tensor:
        """(N, 4 T, dim), (N, 1 or T, C) and (N, 4 T + 1, 1), 1 = a frame sees the one before it -> (N, 4 T, dim)."""
        modulation = self.modulation(condition)
        if modulation.shape[1] > 1:
            modulation = modulation.repeat_interleave(MELS_PER_FRAME, 1)
        shift, scale = modulation.chunk(2, dim=-1)
        h = self.norm(x) * (1 + scale) + shift
        # A convolution of width 3 as one matrix product, which is faster on a CPU, above all backwards.
        around = pad(h, (0, 0, 1, 1))
        before, after = around[:, :-2], around[:, 2:]
        if joined is not None:
            before, after = before * joined[:, :-1], after * joined[:, 1:]
        h = self.neighbours(torch.cat((before, h, after), -1))
        return x + self.mix(gelu(h, approximate="tanh"))


class MelHead(nn.Module):
    """Corrects a predicted clean spectrum; starts as no correction at all.

    Args:
        audio_dim: width of an audio token in the residual stream.
        condition_dim: width of the condition (noise level and voice).
        dim: width at mel rate.
        num_blocks: convolutions; each sees one mel frame to either side.
    """

    def __init__(self, audio_dim: int, condition_dim: int, dim: int, num_blocks: int) -> None:
        super().__init__()
        self.detail = nn.Linear(audio_dim, MELS_PER_FRAME * _DETAIL)
        self.enter = nn.Linear(2 * N_MELS + _DETAIL, dim)
        self.blocks = nn.ModuleList(MelBlock(dim, condition_dim) for _ in range(num_blocks))
        self.leave = nn.Linear(dim, N_MELS)
        self.keep = nn.Linear(condition_dim, N_MELS)
        for layer in (self.leave, self.keep):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, noisy: Tensor, coarse: Tensor, tokens: Tensor, condition: Tensor, line_numbers: Tensor | None
    ) -> Tensor:
        """The corrected spectrum.

        Args:
            noisy: (B, K, T, 400) what the network was given.
            coarse: (B, K, T, 400) the clean spectrum as predicted from the tokens.
            tokens: (B, K, T, audio_dim) last audio tokens.
            condition: (B, K, 1 or T, C).
            line_numbers: (B, K, T) int64; frames of different line_numbers do not see each other. None = one segment.

        Returns:
            (B, K, T, 400).
        """
        frames = [t.unflatten(-1, (MELS_PER_FRAME, -1)).flatten(2, 3) for t in (noisy, coarse, self.detail(tokens))]
        h = self.enter(torch.cat([f.to(frames[2].dtype) for f in frames], -1)).flatten(0, 1)
        joined = None if line_numbers is None else _joined(line_numbers.flatten(0, 1)).to(h.dtype)
        for block in self.blocks:
            h = block(h, condition.flatten(0, 1), joined)
        correction = self.leave(h).unflatten(0, noisy.shape[:2]).unflatten(2, (-1, MELS_PER_FRAME)).flatten(-2)
        # At low noise what comes in is nearly clean already: how much of it stays is learnt for each band.
        kept = self.keep(condition).repeat(1, 1, 1, MELS_PER_FRAME)
        return coarse + correction + kept * (noisy - coarse)


def _joined(line_numbers: Tensor) -> Tensor:
    """(N, T) -> (N, 4 T + 1, 1), 1 where mel frame i - 1 is of the segment of mel frame i."""
    at_mel_rate = pad(line_numbers.repeat_interleave(MELS_PER_FRAME, 1), (1, 1), value=-1)
    return (at_mel_rate[:, 1:] == at_mel_rate[:, :-1])[..., None]
