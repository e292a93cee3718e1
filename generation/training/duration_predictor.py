"""Training of the duration predictor: batches of sentences with their durations, and the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from generation.data.duration_corpus import DurationExample
from generation.models.duration_predictor import LOG_MEAN, LOG_STD, PADDING, DurationPredictor
from generation.text.ipa import SYMBOL_INDEX
from generation.text.languages import LANGUAGE_INDEX

_SORTED = 4
"""Batches drawn at once, of which one of like lengths is taken, so that little is padding."""


def duration_batches(
    dataset: Sequence[DurationExample], voice_names: list[str], table: np.ndarray, size: int
) -> Callable[[torch.Generator], tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Whole sentences of like length: symbols (B, L), voices (B, 65), durations (B, L), 0 = padding, languages (B,)."""
    rows = [r for r in dataset if set(r.voices) <= set(voice_names)]

    def batch(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        several = [rows[i] for i in torch.randint(len(rows), (_SORTED * size,), generator=generator).tolist()]
        several.sort(key=lambda r: len(r.phonemes))
        part = int(torch.randint(_SORTED, (1,), generator=generator)) * size
        chosen = several[part : part + size]
        longest = max(len(r.phonemes) for r in chosen)
        symbols = torch.full((size, longest), PADDING)
        voices, durations = torch.zeros(size, table.shape[1] + 1), torch.zeros(size, longest)
        known = torch.rand(size, generator=generator) > 0.1
        for i, r in enumerate(chosen):
            symbols[i, : len(r.phonemes)] = torch.tensor([SYMBOL_INDEX[s] for s in r.phonemes])
            durations[i, : len(r.phonemes)] = torch.tensor(r.durations)
            if known[i]:
                embedding = sum(w * table[voice_names.index(v)] for v, w in r.voices.items())
                voices[i] = torch.from_numpy(np.append(embedding, 1).astype(np.float32))
        return symbols, voices, durations, torch.tensor([LANGUAGE_INDEX[r.language] for r in chosen])

    return batch


def duration_loss(
    model: DurationPredictor, batch: tuple[Tensor, Tensor, Tensor, Tensor]
) -> tuple[Tensor, dict[str, float]]:
    """Huber distance of the logs at a random noise level, weighted by 1 / max(level, 0.2).

    At level 1 (one example in three, without any noise: the even rhythm) the relative error of each sentence's length
    is added, which a mean of logs shortens.
    """
    symbols, voices, durations, languages = batch
    real = durations > 0
    clean = durations.clamp(min=1).log()
    even = torch.rand(len(clean), 1, device=clean.device) < 1 / 3
    sigma = torch.where(even, 1.0, torch.rand_like(clean[:, :1]))
    noise = torch.where(even, 0.0, torch.randn_like(clean))
    noisy = ((1 - sigma) * (clean - LOG_MEAN) / LOG_STD + sigma * noise) * real
    found = model(symbols, voices, noisy, sigma[:, 0], languages)
    distance = nn.functional.smooth_l1_loss(found, clean, beta=0.3, reduction="none") / sigma.clamp(min=0.2)
    length = ((found.exp() * real).sum(1) / durations.sum(1) - 1).abs()
    even_length = (length * even[:, 0]).sum() / even.sum().clamp(min=1)
    return distance[real].mean() + 0.2 * even_length, {"length_error": float(even_length.detach())}
