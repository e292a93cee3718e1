"""Self-attention of Wan masked by person: patches of one person do not attend to those of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from diffusers import WanTransformer3DModel
from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch import Tensor, nn

if TYPE_CHECKING:
    from diffusers.models.transformers.transformer_wan import WanAttention

LEAST_OWNED = 0.5
"""Share from which on a token counts as a person's own."""

Group = tuple[Tensor, Tensor]
"""Tokens that look, and the tokens that they see, both as indices."""


def groups_of(shares: Tensor) -> list[Group]:
    """Attention groups: a person's tokens see their own and the background's, the background's tokens see all.

    Args:
        shares: (K, N) share of each person in each token.
    """
    most, owner = shares.max(0)
    owner = torch.where(most >= LEAST_OWNED, owner, -1)
    groups = []
    for person in [*range(len(shares)), -1]:
        own = owner == person
        if own.any():
            groups.append((own.nonzero()[:, 0], ((own | (owner < 0)) if person >= 0 else owner >= -1).nonzero()[:, 0]))
    return groups


class GroupedAttnProcessor:
    """Self-attention group by group: no mask of N x N, and less work than all with all.

    Args:
        groups: every token looks in exactly one.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = groups

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """(B, N, C) -> (B, N, C); ``encoder_hidden_states`` and ``attention_mask`` are None in self-attention.

        Raises:
            ValueError: no rotary positions, which self-attention always has.
        """
        if rotary_emb is None:
            raise ValueError("Self-attention needs its rotary positions.")
        query, key, value = (
            states.unflatten(2, (attn.heads, -1))
            for states in (
                attn.norm_q(attn.to_q(hidden_states)),
                attn.norm_k(attn.to_k(hidden_states)),
                attn.to_v(hidden_states),
            )
        )
        query, key = (_rotated(states, *rotary_emb) for states in (query, key))
        seen = torch.empty_like(query)
        for looking, visible in self.groups:
            seen[:, looking] = dispatch_attention_fn(query[:, looking], key[:, visible], value[:, visible])
        return attn.to_out[1](attn.to_out[0](seen.flatten(2, 3)))


def _rotated(states: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotary position embedding of (B, N, heads, C); neighbouring channels are a pair."""
    first, second = states.unflatten(-1, (-1, 2)).unbind(-1)
    cosine, sine = cosines[..., 0::2], sines[..., 1::2]
    turned = torch.stack((first * cosine - second * sine, first * sine + second * cosine), -1)
    return turned.flatten(-2).type_as(states)


def keep_apart(transformers: Sequence[WanTransformer3DModel], shares: Tensor) -> None:
    """Sets the self-attention of all blocks.

    Args:
        transformers: those of a pipeline.
        shares: (K, F, H, W) share of each person in each cell of the latent video.
    """
    n_time, n_rows, n_columns = transformers[0].config.patch_size
    tokens = nn.functional.avg_pool3d(shares, (n_time, n_rows, n_columns)).flatten(1)
    processor = GroupedAttnProcessor(groups_of(tokens))
    for transformer in transformers:
        for block in transformer.blocks:
            block.attn1.set_processor(processor)
