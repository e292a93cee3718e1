"""Modular blocks of LTX-2 with given speech: one pass per voice, with only that voice on the audio axis."""

from __future__ import annotations

import inspect

import torch
from diffusers import AutoencoderKLLTX2Audio, FlowMatchEulerDiscreteScheduler, LTX2VideoTransformer3DModel
from diffusers.configuration_utils import FrozenDict
from diffusers.modular_pipelines import LTX2ModularPipeline
from diffusers.modular_pipelines.ltx2.before_denoise import (
    LTX2ConditionPrepareCoordsStep,
    LTX2ConditionPrepareLatentsStep,
    LTX2ConditionSetTimestepsStep,
)
from diffusers.modular_pipelines.ltx2.decoders import LTX2VaeDecoderStep
from diffusers.modular_pipelines.ltx2.denoise import (
    LTX2ConditionLoopAfterDenoiser,
    LTX2ConditionLoopBeforeDenoiser,
    LTX2DenoiseLoopWrapper,
    convert_x0_to_velocity,
)
from diffusers.modular_pipelines.ltx2.encoders import LTX2ConditionEncoderStep
from diffusers.modular_pipelines.modular_pipeline import (
    BlockState,
    ModularPipelineBlocks,
    PipelineState,
    SequentialPipelineBlocks,
)
from diffusers.modular_pipelines.modular_pipeline_utils import ComponentSpec, InputParam, OutputParam
from torch import Tensor

from generation.backbones.audio_latents import encode_speech
from generation.backbones.guidance import PatchRoutedGuidance

PASS_INPUTS = {
    "encoder_hidden_states": "pass_prompts",
    "audio_encoder_hidden_states": "pass_audio_prompts",
    "encoder_attention_mask": "pass_prompt_masks",
    "audio_encoder_attention_mask": "pass_prompt_masks",
    "audio_hidden_states": "pass_sounds",
}
"""Arguments of the transformer that differ between passes, and the tuples that hold them."""
_PROMPTS = ("connector_prompt_embeds", "connector_audio_prompt_embeds", "connector_attention_mask")


class PassInputsStep(ModularPipelineBlocks):
    """Inputs of each pass: the prompt or none, and one voice or silence."""

    model_name = "ltx2"

    @property
    def description(self) -> str:
        """Description of the block."""
        return "Encodes each voice as clean audio tokens and lines up prompts and voices by guidance pass."

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """The audio codec."""
        return [ComponentSpec("audio_vae", AutoencoderKLLTX2Audio)]

    @property
    def inputs(self) -> list[InputParam]:
        """``sounds``: silence and each of the I voices of this window, :class:`generation.audio.waveform.Audio`."""
        prompts = [InputParam(f"{sign}{name}", required=True) for sign in ("", "negative_") for name in _PROMPTS]
        sizes = [InputParam(name, required=True) for name in ("num_frames", "frame_rate")]
        return [InputParam("sounds", required=True), *prompts, *sizes]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """Tuples by pass, and the number of audio tokens."""
        passes = [OutputParam(name) for name in dict.fromkeys(PASS_INPUTS.values())]
        count = OutputParam("audio_num_frames", type_hint=int, kwargs_type="denoiser_input_fields")
        return [*passes, OutputParam("audio_latents"), count]

    def __call__(self, components: LTX2ModularPipeline, state: PipelineState) -> tuple:
        """See the class."""
        block_state = self.get_block_state(state)
        rate = components.audio_sampling_rate / components.audio_hop_length
        seconds = block_state.num_frames / block_state.frame_rate
        n_tokens = round(seconds * rate / components.audio_vae_temporal_compression_ratio)
        silence, *voices = (encode_speech(components.audio_vae, sound, n_tokens) for sound in block_state.sounds)
        told = 1 + len(voices)
        names = ("pass_prompts", "pass_audio_prompts", "pass_prompt_masks")
        for name, source in zip(names, _PROMPTS, strict=True):
            nothing, prompt = getattr(block_state, f"negative_{source}"), getattr(block_state, source)
            setattr(block_state, name, (nothing, *[prompt] * told))
        block_state.pass_sounds = (silence, silence, *voices)
        block_state.audio_latents, block_state.audio_num_frames = silence, n_tokens
        self.set_block_state(state, block_state)
        return components, state


class PinStep(ModularPipelineBlocks):
    """Keeps tokens as those of a still picture: clean from the first step to the last, like a given frame."""

    model_name = "ltx2"

    @property
    def description(self) -> str:
        """Description of the block."""
        return "Replaces pinned video tokens by those of the still picture and marks them as conditioned."

    @property
    def inputs(self) -> list[InputParam]:
        """``pinned``: (N,) bool or None; ``still_latents``: (1, N, C), the picture as a video."""
        needed = [InputParam(name, required=True) for name in ("latents", "conditioning_mask", "clean_latents")]
        return [InputParam("pinned"), InputParam("still_latents"), *needed]

    def __call__(self, components: LTX2ModularPipeline, state: PipelineState) -> tuple:
        """See the class."""
        block_state = self.get_block_state(state)
        if block_state.pinned is not None:
            free = block_state.conditioning_mask[..., 0] == 0
            pinned = (free & block_state.pinned.to(free.device))[..., None]
            still = block_state.still_latents.to(block_state.latents)
            block_state.latents = torch.where(pinned, still, block_state.latents)
            block_state.clean_latents = torch.where(pinned, still, block_state.clean_latents)
            block_state.conditioning_mask = torch.where(pinned, 1.0, block_state.conditioning_mask)
        self.set_block_state(state, block_state)
        return components, state


