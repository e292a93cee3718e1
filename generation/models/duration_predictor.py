"""How long each phoneme lasts: a small convolutional network, told symbols and voice, sampled by flow matching.

Source: rhythm as a flow as in VITS' stochastic duration predictor (arXiv 2106.06103), trained as the joint model is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from generation.core.assets import asset
from generation.core.clock import MELS_PER_FRAME
from generation.core.weights import load_strict
from generation.models.vocoder import ConvNeXtBlock
from generation.text.phonemizer import SYMBOL_INDEX
from generation.training.flow_matching_loss import velocity

if TYPE_CHECKING:
    from generation.data.duration_corpus import DurationExample

_PADDING = len(SYMBOL_INDEX)
_LEAD = 16
_TAIL = 32
"""Longest silence (10 ms each) kept before the first sound and after the last; the scene's pauses are its own."""
_MIDDLE, _SPREAD = 1.5, 0.6
"""Of log durations."""
_LEVELS = (1.0, 0.75, 0.5, 0.25)
_SORTED = 4
"""Batches drawn at once, of which one of like lengths is taken, so that little is padding."""
_TEMPERATURE = 0.7
"""Spread of the noise that a rhythm is sampled from."""


class DurationPredictor(ModelMixin, ConfigMixin):
    """Clean log durations of every symbol at speed 1, from noisy ones."""

    @register_to_config
    def __init__(self, voice_dim: int = 64, dim: int = 160, num_layers: int = 6) -> None:
        super().__init__()
        self.embed = nn.Embedding(_PADDING + 1, dim)
        self.voice = nn.Linear(voice_dim + 1, dim)
        self.noisy = nn.Linear(2, dim)
        nn.init.zeros_(self.noisy.weight)
        nn.init.zeros_(self.noisy.bias)
        self.blocks = nn.ModuleList(ConvNeXtBlock(dim, 3 * dim, 0.3) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 1)

    def forward(self, symbols: Tensor, voice: Tensor, noisy: Tensor, sigma: Tensor) -> Tensor:
        """Natural log of the mel frames of each symbol, (B, L) float32.

        Args:
            symbols: (B, L) int64.
            voice: (B, voice_dim + 1).
            noisy: (B, L) log durations, standardised, mixed with noise.
            sigma: (B,) noise level: noisy = (1 - sigma) clean + sigma noise.
        """
        told = torch.stack((noisy, sigma[:, None].expand_as(noisy)), -1)
        h = (self.embed(symbols) + self.voice(voice)[:, None] + self.noisy(told)).transpose(1, 2)
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h.transpose(1, 2)))[..., 0].float() + _MIDDLE

    @classmethod
    def from_pretrained(cls, folder: Path | None = None, **options: object) -> DurationPredictor:
        """Strictly loads a folder, by default the one that ships."""
        if options:
            return super().from_pretrained(folder, **options)
        return load_strict(cls, folder or asset("durations"))

    @torch.no_grad()
    def predict(
        self, phonemes: str, voice: np.ndarray | None, speed: float = 1.0, seed: int | None = None
    ) -> tuple[int, ...]:
        """Mel frames (10 ms) of each symbol.

        Args:
            phonemes: L symbols with a pause ``" "`` at both ends.
            voice: (64,) float32, or None for nobody's.
            speed: 2 = twice as fast.
            seed: of the rhythm; None = the most even one.

        Returns:
            L whole numbers, at least 1, whose sum is a multiple of 4.

        Raises:
            ValueError: no phonemes, or one that the model does not know.
        """
        unknown = sorted(set(phonemes) - set(SYMBOL_INDEX))
        if unknown or not phonemes:
            raise ValueError(f"No duration for {unknown or 'nothing'} in {phonemes!r}: use symbols of the inventory.")
        symbols = torch.tensor([[SYMBOL_INDEX[s] for s in phonemes]])
        vector = np.zeros(self.config.voice_dim + 1, np.float32)
        if voice is not None and np.any(voice):
            vector[:-1], vector[-1] = voice, 1
        lengths = self._sampled(symbols, torch.from_numpy(vector)[None], seed)[0].exp().numpy() / speed
        lengths[0] = min(lengths[0], _LEAD)
        silent_tail = len(phonemes) - len(phonemes.rstrip(" .,!?;:"))
        tail = lengths[-silent_tail:].sum() if silent_tail else 0.0
        if tail > _TAIL:
            lengths[-silent_tail:] *= _TAIL / tail
        boundaries = np.round(np.cumsum(lengths)).astype(int)
        whole = np.maximum(np.diff(boundaries, prepend=0), 1)
        whole[-1] += -whole.sum() % MELS_PER_FRAME
        return tuple(int(n) for n in whole)

    def _sampled(self, symbols: Tensor, voice: Tensor, seed: int | None) -> Tensor:
        """Log durations (1, L): Euler steps from noise, or what is expected when nothing is known."""
        x = torch.zeros(symbols.shape)
        if seed is None:
            return self(symbols, voice, x, torch.ones(1))
        x = _TEMPERATURE * torch.randn(symbols.shape, generator=torch.Generator().manual_seed(seed))
        for level, following in pairwise((*_LEVELS, 0.0)):
            clean = (self(symbols, voice, x, torch.tensor([level])) - _MIDDLE) / _SPREAD
            x = x + (following - level) * velocity(x, clean, level)
        return _MIDDLE + _SPREAD * x


