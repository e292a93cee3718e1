"""How a performance is sampled: number of steps, starting noise, and scales of guidance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEW_STEPS = 4
"""Network calls of the distilled sampler."""


def noise_levels(steps: int) -> np.ndarray:
    """The noise levels (steps,) at which the network is called, evenly from 1 down to 1 / steps; after them comes 0."""
    return np.linspace(1.0, 1.0 / steps, steps)


@dataclass(frozen=True)
class Sampling:
    """How the flow is integrated.

    Attributes:
        steps: Euler steps of the full, guided sampler; None = the distilled one, a single network call a step.
        temperature: spread of the noise that speech starts from, 1 = as trained.
    """

    steps: int | None = 16
    temperature: float = 0.75


@dataclass(frozen=True)
class Guidance:
    """Scales of classifier-free guidance, 1 = off: words on speech; words, own voice and others' voices on motion."""

    speech: float = 2.0
    text: float = 1.0
    speak: float = 1.3
    listen: float = 1.0
