"""Flow matching in clean-latent form: convention of noise levels, seeded noise, and velocity from a clean prediction.

Convention of diffusers' FlowMatchEulerDiscreteScheduler: sigma runs 1 -> 0, x = (1 - sigma) data + sigma noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from generation.core.arrays import seed_of

SIGMA_FLOOR = 0.05
"""Least noise level by which a difference is divided."""


def velocity(x: Tensor, clean: Tensor, sigma: Tensor | float) -> Tensor:
    """The one place where a clean prediction becomes a velocity: (x - clean) / max(sigma, floor), float32."""
    floor = max(sigma, SIGMA_FLOOR) if isinstance(sigma, float) else sigma.clamp(min=SIGMA_FLOOR)
    return (x.float() - clean.float()) / floor


def seeded_noise(shape: tuple[int, ...], *key: object) -> Tensor:
    """Standard normal noise, float32 on the CPU, that depends on the shape and on the key's numbers and names alone."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed_of(*key)))
