"""Modular blocks of Wan 2.2 (image to video) for routed prompts: one pass a person, given frames, pinned cells."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKLWan
from diffusers.modular_pipelines import WanModularPipeline
from diffusers.modular_pipelines.modular_pipeline import (
    BlockState,
    ModularPipelineBlocks,
    PipelineState,
    SequentialPipelineBlocks,
)
from diffusers.modular_pipelines.modular_pipeline_utils import ComponentSpec, InputParam, OutputParam
from diffusers.modular_pipelines.wan.before_denoise import (
    WanAdditionalInputsStep,
    WanPrepareLatentsStep,
    WanSetTimestepsStep,
    WanTextInputStep,
)
from diffusers.modular_pipelines.wan.decoders import WanVaeDecoderStep
from diffusers.modular_pipelines.wan.denoise import (
    Wan22LoopDenoiser,
    WanDenoiseLoopWrapper,
    WanImage2VideoLoopBeforeDenoiser,
    WanLoopAfterDenoiser,
)
from diffusers.modular_pipelines.wan.encoders import encode_vae_image
from torch import Tensor
from transformers import PreTrainedTokenizerBase, UMT5EncoderModel

TEXT_TOKENS = 512


class PromptsStep(ModularPipelineBlocks):
    """Text embeddings of several prompts, padded with zeros as Wan was trained."""

    model_name = "wan"

    @property
    def description(self) -> str:
        """Description of the block."""
        return "Encodes a list of prompts."

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """Text encoder and tokenizer."""
        return [ComponentSpec("text_encoder", UMT5EncoderModel), ComponentSpec("tokenizer", PreTrainedTokenizerBase)]

    @property
    def inputs(self) -> list[InputParam]:
        """``prompts``: list of P texts."""
        return [InputParam("prompts", required=True)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """``embeds``: (P, 512, C)."""
        return [OutputParam("embeds", type_hint=Tensor)]

    @torch.no_grad()
    def __call__(self, components: WanModularPipeline, state: PipelineState) -> tuple:
        """See the class."""
        block_state = self.get_block_state(state)
        device = components._execution_device
        tokens = components.tokenizer(
            block_state.prompts, padding="max_length", max_length=TEXT_TOKENS, truncation=True, return_tensors="pt"
        )
        mask = tokens.attention_mask.to(device)
        states = components.text_encoder(tokens.input_ids.to(device), mask).last_hidden_state
        block_state.embeds = states * mask[..., None].to(states)
        self.set_block_state(state, block_state)
        return components, state


class GivenFramesStep(ModularPipelineBlocks):
    """The frames that a window begins with, as the extra channels of an image-to-video transformer.

    The stock steps take one frame; this one takes any number.
    """

    model_name = "wan-i2v"

    @property
    def description(self) -> str:
        """Description of the block."""
        return "Encodes the given frames, grey after them, and marks which frames are given."

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """The video codec."""
        return [ComponentSpec("vae", AutoencoderKLWan)]

    @property
    def inputs(self) -> list[InputParam]:
        """``given``: (1, 3, G, H, W) in [-1, 1]; ``num_frames``: length of the window."""
        return [InputParam("given", required=True), InputParam("num_frames", required=True)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """``image_condition_latents``: (1, 4 + 16, F, H / 8, W / 8)."""
        return [OutputParam("image_condition_latents", type_hint=Tensor)]

    @torch.no_grad()
    def __call__(self, components: WanModularPipeline, state: PipelineState) -> tuple:
        """See the class."""
        block_state = self.get_block_state(state)
        given, n_frames, vae = block_state.given, block_state.num_frames, components.vae
        n_given, ratio = given.shape[2], components.vae_scale_factor_temporal
        video = torch.cat([given, given.new_zeros(*given.shape[:2], n_frames - n_given, *given.shape[3:])], 2)
        latents = encode_latents(vae, video)
        known = torch.zeros(n_frames, device=latents.device)
        known[:n_given] = 1
        # the first latent step stands for one frame, which counts as often as the others have frames
        by_step = torch.cat([known[:1].repeat(ratio), known[1:]]).view(-1, ratio).T
        mask = by_step[None, :, :, None, None].expand(-1, -1, -1, *latents.shape[3:])
        block_state.image_condition_latents = torch.cat([mask, latents], 1)
        self.set_block_state(state, block_state)
        return components, state


def encode_latents(vae: AutoencoderKLWan, video: Tensor) -> Tensor:
    """Normalised latents (1, C, F, H / 8, W / 8) float32 of a video (1, 3, T, H, W) in [-1, 1]."""
    latents = encode_vae_image(video, vae, None, vae.device, vae.dtype, latent_channels=vae.config.z_dim)
    return latents.float()


class PinnedAfterDenoiser(WanLoopAfterDenoiser):
    """The stock step, with the prediction of pinned cells replaced by the one that leads to the still picture."""

    @property
    def inputs(self) -> list[InputParam]:
        """``pinned``: (F, H / 8, W / 8) bool or None; ``still_latents``: (1, C, F, H / 8, W / 8)."""
        return [InputParam("pinned"), InputParam("still_latents")]

    @torch.no_grad()
    def __call__(self, components: WanModularPipeline, block_state: BlockState, i: int, t: Tensor) -> tuple:
        """See the class."""
        if block_state.pinned is not None:
            towards = (block_state.latents - block_state.still_latents) / components.scheduler.sigmas[i]
            pinned = block_state.pinned.to(towards.device)
            block_state.noise_pred = torch.where(pinned, towards.to(block_state.noise_pred), block_state.noise_pred)
        return super().__call__(components, block_state, i, t)


class DecodeStep(WanVaeDecoderStep):
    """The stock step; ``output_type`` "latent" leaves the pictures out."""

    @torch.no_grad()
    def __call__(self, components: WanModularPipeline, state: PipelineState) -> tuple:
        """See the class."""
        return (components, state) if state.get("output_type") == "latent" else super().__call__(components, state)


class RoutedWanDenoiseStep(WanDenoiseLoopWrapper):
    """The loop over the steps; ``pass_prompts`` holds the text of each pass."""

    block_classes = [
        WanImage2VideoLoopBeforeDenoiser,
        Wan22LoopDenoiser(guider_input_fields={"encoder_hidden_states": "pass_prompts"}),
        PinnedAfterDenoiser,
    ]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]


class RoutedWanBlocks(SequentialPipelineBlocks):
    """One window: from encoded prompts and given frames to pictures."""

    model_name = "wan-i2v"
    block_classes = [
        GivenFramesStep,
        WanTextInputStep,
        WanAdditionalInputsStep,
        WanSetTimestepsStep,
        WanPrepareLatentsStep,
        RoutedWanDenoiseStep,
        DecodeStep,
    ]
    block_names = ["given_frames", "text", "inputs", "timesteps", "latents", "denoise", "decode"]
