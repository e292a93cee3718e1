"""Strict loading of diffusers models: a missing, foreign or damaged file is an error, never a warning."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from diffusers import ModelMixin

Model = TypeVar("Model", bound=ModelMixin)
_ALIGNMENT = 64
"""Bytes by which torch aligns all that it allocates."""


def load_strict(model_class: type[Model], folder: Path) -> Model:
    """A model from a folder written by ``save_pretrained``, in float32, in aligned memory and in evaluation mode.

    Raises:
        RuntimeError: the folder or a file in it is missing or unreadable, or its weights do not fit the class.
    """
    repair = "fetch the project's files again, or train the model with scripts/train.py"
    if not (folder / "config.json").is_file():
        raise RuntimeError(f"The weights of {model_class.__name__} are missing at {folder.name}/: {repair}.")
    try:
        model, report = model_class.from_pretrained(
            folder, torch_dtype=torch.float32, output_loading_info=True, local_files_only=True, low_cpu_mem_usage=False
        )
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise RuntimeError(f"The weights of {model_class.__name__} cannot be read: {reason}; {repair}.") from error
    wrong = [f"{kind}: {names[:3]}" for kind, names in report.items() if names]
    if wrong:
        raise RuntimeError(f"The weights of {model_class.__name__} do not fit ({'; '.join(wrong)}): {repair}.")
    _leave_the_file(model)
    return model.eval()


def _leave_the_file(model: ModelMixin) -> None:
    """Copies weights that still lie in the mapped file into memory of their own.

    Safetensors places them at any multiple of four bytes, and on some processors (AMD with AVX-512) the products of
    matrices round by alignment: the same weights then compute other numbers than those that were saved. Weights in
    bfloat16, as those that ship, are converted while they load and are copies already.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.data_ptr() % _ALIGNMENT:
            tensor.data = tensor.data.clone()
