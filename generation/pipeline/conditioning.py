"""Conditioning items, each of which sets part of a stream's state as given or to be generated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class LatentState:
    """State of one stream while it is sampled.

    Attributes:
        latent: (B, K, T, C) float32, the current noisy latent.
        clean: (B, K, T, C) float32, given values; only read where ``denoise_mask`` is 0.
        denoise_mask: (B, K, T) float32, 1 = to be made, 0 = given.
    """

    latent: Tensor
    clean: Tensor
    denoise_mask: Tensor

    @property
    def given(self) -> Tensor:
        """(B, K, T) float32, 1 = given."""
        return 1 - self.denoise_mask

    @property
    def blended(self) -> Tensor:
        """(B, K, T, C): noisy where to be made, clean where given."""
        return torch.where(self.denoise_mask[..., None] > 0, self.latent, self.clean)

    def window(self, frames: slice) -> LatentState:
        """Some of its frames."""
        return LatentState(self.latent[:, :, frames], self.clean[:, :, frames], self.denoise_mask[:, :, frames])

    def known(self, frames: slice, values: Tensor) -> LatentState:
        """The state with all of some frames given: ``values`` (B, K, n, C)."""
        clean, mask = self.clean.clone(), self.denoise_mask.clone()
        clean[:, :, frames], mask[:, :, frames] = values, 0
        return replace(self, clean=clean, denoise_mask=mask)

    @classmethod
    def pinned(cls, clean: Tensor) -> LatentState:
        """A state that is given as a whole: ``clean`` (B, K, T, C)."""
        return cls(clean, clean, clean.new_zeros(clean.shape[:3]))


class Condition(Protocol):
    """Anything that changes what a stream is given."""

    def apply_to(self, state: LatentState) -> LatentState:
        """The state with the condition in it."""


@dataclass(frozen=True)
class Generate:
    """Frames to be made, from this noise.

    Attributes:
        character: index into the cast.
        start: first video frame.
        noise: (n, C) float32.
    """

    character: int
    start: int
    noise: Tensor

    def apply_to(self, state: LatentState) -> LatentState:
        """See :class:`Condition`.

        Raises:
            ValueError: the noise reaches outside the scene or has the wrong width.
        """
        latent, mask = _filled(state, state.latent, self.noise, self.character, self.start, made=1)
        return replace(state, latent=latent, denoise_mask=mask)


@dataclass(frozen=True)
class Given:
    """Frames that are known: a recording, a kept take, the end of the window before.

    Attributes:
        character: index into the cast.
        start: first video frame.
        values: (n, C) float32 standardised latents.
    """

    character: int
    start: int
    values: Tensor

    def apply_to(self, state: LatentState) -> LatentState:
        """See :class:`Condition`.

        Raises:
            ValueError: the values reach outside the scene or have the wrong width.
        """
        clean, mask = _filled(state, state.clean, self.values, self.character, self.start, made=0)
        return replace(state, clean=clean, denoise_mask=mask)


def _filled(
    state: LatentState, target: Tensor, values: Tensor, character: int, start: int, made: int
) -> tuple[Tensor, Tensor]:
    """Copies of ``target`` with the values in it, and of the denoise mask set to ``made`` there."""
    _, cast, n_frames, width = target.shape
    stop = start + len(values)
    if not 0 <= character < cast or start < 0 or stop > n_frames or values.shape[-1] != width:
        raise ValueError(
            f"Frames {start} to {stop} of width {values.shape[-1]} for character {character} do not fit a scene of"
            f" {cast} characters and {n_frames} frames of width {width}."
        )
    target, mask = target.clone(), state.denoise_mask.clone()
    target[:, character, start:stop] = values.to(target)
    mask[:, character, start:stop] = made
    return target, mask


def apply_all(state: LatentState, conditions: Iterable[Condition]) -> LatentState:
    """The state after every condition in order; later ones win."""
    for condition in conditions:
        state = condition.apply_to(state)
    return state
