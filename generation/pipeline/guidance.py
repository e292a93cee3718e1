"""Mask-routed classifier-free guidance: each voice drives the tokens of its own mask, for any number of people.

Source: Playmate2's Mask-CFG (arXiv 2510.12089), with soft and overlapping masks, text and listening added.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.guiders import BaseGuidance
from diffusers.guiders.guider_utils import GuiderOutput
from torch import Tensor

from generation.core.clock import MELS_PER_FRAME
from generation.models.flow import velocity
from generation.models.transformer import JointTransformer, Routing
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL

if TYPE_CHECKING:
    from diffusers.guiders import ClassifierFreeGuidance
    from diffusers.modular_pipelines.modular_pipeline import BlockState

    from generation.models.joint_inputs import JointInputs
    from generation.pipeline.sampling import Guidance


class _NotExperimental(logging.Filter):
    """Drops the notice that every guider logs when it is made."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "experimental feature" not in record.getMessage()


logging.getLogger("diffusers.guiders.guider_utils").addFilter(_NotExperimental())


class MaskRoutedGuidance(BaseGuidance):
    """Joins the predictions for video tokens (face tokens here, latent patches elsewhere).

    With ``R[i, j]`` the routing weight of token j in voice i's mask, each prediction for token j being

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
        self.routing_weights: Tensor | None = None
        self.speak_factor: Tensor | None = None

    def for_scene(self, inputs: JointInputs, scales: Guidance, listening: bool) -> MaskRoutedGuidance:
        """A guider like this one for scenes of this routing.

        Each face token speaks with one voice (see :mod:`generation.pipeline.face_routing`), and faces do not see each
        other: one pass in which each hears its own voice equals a pass a voice.

        Args:
            inputs: with the ``share`` of its voice that each face token hears.
            scales: of guidance.
            listening: whether there is anybody to be heard.
        """
        guider = self.new(
            num_voices=1,
            text_scale=scales.text,
            speak_scale=scales.speak,
            listen_scale=scales.listen if listening else 0.0,
        )
        guider.set_routing_weights(inputs.required("share").flatten(1)[:, None], wordless_factor(inputs, scales))
        return guider

    def passes(self, inputs: JointInputs) -> dict[str, JointInputs]:
        """The inputs of each pass by its name: without anything, with words, with the voice, with what is heard."""
        heard = int(bool(self.config.listen_scale))
        share, sound = inputs.required("share"), inputs.required("heard")
        mute, silence, position = torch.zeros_like(share), torch.zeros_like(sound), inputs.phoneme_position
        batches = self.prepare_inputs(
            {
                "symbols": (torch.full_like(inputs.symbols, UNKNOWN_SYMBOL), *[inputs.symbols] * (2 + heard)),
                "phoneme_position": (torch.zeros_like(position), *[position] * (2 + heard)),
                "share": (mute, mute, (share > 0).to(mute), *[mute] * heard),
                "heard": (*[silence] * 3, *[sound] * heard),
            }
        )
        return {
            getattr(batch, self._identifier_key): replace(
                inputs,
                symbols=batch.symbols,
                phoneme_position=batch.phoneme_position,
                share=batch.share,
                heard=batch.heard,
            )
            for batch in batches
        }

    def set_routing_weights(self, routing_weights: Tensor, speak_factor: Tensor | None = None) -> None:
        """Routing weights for the coming passes.

        Args:
            routing_weights: (B, I, N) >= 0, sum over I at most 1.
            speak_factor: (B, N) factor on ``speak_scale`` of each token; None = 1.

        Raises:
            ValueError: wrong number of voices, weights below 0 or that sum to more than 1.
        """
        if routing_weights.dim() != 3 or routing_weights.shape[1] != self.config.num_voices:
            raise ValueError(
                f"routing_weights must be (B, {self.config.num_voices}, tokens), got {tuple(routing_weights.shape)}."
            )
        if not (routing_weights.min() >= 0 and routing_weights.sum(1).max() <= 1 + 1e-4):
            raise ValueError("routing_weights must be 0 or more and sum to at most 1 over the voices.")
        self.routing_weights, self.speak_factor = routing_weights, speak_factor

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
            ValueError: :meth:`set_routing_weights` was not called.
        """
        if self.routing_weights is None:
            raise ValueError("Call set_routing_weights before guidance.")
        share = self.routing_weights[..., None].to(pred_text)
        driven = sum(share[:, i] * (voices[f"pred_voice_{i}"] - pred_text) for i in range(self.config.num_voices))
        text, speak, listen = (1.0, 1.0, 1.0)
        if self._is_active():
            text, speak, listen = self.config.text_scale, self.config.speak_scale, self.config.listen_scale
            if self.speak_factor is not None:
                driven = self.speak_factor[..., None].to(pred_text) * driven
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


def wordless_factor(inputs: JointInputs, scales: Guidance) -> Tensor:
    """Factor on the own voice's guidance of each face token, (B, K * T): where its voice's words are unknown."""
    unknown = (inputs.symbols == UNKNOWN_SYMBOL).unflatten(-1, (-1, MELS_PER_FRAME)).all(-1)
    wordless = Routing(inputs.driver, inputs.partner).of_driver(unknown)
    return torch.where(wordless, scales.wordless / scales.speak, 1.0).flatten(1)


def guided_velocities(
    transformer: JointTransformer,
    guider: MaskRoutedGuidance,
    audio_guider: ClassifierFreeGuidance,
    inputs: JointInputs,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Velocities of both streams at one noise level, (B, V, T, 400) and (B, K, T, 57) float32, one call a pass.

    With them the reactions to the motion that is seen, (B, K, T, 57), guided as the motion is; None where nothing is.

    Args:
        transformer: the network.
        guider: of motion, made by :meth:`MaskRoutedGuidance.for_scene`.
        audio_guider: of speech: its condition is words and voice together.
        inputs: with ``heard`` and ``share``.
    """
    level, shown = inputs.sigma[:, None, None, None], inputs.required("motion")
    speech: dict[str, Tensor] = {}
    motion: dict[str, Tensor] = {}
    reactions: dict[str, Tensor] = {}
    for name, told in guider.passes(inputs).items():
        guider.prepare_models(transformer)
        clean_audio, clean_motion, reaction = transformer(told, return_dict=False)
        guider.cleanup_models(transformer)
        speech[name] = velocity(inputs.audio, clean_audio, level)
        motion[name] = velocity(shown, clean_motion, level).flatten(1, 2)
        if reaction is not None:
            reactions[name] = reaction.float().flatten(1, 2)
    spoken = audio_guider.forward(speech["pred_voice_0"], speech["pred_null"]).pred
    moved = guider.forward(**motion).pred.unflatten(1, shown.shape[1:3])
    return spoken, moved, guider.forward(**reactions).pred.unflatten(1, shown.shape[1:3]) if reactions else None
