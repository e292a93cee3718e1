"""Tiny real networks of which every weight counts, so that a test sees each path (fresh ones end in zero layers)."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from generation.core.motion import N_CHANNELS
from generation.models.joint_inputs import AUDIO_CHANNELS, HEARD_CHANNELS
from generation.models.transformer import JointTransformer
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL

Model = TypeVar("Model", bound=nn.Module)


def enliven(model: Model, seed: int = 0) -> Model:
    """Gives every weight a random value of a size that keeps signals alive."""
    generator = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        spread = weight[0].numel() ** -0.5 if weight.dim() > 1 else 0.3
        weight.data = spread * torch.randn(weight.shape, generator=generator)
    return model.eval()


def tiny_transformer(**changes: object) -> JointTransformer:
    """A joint transformer of a few ten thousand weights whose layers are all joint."""
    settings = dict(
        mel_mean=[-6.0] * 100, mel_std=[2.0] * 100, motion_mean=[0.1] * 57, motion_std=[0.1] * 57,
        voice_names=["ann", "bob"], n_symbols=UNKNOWN_SYMBOL, audio_dim=24, motion_dim=16, num_layers=2, num_heads=2,
        head_dim=8, condition_dim=16, phoneme_dim=8, voice_dim=4, joint_every=1, joint_window=3,
    )  # fmt: skip
    return enliven(JointTransformer(**settings | changes))


def scene_tensors(batch: int = 1, cast: int = 3, n_frames: int = 16, seed: int = 0) -> dict[str, Tensor]:
    """Random inputs of the tiny transformer, by the names of JointInputs."""
    g = torch.Generator().manual_seed(seed)
    tokens = (batch, cast, n_frames)
    return {
        "audio": torch.randn(*tokens, AUDIO_CHANNELS, generator=g),
        "motion": torch.randn(*tokens, N_CHANNELS, generator=g),
        "sigma": torch.rand(batch, generator=g),
        "symbols": torch.randint(UNKNOWN_SYMBOL, (batch, cast, 4 * n_frames), generator=g),
        "phoneme_position": torch.rand(batch, cast, 4 * n_frames, 2, generator=g),
        "voice": torch.randn(batch, cast, 5, generator=g),
        "audio_given": (torch.rand(tokens, generator=g) < 0.3).float(),
        "motion_given": (torch.rand(tokens, generator=g) < 0.3).float(),
        "heard": torch.randn(*tokens, HEARD_CHANNELS, generator=g),
    }
