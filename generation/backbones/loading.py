"""Loading parts of a diffusers folder into a modular pipeline, offline, and saying which part does not load."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from transformers.utils.logging import disable_progress_bar

if TYPE_CHECKING:
    from diffusers.modular_pipelines import ModularPipeline
    from diffusers.modular_pipelines.modular_pipeline import ModularPipelineBlocks

DTYPES = {2: torch.bfloat16, 4: torch.float32}
"""Type of the weights by the bytes that one takes."""


def load_pipeline(
    blocks: ModularPipelineBlocks, folder: Path, parts: Sequence[str], device: str, dtype: torch.dtype
) -> ModularPipeline:
    """A pipeline of these blocks with these parts of the folder.

    Raises:
        ValueError: a part that cannot be loaded, by name.
    """
    # what fails is said below in one sentence, and what a block raises reaches the caller: no traceback besides
    logging.getLogger("diffusers.modular_pipelines.modular_pipeline").setLevel(logging.CRITICAL)
    logging.getLogger("diffusers.modular_pipelines.modular_pipeline_utils").setLevel(logging.ERROR)
    disable_progress_bar()
    pipeline = blocks.init_pipeline(str(folder))
    pipeline.load_components(names=list(parts), dtype=dtype, local_files_only=True)
    failed = [name for name in parts if getattr(pipeline, name, None) is None]
    if failed:
        raise ValueError(f"{' and '.join(failed)} of the weights folder {folder} cannot be loaded; copy it again.")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)
