"""Mask-routed guidance for the latent patches of a video backbone, in the form that diffusers' modular loops call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from diffusers.guiders.guider_utils import GuiderOutput
from torch import Tensor, nn

from generation.pipeline.guidance import MaskRoutedGuidance

if TYPE_CHECKING:
    from diffusers.modular_pipelines.modular_pipeline import BlockState


class PatchRoutedGuidance(MaskRoutedGuidance):
    """:class:`MaskRoutedGuidance` whose tokens are patches, or cells of a latent video, of any number of voices.

    Attributes:
        on_pass: called before each pass of the transformer; may raise to stop.
    """

    on_pass: Callable[[], None] = staticmethod(lambda: None)

    def active_predictions(self) -> list[str]:
        """Names of the passes that each step makes."""
        return list(self._input_predictions)

    def prepare_inputs_from_block_state(
        self, data: BlockState, input_fields: Mapping[str, str | tuple[str, ...]]
    ) -> list[BlockState]:
        """One batch a pass from a block's state.

        Args:
            data: the state; an attribute that is a tuple has a value for each pass, any other is shared by all.
            input_fields: argument of the transformer -> name of the attribute, or one name a pass.
        """
        return self.prepare_inputs(
            {
                argument: getattr(data, name) if isinstance(name, str) else tuple(getattr(data, each) for each in name)
                for argument, name in input_fields.items()
            }
        )

    def prepare_models(self, denoiser: nn.Module) -> None:
        """Tell who watches that one more pass begins."""
        super().prepare_models(denoiser)
        self.on_pass()

    def forward(
        self, pred_null: Tensor, pred_text: Tensor, pred_heard: Tensor | None = None, **voices: Tensor
    ) -> GuiderOutput:
        """Predictions of every pass, (B, N, C) or a latent video (B, C, F, H, W) -> the guided one of that shape."""
        shape = pred_null.shape
        if len(shape) == 3:
            return super().forward(pred_null, pred_text, pred_heard, **voices)
        heard = {} if pred_heard is None else {"pred_heard": pred_heard}
        predictions = {"pred_null": pred_null, "pred_text": pred_text, **heard, **voices}
        flat = {name: prediction.flatten(2).transpose(1, 2) for name, prediction in predictions.items()}
        guided = super().forward(**flat)
        return GuiderOutput(**{name: value.transpose(1, 2).unflatten(2, shape[2:]) for name, value in guided.items()})
