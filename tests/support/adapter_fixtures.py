"""Two people with a line each, and adapters of random weights for the tiny pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from tiny import VOICES, tiny_pipeline

from generation.adapters.lora import add_adapter, save_adapter
from generation.adapters.metadata import PARTS
from generation.core.performance import CastMember, Line
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import DISTILLED_ADAPTER

CAST = [CastMember("Ann", np.ones(64, np.float32), -0.5), CastMember("Bo", -np.ones(64, np.float32), 0.5)]
LINES = [Line("1", 0, 2, 10, " həloʊ ", (4, 6, 6, 8, 6, 6, 4)), Line("2", 1, 14, 8, " ha ", (8, 8, 8, 8))]


def stirred(pipeline: JointPipeline, rank: int = 2) -> JointPipeline:
    """With an adapter that changes something."""
    add_adapter(pipeline.transformer, DISTILLED_ADAPTER, rank)
    torch.manual_seed(3)
    for name, weight in pipeline.transformer.named_parameters():
        if ".lora_" in name:
            weight.data.normal_(std=0.2)
    return pipeline


def sampled_latents(pipeline: JointPipeline, perform: Callable[[], object]) -> tuple[np.ndarray, np.ndarray]:
    """Latents of sound (K, T, 400) and motion (K, T, 57) that the pipeline samples while something is performed."""
    kept = []
    denoise = pipeline.denoise

    def watched(*arguments: object) -> object:
        kept.append(denoise(*arguments))
        return kept[0]

    pipeline.denoise = watched
    try:
        perform()
    finally:
        del pipeline.denoise
    audio, motion = kept[0]
    return audio.blended[0].numpy(), motion.blended[0].numpy()


def write_adapter(
    path: Path, seed: int, part: str = "joint", voices: Iterable[str] = VOICES, languages: bool = False, **about: str
) -> Path:
    """A file of random weights for the transformer of the tiny pipeline with these voices, of all languages or not."""
    transformer = tiny_pipeline(voices, languages).transformer
    add_adapter(transformer, "made", 2, PARTS[part])
    generator = torch.Generator().manual_seed(seed)
    for name, weight in transformer.named_parameters():
        if ".lora_" in name:
            weight.data.copy_(0.2 * torch.randn(weight.shape, generator=generator))
    return save_adapter(transformer, "made", path, {"kind": "manner", **about})
