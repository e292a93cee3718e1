"""Mask-routed classifier-free guidance: each voice drives the tokens of its own mask, for any number of people.

Source: Playmate2's Mask-CFG (arXiv 2510.12089), with soft and overlapping masks, text and listening added.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.guiders import BaseGuidance
from diffusers.guiders.guider_utils import GuiderOutput
from torch import Tensor

from generation.core.clock import MELS_PER_FRAME
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL

if TYPE_CHECKING:
    from diffusers.modular_pipelines.modular_pipeline import BlockState

    from generation.pipeline.sampling import Guidance


class _NotExperimental(logging.Filter):
    """Drops the notice that every guider logs when it is made."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "experimental feature" not in record.getMessage()


logging.getLogger("diffusers.guiders.guider_utils").addFilter(_NotExperimental())


class MaskRoutedGuidance(BaseGuidance):
    """Joins the predictions for video tokens (face tokens here, latent patches elsewhere).

    With ``R[i, j]`` the membership of token j in voice i's mask, each prediction for token j being

    ``v = v(0,0) + text [v(txt,0) - v(0,0)] + sum_i speak R[i,j] [v(txt,a_i) - v(txt,0)]
    + listen [v(txt,heard_j) - v(txt,0)]``

    ``v(0,0)`` is pass ``pred_null``, ``v(txt,0)`` ``pred_text``, ``v(txt,a_i)`` ``pred_voice_i``, ``v(txt,heard)``
    ``pred_heard`` (absent when ``listen_scale`` is 0). Scales are full scales from the pass without the condition:
    1 = off, as in diffusers.

    Args:
        num_voices: passes I with a voice.
        text_scale: guidance by the words.
        speak_scale: guidance by the own voice.
        listen_scale: guidance by what is heard; 0 leaves hearing out.
        start: share of the steps at which guidance begins; every scale is 1 before, and after ``stop``.
        stop: share of the steps at which it ends.
        enabled: False sets every scale to 1.
    """

    _input_predictions = ["pred_null", "pred_text", "pred_voice_0", "pred_heard"]

    @register_to_config
    def __init__(
        self,
        num_voices: int = 1,
        text_scale: float = 1.0,
        speak_scale: float = 1.0,
        listen_scale: float = 1.0,
        start: float = 0.0,
        stop: float = 1.0,
        enabled: bool = True,
    ) -> None:
        if num_voices < 1:
            raise ValueError(f"Guidance needs at least one voice, got {num_voices}.")
        voices = [f"pred_voice_{i}" for i in range(num_voices)]
        self._input_predictions = ["pred_null", "pred_text", *voices, *(["pred_heard"] if listen_scale else [])]
        super().__init__(start, stop, enabled)
        self.membership: Tensor | None = None
        self.emphasis: Tensor | None = None

    def set_membership(self, membership: Tensor, emphasis: Tensor | None = None) -> None:
        """Routing weights for the coming passes.

        Args:
            membership: (B, I, N) >= 0, sum over I at most 1.
            emphasis: (B, N) factor on ``speak_scale`` of each token; None = 1.

        Raises:
            ValueError: wrong number of voices, weights below 0 or that sum to more than 1.
        """
        if membership.dim() != 3 or membership.shape[1] != self.config.num_voices:
            raise ValueError(
                f"membership must be (B, {self.config.num_voices}, tokens), got {tuple(membership.shape)}."
            )
        if not (membership.min() >= 0 and membership.sum(1).max() <= 1 + 1e-4):
            raise ValueError("membership must be 0 or more and sum to at most 1 over the voices.")
        self.membership, self.emphasis = membership, emphasis

    def prepare_inputs(self, data: dict[str, Tensor | tuple[Tensor, ...]]) -> list[BlockState]:
        """One batch a pass, in the order of ``_input_predictions``; tuples are indexed by pass, tensors shared.

        Raises:
            ValueError: a tuple of another length than there are passes, or something else than tensors.
        """
        for name, value in data.items():
            if not isinstance(value, Tensor) and not (isinstance(value, tuple) and len(value) == self.num_conditions):
                raise ValueError(f"{name} must be a tensor or {self.num_conditions} of them, one a pass.")
        return [self._prepare_batch(data, index, name) for index, name in enumerate(self._input_predictions)]

    def forward(
        self, pred_null: Tensor, pred_text: Tensor, pred_heard: Tensor | None = None, **voices: Tensor
    ) -> GuiderOutput:
        """Predictions (B, N, C) of every pass -> the guided one.

        Raises:
            ValueError: :meth:`set_membership` was not called.
        """
        if self.membership is None:
            raise ValueError("Call set_membership before guidance.")
        share = self.membership[..., None].to(pred_text)
        driven = sum(share[:, i] * (voices[f"pred_voice_{i}"] - pred_text) for i in range(self.config.num_voices))
        text, speak, listen = (1.0, 1.0, 1.0)
        if self._is_active():
            text, speak, listen = self.config.text_scale, self.config.speak_scale, self.config.listen_scale
            if self.emphasis is not None:
                driven = self.emphasis[..., None].to(pred_text) * driven
        pred = pred_null + text * (pred_text - pred_null) + speak * driven
        if pred_heard is not None:
            pred = pred + listen * (pred_heard - pred_text)
        return GuiderOutput(pred=pred, pred_cond=pred_text + driven, pred_uncond=pred_null)

    @property
    def is_conditional(self) -> bool:
        """Whether the pass now under way has any condition."""
        return self._count_prepared != 1

    @property
    def num_conditions(self) -> int:
        """Number of passes."""
        return len(self._input_predictions)

    def _is_active(self) -> bool:
        if not self._enabled:
            return False
        if self._num_inference_steps is None:
            return True
        return int(self._start * self._num_inference_steps) <= self._step < int(self._stop * self._num_inference_steps)


def routes(membership: Tensor) -> tuple[list[Tensor], Tensor]:
    """The transformer passes that a membership needs, and the guider's share of each in every face token.

    In pass i every token hears voice i alone. Faces do not see each other, so while each has at most one voice over
    the whole time, a single pass in which each hears its own gives the same.

    Args:
        membership: (B, K, K, T), [b, i, j, t] = share of voice i in face token (j, t).

    Returns:
        I attention memberships of the same shape, and shares (B, I, K * T) for :meth:`set_membership`.
    """
    heard = (membership > 0).any(-1, keepdim=True)
    if bool((heard.sum(1) <= 1).all()):
        return [heard.to(membership).expand_as(membership)], membership.sum(1, keepdim=True).flatten(2)
    alone = torch.eye(membership.shape[1]).to(membership)
    return [voice[None, :, None, None].expand_as(membership) for voice in alone], membership.flatten(2)


def emphasis(symbols: Tensor, guidance: Guidance) -> Tensor:
    """Factor on the own voice's guidance of each face token, (B, K * T), from phonemes (B, K, 4 T) int64."""
    unknown = (symbols == UNKNOWN_SYMBOL).unflatten(-1, (-1, MELS_PER_FRAME)).all(-1)
    return torch.where(unknown, guidance.wordless / guidance.speak, 1.0).flatten(1)