def duration_batches(
    rhythms: Sequence[DurationExample], voice_names: list[str], table: np.ndarray, size: int
) -> Callable[[torch.Generator], tuple[Tensor, Tensor, Tensor]]:
    """Whole sentences of like length: symbols (B, L), voices (B, 65) and durations (B, L), 0 in the padding."""
    rows = [r for r in rhythms if set(r.voices) <= set(voice_names)]

    def batch(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        several = [rows[i] for i in torch.randint(len(rows), (_SORTED * size,), generator=generator).tolist()]
        several.sort(key=lambda r: len(r.phonemes))
        part = int(torch.randint(_SORTED, (1,), generator=generator)) * size
        chosen = several[part : part + size]
        longest = max(len(r.phonemes) for r in chosen)
        symbols = torch.full((size, longest), _PADDING)
        voices, durations = torch.zeros(size, table.shape[1] + 1), torch.zeros(size, longest)
        known = torch.rand(size, generator=generator) > 0.1
        for i, r in enumerate(chosen):
            symbols[i, : len(r.phonemes)] = torch.tensor([SYMBOL_INDEX[s] for s in r.phonemes])
            durations[i, : len(r.phonemes)] = torch.tensor(r.durations)
            if known[i]:
                vector = sum(w * table[voice_names.index(v)] for v, w in r.voices.items())
                voices[i] = torch.from_numpy(np.append(vector, 1).astype(np.float32))
        return symbols, voices, durations

    return batch


def duration_loss(model: DurationPredictor, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Huber distance of the logs at a random noise level, weighted by 1 / max(level, 0.2).

    At level 1 (one example in three, without any noise: the even rhythm) the relative error of each sentence's length
    is added, which a mean of logs shortens.
    """
    symbols, voices, durations = batch
    real = durations > 0
    clean = durations.clamp(min=1).log()
    even = torch.rand(len(clean), 1, device=clean.device) < 1 / 3
    sigma = torch.where(even, 1.0, torch.rand_like(clean[:, :1]))
    noise = torch.where(even, 0.0, torch.randn_like(clean))
    found = model(symbols, voices, ((1 - sigma) * (clean - _MIDDLE) / _SPREAD + sigma * noise) * real, sigma[:, 0])
    distance = nn.functional.smooth_l1_loss(found, clean, beta=0.3, reduction="none") / sigma.clamp(min=0.2)
    length = ((found.exp() * real).sum(1) / durations.sum(1) - 1).abs()
    even_length = (length * even[:, 0]).sum() / even.sum().clamp(min=1)
    return distance[real].mean() + 0.2 * even_length, {"length_error": float(even_length.detach())}
