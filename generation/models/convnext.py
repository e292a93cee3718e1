"""ConvNeXt block over time (arXiv 2201.03545), shared by vocoder, duration predictor and speaker encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
