"""Sampling and guidance settings: number of steps, spread of the noise, scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.core.assets import asset
from generation.core.motion import N_CHANNELS, WEIGHTS

DISTILLED_ADAPTER = "distilled_sampler"
"""Name of the adapter that makes the sampler a distilled one: in the transformer, and its folder beside it."""
DISTILLED_STEPS = 4
"""Network calls of the distilled sampler."""
GUIDED_STEPS = 8
"""Steps of the guided sampler that measure no worse than more."""
_PASSES = 4
"""Network calls of a guided step: without words, with them, with the voice, with what is heard."""


def noise_levels(steps: int) -> np.ndarray:
    """The noise levels (steps,) at which the network is called, evenly from 1 down to 1 / steps; after them comes 0."""
    return np.linspace(1.0, 1.0 / steps, steps)


def network_calls(steps: int | None) -> int:
    """Calls of the network that one person's motion takes with the weights that ship, by :attr:`Sampling.steps`."""
    if steps is None:
        shipped = (asset("model") / DISTILLED_ADAPTER).is_dir()
        return DISTILLED_STEPS if shipped else _PASSES * GUIDED_STEPS
    return _PASSES * steps


@dataclass(frozen=True)
class Sampling:
    """Settings of the sampler, which integrates the flow.

    Attributes:
        steps: Euler steps of the guided sampler; None = the distilled sampler, a single network call a step, where the
            weights have its adapter, else :data:`GUIDED_STEPS` guided ones.
        temperature: spread of the noise that speech starts from, 1 = as trained.
        face_temperature: the same for lips and face; the head's pose starts from all of it.
    """

    steps: int | None = None
    temperature: float = 0.5
    face_temperature: float = 0.3

    def motion_spread(self) -> np.ndarray:
        """Spread of the noise that each channel of motion starts from, (57,) float32."""
        spread = np.ones(N_CHANNELS, np.float32)
        spread[WEIGHTS] = self.face_temperature
        return spread


@dataclass(frozen=True)
class Guidance:
    """Scales of classifier-free guidance, 1 = off: words on speech; words, own voice and others' voices on motion.

    ``wordless`` takes the place of ``speak`` where a recording's words are unknown and sound alone leads the lips.
    """

    speech: float = 1.6
    text: float = 1.0
    speak: float = 1.3
    wordless: float = 1.5
    listen: float = 1.0


DEFAULT_SAMPLING = Sampling()
DEFAULT_GUIDANCE = Guidance()
