"""How a performance is sampled: number of steps, starting noise, and scales of guidance."""

from __future__ import annotations

from dataclasses import dataclass

FEW_STEPS = 4
"""Network calls of the distilled sampler."""


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
