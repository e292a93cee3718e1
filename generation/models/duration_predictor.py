"""Duration predictor: a convolutional network from symbols and speaker to durations, sampled by flow matching.

Source: rhythm as a flow as in VITS' stochastic duration predictor (arXiv 2106.06103), trained as the joint model is.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from generation.core.assets import asset
from generation.core.clock import MELS_PER_FRAME
from generation.core.weights import load_strict
from generation.models.convnext import ConvNeXtBlock
from generation.models.flow import velocity
from generation.models.joint_inputs import zero_embedding
from generation.text.ipa import SYMBOL_INDEX, UNKNOWN_SYMBOL, unknown_symbols
from generation.text.languages import LANGUAGE_INDEX

PADDING = UNKNOWN_SYMBOL
"""Symbol id that fills up shorter sentences of a batch."""
_LEAD = 16
_TAIL = 32
"""Longest silence (10 ms each) kept before the first sound and after the last; the scene's pauses are its own."""
LOG_MEAN, LOG_STD = 1.5, 0.6
"""Of the natural logs of durations in mel frames, for standardising."""
_LEVELS = (1.0, 0.75, 0.5, 0.25)
_TEMPERATURE = 0.7
"""Spread of the noise that a rhythm is sampled from."""


class DurationPredictor(ModelMixin, ConfigMixin):
    """Clean log durations of every symbol at speed 1, from noisy ones."""

    @register_to_config
    def __init__(
        self,
        voice_dim: int = 64,
        dim: int = 160,
        num_layers: int = 6,
        n_symbols: int = UNKNOWN_SYMBOL,
        n_languages: int = 1,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_symbols + 1, dim)
        self.voice = nn.Linear(voice_dim + 1, dim)
        self.noisy = nn.Linear(2, dim)
        nn.init.zeros_(self.noisy.weight)
        nn.init.zeros_(self.noisy.bias)
        self.blocks = nn.ModuleList(ConvNeXtBlock(dim, 3 * dim, 0.3) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 1)
        self.languages = zero_embedding(n_languages, dim) if n_languages > 1 else None

    def forward(
        self, symbols: Tensor, voice: Tensor, noisy: Tensor, sigma: Tensor, language: Tensor | None = None
    ) -> Tensor:
        """Natural log of the mel frames of each symbol, (B, L) float32.

        Args:
            symbols: (B, L) int64.
            voice: (B, voice_dim + 1).
            noisy: (B, L) log durations, standardised, mixed with noise.
            sigma: (B,) noise level: noisy = (1 - sigma) clean + sigma noise.
            language: (B,) int64 row of the language; None = English.
        """
        told = torch.stack((noisy, sigma[:, None].expand_as(noisy)), -1)
        speaker = self.voice(voice)
        if self.languages is not None:
            speaker = speaker + self.languages(symbols.new_zeros(len(symbols)) if language is None else language)
        h = (self.embed(symbols) + speaker[:, None] + self.noisy(told)).transpose(1, 2)
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h.transpose(1, 2)))[..., 0].float() + LOG_MEAN

    @classmethod
    def from_pretrained(cls, folder: Path | None = None, **options: object) -> DurationPredictor:
        """Strictly loads a folder, by default the one that ships."""
        if options:
            return super().from_pretrained(folder, **options)
        return load_strict(cls, folder or asset("durations"))

    @torch.no_grad()
    def predict(
        self,
        phonemes: str,
        voice: np.ndarray | None,
        speed: float = 1.0,
        seed: int | None = None,
        language: str = "en-us",
    ) -> tuple[int, ...]:
        """Mel frames (10 ms) of each symbol.

        Args:
            phonemes: L symbols with a pause ``" "`` at both ends.
            voice: (64,) float32, or None for nobody's.
            speed: 2 = twice as fast.
            seed: of the rhythm; None = the most even one.
            language: by its name in eSpeak NG.

        Returns:
            L whole numbers, at least 1, whose sum is a multiple of 4.

        Raises:
            ValueError: no phonemes, or one that the model does not know.
        """
        unknown = sorted(set(phonemes) - set(SYMBOL_INDEX))
        if unknown or not phonemes:
            raise ValueError(f"No duration for {unknown or 'nothing'} in {phonemes!r}: use symbols of the inventory.")
        if reason := unknown_symbols(phonemes, self.config.n_symbols):
            raise ValueError(reason)
        symbols = torch.tensor([[SYMBOL_INDEX[s] for s in phonemes]])
        embedding = np.zeros(self.config.voice_dim + 1, np.float32)
        if voice is not None and np.any(voice):
            embedding[:-1], embedding[-1] = voice, 1
        row = torch.tensor([LANGUAGE_INDEX[language]])
        lengths = self._sampled(symbols, torch.from_numpy(embedding)[None], seed, row)[0].exp().numpy() / speed
        lengths[0] = min(lengths[0], _LEAD)
        silent_tail = len(phonemes) - len(phonemes.rstrip(" .,!?;:"))
        tail = lengths[-silent_tail:].sum() if silent_tail else 0.0
        if tail > _TAIL:
            lengths[-silent_tail:] *= _TAIL / tail
        boundaries = np.round(np.cumsum(lengths)).astype(int)
        whole = np.maximum(np.diff(boundaries, prepend=0), 1)
        whole[-1] += -whole.sum() % MELS_PER_FRAME
        return tuple(int(n) for n in whole)

    def _sampled(self, symbols: Tensor, voice: Tensor, seed: int | None, language: Tensor) -> Tensor:
        """Log durations (1, L): Euler steps from noise, or what is expected when nothing is known."""
        x = torch.zeros(symbols.shape)
        if seed is None:
            return self(symbols, voice, x, torch.ones(1), language)
        x = _TEMPERATURE * torch.randn(symbols.shape, generator=torch.Generator().manual_seed(seed))
        for level, following in pairwise((*_LEVELS, 0.0)):
            clean = (self(symbols, voice, x, torch.tensor([level]), language) - LOG_MEAN) / LOG_STD
            x = x + (following - level) * velocity(x, clean, level)
        return LOG_MEAN + LOG_STD * x
