"""How long each phoneme lasts: a small convolutional network over the symbols, told the voice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from generation.features import Features
from generation.grid import MELS_PER_FRAME
from generation.loading import load_strict
from generation.resources import asset
from generation.text import SYMBOL_INDEX
from generation.vocoder import ConvNeXtBlock

_PADDING = len(SYMBOL_INDEX)
_LEAD = 16
_TAIL = 32
"""Longest silence (10 ms each) kept before the first sound and after the last; the scene's pauses are its own."""


class DurationModel(ModelMixin, ConfigMixin):
    """Log duration of every symbol at speed 1."""

    @register_to_config
    def __init__(self, voice_dim: int = 64, dim: int = 160, num_layers: int = 6) -> None:
        super().__init__()
        self.embed = nn.Embedding(_PADDING + 1, dim)
        self.voice = nn.Linear(voice_dim + 1, dim)
        self.blocks = nn.ModuleList(ConvNeXtBlock(dim, 3 * dim, 0.3) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 1)

    def forward(self, symbols: Tensor, voice: Tensor) -> Tensor:
        """Symbols (B, L) int64 and voices (B, voice_dim + 1) -> natural log of the mel frames of each, (B, L)."""
        h = (self.embed(symbols) + self.voice(voice)[:, None]).transpose(1, 2)
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h.transpose(1, 2)))[..., 0].float() + 1.5

    @classmethod
    def from_pretrained(cls, folder: Path | None = None, **options: object) -> DurationModel:
        """Strictly loads a folder, by default the one that ships."""
        if options:
            return super().from_pretrained(folder, **options)
        return load_strict(cls, folder or asset("durations"))

    @torch.no_grad()
    def predict(self, phonemes: str, voice: np.ndarray | None, speed: float = 1.0) -> tuple[int, ...]:
        """Mel frames (10 ms) of each symbol.

        Args:
            phonemes: L symbols with a pause ``" "`` at both ends.
            voice: (64,) float32, or None for nobody's.
            speed: 2 = twice as fast.

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
        lengths = self(symbols, torch.from_numpy(vector)[None])[0].exp().numpy() / speed
        lengths[0] = min(lengths[0], _LEAD)
        silent_tail = len(phonemes) - len(phonemes.rstrip(" .,!?;:"))
        tail = lengths[-silent_tail:].sum() if silent_tail else 0.0
        if tail > _TAIL:
            lengths[-silent_tail:] *= _TAIL / tail
        boundaries = np.round(np.cumsum(lengths)).astype(int)
        whole = np.maximum(np.diff(boundaries, prepend=0), 1)
        whole[-1] += -whole.sum() % MELS_PER_FRAME
        return tuple(int(n) for n in whole)


def duration_batches(
    features: Features, voice_names: list[str], table: np.ndarray, size: int
) -> Callable[[torch.Generator], tuple[Tensor, Tensor, Tensor]]:
    """Whole training utterances: symbols (B, L), voices (B, 65) and durations at speed 1 (B, L), 0 in the padding."""
    rows = [u for u in features.split("train") if set(u.voices) <= set(voice_names)]

    def batch(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        chosen = [rows[i] for i in torch.randint(len(rows), (size,), generator=generator).tolist()]
        longest = max(len(u.phonemes) for u in chosen)
        symbols = torch.full((size, longest), _PADDING)
        voices, durations = torch.zeros(size, table.shape[1] + 1), torch.zeros(size, longest)
        known = torch.rand(size, generator=generator) > 0.1
        for i, u in enumerate(chosen):
            symbols[i, : len(u.phonemes)] = torch.tensor([SYMBOL_INDEX[s] for s in u.phonemes])
            durations[i, : len(u.phonemes)] = torch.tensor(u.durations) * u.speed
            if known[i]:
                vector = sum(w * table[voice_names.index(v)] for v, w in u.voices.items())
                voices[i] = torch.from_numpy(np.append(vector, 1).astype(np.float32))
        return symbols, voices, durations

    return batch


def duration_loss(model: DurationModel, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Huber distance of the logs, plus the relative error of each sentence's length, which a mean of logs shortens."""
    symbols, voices, durations = batch
    found = model(symbols, voices)
    real = durations > 0
    distance = nn.functional.smooth_l1_loss(found[real], durations[real].log(), beta=0.3)
    length = (found.exp() * real).sum(1) / durations.sum(1) - 1
    return distance + 0.2 * length.abs().mean(), {"length_error": float(length.abs().mean().detach())}
