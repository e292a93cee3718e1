"""From a recording to its voice vector: a network that finds the point in the joint model's voice table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from generation.core.clock import N_MELS, mels_from_frames
from generation.data.corpus import SpeechCorpus
from generation.models.vocoder import ConvNeXtBlock


class SpeakerEncoder(ModelMixin, ConfigMixin):
    """Log-mel of speech -> voice vector, by convolutions and attentive statistics over time (arXiv 1803.10963)."""

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


def encoder_batches(
    features: SpeechCorpus, voice_names: list[str], table: np.ndarray, size: int, n_frames: int = 75
) -> Callable[[torch.Generator], tuple[Tensor, Tensor]]:
    """Random crops of training speech with the voice vectors they should give: mel (B, 4 n_frames, 100) and (B, 64)."""
    rows = [u for u in features.split("train") if set(u.voices) <= set(voice_names) and u.n_frames > n_frames]
    targets = [sum(w * table[voice_names.index(v)] for v, w in u.voices.items()) for u in rows]

    def batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        mels, wanted = [], []
        for which in torch.randint(len(rows), (size,), generator=generator).tolist():
            u = rows[which]
            a = mels_from_frames(u.first + int(torch.randint(u.n_frames - n_frames, (1,), generator=generator)))
            mels.append(np.asarray(features.mel[a : a + mels_from_frames(n_frames)], np.float32))
            wanted.append(targets[which])
        return torch.from_numpy(np.stack(mels)), torch.from_numpy(np.stack(wanted).astype(np.float32))

    return batch


def encoder_loss(model: SpeakerEncoder, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Squared distance to the table's vector plus one minus the cosine."""
    found = model(batch[0]).float()
    cosine = torch.cosine_similarity(found, batch[1], dim=-1).mean()
    return (found - batch[1]).square().mean() + 1 - cosine, {"cosine": float(cosine.detach())}
