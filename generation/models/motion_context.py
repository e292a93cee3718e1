"""Motion context: how a face reacts to the motion that it sees of the others, with gaze, head and brows alone.

Attention over a set of faces: Set Transformer (arXiv 1810.00825). Output at zero, so that a fresh one changes nothing:
ControlNet (2302.05543).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from generation.core.motion import INDEX, N_CHANNELS, REACTING
from generation.models.joint_inputs import SEEN_CHANNELS

_REACTING = [INDEX[name] for name in REACTING]
_KERNEL, _DILATIONS = 9, (1, 4)
"""Of the causal convolutions over time: together they look back over 40 frames, 1.6 s."""


class MotionContext(nn.Module):
    """Reactions of K faces to the motion of F faces, each of which sees some of them.

    Args:
        token_dim: width of the motion stream.
        dim: width inside.
    """

    def __init__(self, token_dim: int, dim: int = 64) -> None:
        super().__init__()
        self.seen_in = nn.Linear(SEEN_CHANNELS, dim)
        self.history = nn.ModuleList(nn.Conv1d(dim, dim, _KERNEL, dilation=d) for d in _DILATIONS)
        self.query = nn.Linear(token_dim, dim)
        self.key = nn.Linear(dim, dim)
        self.join = nn.Linear(token_dim + dim, dim)
        self.out = nn.Linear(dim, len(REACTING))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, tokens: Tensor, seen: Tensor, sees: Tensor) -> Tensor:
        """What is added to the clean motion of each face.

        Args:
            tokens: (B, K, T, token_dim) of the motion stream, as its output layer gets them.
            seen: (B, F, T, 58), see :class:`generation.models.joint_inputs.JointInputs`.
            sees: (B, K, F), the same.

        Returns:
            (B, K, T, 57), zero but for the channels of :data:`generation.core.motion.REACTING` and for whoever sees
            nobody; frame t follows from what is seen up to frame t, in whatever order the faces come.
        """
        h = gelu(self.seen_in(seen), approximate="tanh").flatten(0, 1).transpose(1, 2)
        for conv, dilation in zip(self.history, _DILATIONS, strict=True):
            h = h + gelu(conv(pad(h, ((_KERNEL - 1) * dilation, 0))), approximate="tanh")
        h = h.transpose(1, 2).unflatten(0, seen.shape[:2])
        visible = sees[:, :, None] > 0
        scores = torch.einsum("bktd,bftd->bktf", self.query(tokens), self.key(h)) / h.shape[-1] ** 0.5
        weights = scores.masked_fill(~visible, torch.finfo(scores.dtype).min).softmax(-1)
        pooled = torch.einsum("bktf,bftd->bktd", weights.to(h.dtype), h)
        joined = gelu(self.join(torch.cat((tokens, pooled), -1)), approximate="tanh")
        reaction = self.out(joined) * visible.any(-1, keepdim=True)
        full = reaction.new_zeros(*reaction.shape[:-1], N_CHANNELS)
        full[..., _REACTING] = reaction
        return full
