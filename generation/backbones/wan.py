"""Wan 2.2 as a backbone: it takes no sound, so each person's action is a text prompt routed by their mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.modular_pipelines import WanModularPipeline
from torch import Tensor

from generation.backbones.guidance import PatchRoutedGuidance
from generation.backbones.loading import DTYPES, load_pipeline
from generation.backbones.people_apart import keep_apart
from generation.backbones.scene import WindowInputs
from generation.backbones.wan_blocks import PromptsStep, RoutedWanBlocks, encode_latents

NEGATIVE = "bright colours, overexposed, blurred details, subtitles, worst quality, deformed face, still picture"
SCALE = 4.0
"""Guidance by the prompt: Wan 2.2's own."""
WINDOW_PARTS = ("transformer", "transformer_2", "vae", "scheduler")
TEXT_PARTS = ("text_encoder", "tokenizer")


@dataclass
class WanBackbone:
    """See :class:`generation.backbones.scene.Backbone`.

    Attributes:
        pipeline: of one window, without text encoder.
        texts: prompt -> embeddings (1, 512, C); ``NEGATIVE`` among them.
        steps: of the sampler.
        on_pass: called before each pass of a transformer.
    """

    pipeline: WanModularPipeline
    texts: dict[str, Tensor]
    on_pass: Callable[[], None] = staticmethod(lambda: None)
    steps: int = 40
    window: int = 81
    overlap: int = 5
    fps: int = 16
    hears: bool = False
    _still: tuple[np.ndarray, Tensor] | None = field(default=None, repr=False)

    @classmethod
    def load(cls, folder: Path, prompts: set[str], device: str, item_size: int) -> WanBackbone:
        """Encode the prompts, let the text encoder go, and load the rest; weights take 2 (bfloat16) or 4 bytes.

        Raises:
            ValueError: a part of the folder cannot be loaded.
        """
        dtype = DTYPES[item_size]
        known = sorted(prompts | {NEGATIVE})
        text = load_pipeline(PromptsStep(), folder, TEXT_PARTS, device, dtype)
        embeds = text(prompts=known, output="embeds")
        del text
        pipeline = load_pipeline(RoutedWanBlocks(), folder, WINDOW_PARTS, device, dtype)
        pipeline.vae.enable_tiling()
        return cls(pipeline, {prompt: embeds[i : i + 1] for i, prompt in enumerate(known)})

    @property
    def stride(self) -> int:
        """See :class:`generation.backbones.scene.Backbone`."""
        return self.patch * self.pipeline.patch_size_spatial

    @property
    def patch(self) -> int:
        """See :class:`generation.backbones.scene.Backbone`: a cell of the latent video, finer than a token."""
        return self.pipeline.vae_scale_factor_spatial

    @property
    def time_ratio(self) -> int:
        """See :class:`generation.backbones.scene.Backbone`."""
        return self.pipeline.vae_scale_factor_temporal

    def make(self, window: WindowInputs, *, seed: int) -> np.ndarray:
        """See :class:`generation.backbones.scene.Backbone`."""
        video = self.run(window, seed=seed)["videos"][0]
        return np.round(np.clip(video, 0, 1) * 255).astype(np.uint8)

    def run(self, window: WindowInputs, *, seed: int, output_type: str = "np") -> dict[str, Any]:
        """A window as ``videos``, (1, F, H, W, 3) in [0, 1], and as its ``latents``, (1, C, F, H / 8, W / 8).

        Args:
            window: what to make.
            seed: of the noise.
            output_type: ``latent`` leaves the pictures out.
        """
        height, width = window.still.shape[:2]
        self.pipeline.update_components(guider=self._guider(window), guider_2=self._guider(window))
        nothing, prompt = self.texts[NEGATIVE], self.texts[window.prompt]
        n_steps = (window.n_frames - 1) // self.time_ratio + 1
        cells = (n_steps, height // self.patch, width // self.patch)
        members = torch.as_tensor(window.routing_weights, device=self.pipeline._execution_device)
        keep_apart([self.pipeline.transformer, self.pipeline.transformer_2], members.unflatten(1, cells))
        pinned = None if window.pinned is None else torch.as_tensor(window.pinned).view(cells)
        return self.pipeline(
            given=self._pixels(window.given),
            prompt_embeds=prompt,
            negative_prompt_embeds=nothing,
            pass_prompts=(nothing, prompt, *(self.texts[action] for action in window.actions)),
            pinned=pinned,
            still_latents=None if pinned is None else self._still_latents(window)[:, :, :n_steps],
            height=height,
            width=width,
            num_frames=window.n_frames,
            num_inference_steps=self.steps,
            generator=torch.Generator("cpu").manual_seed(seed),
            output_type=output_type,
            output=["videos", "latents"],
        )

    def _guider(self, window: WindowInputs) -> PatchRoutedGuidance:
        members = torch.as_tensor(window.routing_weights, device=self.pipeline._execution_device)[None]
        guider = PatchRoutedGuidance(num_voices=members.shape[1], text_scale=SCALE, speak_scale=SCALE, listen_scale=0.0)
        guider.set_routing_weights(members)
        guider.on_pass = self.on_pass
        return guider

    def _pixels(self, frames: np.ndarray) -> Tensor:
        """(G, H, W, 3) uint8 frames as (1, 3, G, H, W) in [-1, 1]."""
        pixels = torch.as_tensor(frames, device=self.pipeline._execution_device) / 127.5 - 1
        return pixels.permute(3, 0, 1, 2)[None]

    def _still_latents(self, window: WindowInputs) -> Tensor:
        """The picture as a video of the longest window; a causal codec gives the same for a shorter one."""
        if self._still is None or not np.array_equal(self._still[0], window.still):
            video = self._pixels(window.still[None]).expand(-1, -1, max(self.window, window.n_frames), -1, -1)
            with torch.no_grad():
                self._still = (window.still, encode_latents(self.pipeline.vae, video))
        return self._still[1]