class RoutedLoopDenoiser(ModularPipelineBlocks):
    """One pass a voice: in each, that voice's clean tokens are all there is on the audio axis.

    The time of the audio stream is 0 throughout, apart from that of the video stream; the stock denoiser has one for
    both and fails on given sound.
    """

    model_name = "ltx2"

    @property
    def description(self) -> str:
        """Description of the block."""
        return "Runs the transformer once a pass with that pass's voice as given audio and joins the predictions."

    @property
    def expected_components(self) -> list[ComponentSpec]:
        """Transformer, scheduler and the guider, whose routing weights are set from outside."""
        config = FrozenDict({"num_voices": 1, "listen_scale": 0.0})
        return [
            ComponentSpec("transformer", LTX2VideoTransformer3DModel),
            ComponentSpec("scheduler", FlowMatchEulerDiscreteScheduler),
            ComponentSpec("guider", PatchRoutedGuidance, config=config, default_creation_method="from_config"),
        ]

    @property
    def inputs(self) -> list[InputParam]:
        """Latents, what the passes are told, and sizes."""
        needed = ["latents", *dict.fromkeys(PASS_INPUTS.values()), "num_inference_steps", "frame_rate"]
        sizes = ["num_frames", "height", "width"]
        return [
            *(InputParam(name, required=True) for name in (*needed, *sizes)),
            InputParam.template("denoiser_input_fields"),
        ]

    @torch.no_grad()
    def __call__(self, components: LTX2ModularPipeline, block_state: BlockState, i: int, t: Tensor) -> tuple:
        """See the class."""
        transformer, guider = components.transformer, components.guider
        known = set(inspect.signature(transformer.forward).parameters)
        shared = {name: value for name, value in block_state.denoiser_input_fields.items() if name in known}
        shared |= {
            "num_frames": (block_state.num_frames - 1) // components.vae_temporal_compression_ratio + 1,
            "height": block_state.height // components.vae_spatial_compression_ratio,
            "width": block_state.width // components.vae_spatial_compression_ratio,
            "fps": block_state.frame_rate,
            # LTX-2.3 and later modulate each stream by the other's time
            "use_cross_timestep": bool(transformer.config.cross_attn_mod),
        }
        level = t.expand(block_state.latents.shape[0])
        guider.set_state(step=i, num_inference_steps=block_state.num_inference_steps, timestep=t)
        batches = guider.prepare_inputs_from_block_state(block_state, PASS_INPUTS)
        for batch in batches:
            told = {name: getattr(batch, name) for name in PASS_INPUTS}
            sound = told.pop("audio_hidden_states").to(block_state.dtype)
            guider.prepare_models(transformer)
            velocity = transformer(
                hidden_states=block_state.latent_model_input, timestep=block_state.video_timestep, sigma=level,
                audio_hidden_states=sound, audio_timestep=torch.zeros_like(sound[..., 0]),
                audio_sigma=torch.zeros_like(level), return_dict=False, **told, **shared,
            )[0]  # fmt: skip
            guider.cleanup_models(transformer)
            batch.noise_pred = block_state.latents - velocity.float() * components.scheduler.sigmas[i]
        block_state.noise_pred_video = guider(batches)[0]
        return components, block_state


class GivenSoundAfterDenoiser(LTX2ConditionLoopAfterDenoiser):
    """The stock step of the video stream, given tokens kept; the audio stream stays as it is given."""

    @property
    def inputs(self) -> list[InputParam]:
        """Latents and what of them is given."""
        return [InputParam(name, required=True) for name in ("latents", "conditioning_mask", "clean_latents")]

    @torch.no_grad()
    def __call__(self, components: LTX2ModularPipeline, block_state: BlockState, i: int, t: Tensor) -> tuple:
        """See the class."""
        clean = torch.lerp(block_state.noise_pred_video, block_state.clean_latents, block_state.conditioning_mask)
        velocity = convert_x0_to_velocity(block_state.latents, clean, i, components.scheduler)
        block_state.latents = components.scheduler.step(velocity, t, block_state.latents, return_dict=False)[0]
        return components, block_state


class RoutedDenoiseStep(LTX2DenoiseLoopWrapper):
    """The loop over the steps."""

    block_classes = [LTX2ConditionLoopBeforeDenoiser, RoutedLoopDenoiser, GivenSoundAfterDenoiser]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]


class RoutedLTX2Blocks(SequentialPipelineBlocks):
    """One window: from encoded prompts, given frames and voices to pictures."""

    model_name = "ltx2"
    block_classes = [
        LTX2ConditionEncoderStep,
        PassInputsStep,
        LTX2ConditionPrepareLatentsStep,
        PinStep,
        LTX2ConditionSetTimestepsStep,
        LTX2ConditionPrepareCoordsStep,
        RoutedDenoiseStep,
        LTX2VaeDecoderStep,
    ]
    block_names = ["given_frames", "passes", "latents", "pin", "timesteps", "coords", "denoise", "decode"]
