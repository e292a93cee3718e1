"""LTX-2 as a backbone: the generated speech is its audio condition, one pass per voice, routed by the masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.modular_pipelines import LTX2ModularPipeline
from diffusers.modular_pipelines.ltx2.modular_blocks_ltx2 import LTX2TextConditioningStep
from diffusers.pipelines.ltx2.pipeline_ltx2_condition import LTX2VideoCondition
from diffusers.utils import is_av_available
from torch import Tensor

from generation.audio.waveform import Audio
from generation.backbones.guidance import PatchRoutedGuidance
from generation.backbones.loading import DTYPES, load_pipeline
from generation.backbones.ltx2_blocks import RoutedLTX2Blocks
from generation.backbones.scene import WindowInputs
from generation.core.clock import FPS, SAMPLE_RATE

NEGATIVE = "worst quality, inconsistent motion, blurry, jittery, distorted, subtitles, text"
TEXT_SCALE, SPEAK_SCALE = 3.0, 3.0
"""Guidance by the prompt and by the own voice: LTX-2's own for its prompt and the other stream."""
PICTURE_CRF = 33
"""Still pictures that the model learned from were compressed so."""
WINDOW_PARTS = ("transformer", "vae", "audio_vae", "scheduler")
TEXT_PARTS = ("text_encoder", "tokenizer", "connectors")


@dataclass
class LTX2Backbone:
    """See :class:`generation.backbones.scene.Backbone`.

    Attributes:
        pipeline: of one window, without text encoder.
        texts: prompt -> what the text stage gives; one scene has one prompt.
        steps: of the sampler.
        on_pass: called before each pass of the transformer.
    """

    pipeline: LTX2ModularPipeline
    texts: dict[str, dict[str, Tensor]]
    on_pass: Callable[[], None] = staticmethod(lambda: None)
    steps: int = 30
    window: int = 121
    overlap: int = 17
    fps: int = FPS
    hears: bool = True
    _still: tuple[np.ndarray, Tensor] | None = field(default=None, repr=False)

    @classmethod
    def load(cls, folder: Path, prompts: set[str], device: str, item_size: int) -> LTX2Backbone:
        """Encode the prompts, let the text encoder go, and load the rest; weights take 2 (bfloat16) or 4 bytes.

        Raises:
            ValueError: a part of the folder cannot be loaded.
        """
        dtype = DTYPES[item_size]
        text = load_pipeline(LTX2TextConditioningStep(), folder, TEXT_PARTS, device, dtype)
        texts = {
            prompt: {
                name: value
                for name, value in text(prompt=prompt, negative_prompt=NEGATIVE).values.items()
                if "connector_" in name
            }
            for prompt in prompts
        }
        del text
        pipeline = load_pipeline(RoutedLTX2Blocks(), folder, WINDOW_PARTS, device, dtype)
        pipeline.vae.enable_tiling()
        return cls(pipeline, texts)

    @property
    def stride(self) -> int:
        """See :class:`generation.backbones.scene.Backbone`."""
        return self.pipeline.vae_spatial_compression_ratio * self.pipeline.transformer_spatial_patch_size

    @property
    def patch(self) -> int:
        """See :class:`generation.backbones.scene.Backbone`."""
        return self.stride

    @property
    def time_ratio(self) -> int:
        """See :class:`generation.backbones.scene.Backbone`."""
        return self.pipeline.vae_temporal_compression_ratio

    def make(self, window: WindowInputs, *, seed: int) -> np.ndarray:
        """See :class:`generation.backbones.scene.Backbone`."""
        video = self.run(window, seed=seed)["videos"][0]
        return np.round(np.clip(video, 0, 1) * 255).astype(np.uint8)

    def run(
        self,
        window: WindowInputs,
        *,
        seed: int,
        output_type: str = "np",
    ) -> dict[str, Any]:
        """A window as ``videos``, (1, F, H, W, 3) in [0, 1], and as its ``latents``, (1, N, C).

        Args:
            window: what to make.
            seed: of the noise.
            output_type: ``latent`` leaves the pictures out.
        """
        height, width = window.still.shape[:2]
        self.pipeline.update_components(guider=self._guider(window))
        silence = Audio(np.zeros(round(window.n_frames / self.fps * SAMPLE_RATE), np.float32), SAMPLE_RATE)
        crf = PICTURE_CRF if is_av_available() else 0
        pinned = None if window.pinned is None else torch.as_tensor(window.pinned)
        text = self.texts[window.prompt]
        return self.pipeline(
            **text,
            conditions=[LTX2VideoCondition(frames=window.given, index=0, strength=1.0, crf=crf)],
            sounds=[silence, *window.sounds],
            pinned=pinned,
            still_latents=None if pinned is None else self._still_latents(window),
            height=height,
            width=width,
            num_frames=window.n_frames,
            frame_rate=float(self.fps),
            num_inference_steps=self.steps,
            generator=torch.Generator("cpu").manual_seed(seed),
            batch_size=1,
            dtype=self.pipeline.transformer.dtype,
            output_type=output_type,
            output=["videos", "latents"],
        )

    def _guider(self, window: WindowInputs) -> PatchRoutedGuidance:
        members = torch.as_tensor(window.routing_weights, device=self.pipeline._execution_device)[None]
        guider = PatchRoutedGuidance(
            num_voices=members.shape[1], text_scale=TEXT_SCALE, speak_scale=SPEAK_SCALE, listen_scale=0.0
        )
        guider.set_routing_weights(members)
        guider.on_pass = self.on_pass
        return guider

    def _still_latents(self, window: WindowInputs) -> Tensor:
        """The picture as a video of the longest window, (1, N, C); a causal codec gives the same for a shorter one."""
        if self._still is None or not np.array_equal(self._still[0], window.still):
            vae = self.pipeline.vae
            pixels = torch.as_tensor(window.still, device=vae.device).permute(2, 0, 1) / 127.5 - 1
            video = pixels[None, :, None].expand(-1, -1, max(self.window, window.n_frames), -1, -1)
            with torch.no_grad():
                latents = vae.encode(video.to(vae.dtype)).latent_dist.mode().float()
            mean, std = (stats.view(1, -1, 1, 1, 1).to(latents) for stats in (vae.latents_mean, vae.latents_std))
            packed = ((latents - mean) / std).flatten(2).transpose(1, 2)
            self._still = (window.still, packed)
        steps = (window.n_frames - 1) // self.time_ratio + 1
        return self._still[1][:, : steps * (window.routing_weights.shape[1] // steps)]
