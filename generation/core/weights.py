"""Loading weights so that a missing, foreign or damaged file is an error and never a warning."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from diffusers import ModelMixin

Model = TypeVar("Model", bound=ModelMixin)


def load_strict(model_class: type[Model], folder: Path) -> Model:
    """A model from a folder written by ``save_pretrained``, in float32 and in evaluation mode.

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
    return model.eval()
