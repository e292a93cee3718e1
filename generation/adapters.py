"""LoRA adapters of the joint transformer as files: strict safetensors that know the weights they were made for."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from generation.transformer import JointTransformer

LAYERS = ("to_qkv", "to_out", "expand", "contract", "modulation")
"""Layers of every block that an adapter may change."""
FILE = "pytorch_lora_weights.safetensors"
_MAX_RANK = 256


def base_hash(transformer: JointTransformer) -> str:
    """What tells one set of base weights from another: a hash of all of them in bf16, adapters left out."""
    digest = hashlib.sha256()
    weights = {k.replace(".base_layer.", "."): v for k, v in transformer.state_dict().items() if ".lora_" not in k}
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].detach().cpu().to(torch.bfloat16).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:32]


def add_adapter(transformer: JointTransformer, name: str, rank: int, layers: Sequence[str] = LAYERS) -> None:
    """Puts a new adapter into the transformer that changes nothing yet, and freezes everything else.

    Args:
        transformer: the base.
        name: of the adapter.
        rank: of its matrices; its scale is 1.
        layers: ends of the names of the linear layers that get it.
    """
    transformer.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=list(layers))
    transformer.add_adapter(config, adapter_name=name)


def save_adapter(
    transformer: JointTransformer, name: str, folder: Path, about: Mapping[str, str] | None = None
) -> Path:
    """Writes one adapter in bf16, with its rank, its layers and the hash of its base in the file's metadata.

    Args:
        transformer: base with the adapter in it.
        name: of the adapter.
        folder: gets ``pytorch_lora_weights.safetensors``, diffusers' name for such a file.
        about: further metadata.
    """
    config = transformer.peft_config[name]
    tensors = get_peft_model_state_dict(transformer, adapter_name=name)
    metadata = {
        "format": "pt",
        "base": base_hash(transformer),
        "rank": str(config.r),
        "layers": json.dumps(sorted(config.target_modules)),
        **(about or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.to(torch.bfloat16).contiguous() for k, v in tensors.items()}, folder / FILE, metadata)
    return folder / FILE


def load_adapter(transformer: JointTransformer, name: str, folder: Path) -> dict[str, str]:
    """Puts an adapter that :func:`save_adapter` wrote into the transformer.

    Args:
        transformer: the base that the adapter was made for.
        name: to be known by.
        folder: with the adapter's file.

    Returns:
        The file's metadata.

    Raises:
        RuntimeError: the file is missing or damaged, or was made for other weights.
    """
    path = folder / FILE
    tensors, about = _read(path)
    if about["base"] != base_hash(transformer):
        raise RuntimeError(f"The adapter {folder.name} was made for other weights; train it again on these.")
    rank, layers = int(about["rank"]), json.loads(about["layers"])
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=layers, inference_mode=True)
    transformer.add_adapter(config, adapter_name=name)
    wanted = {k: v.shape for k, v in get_peft_model_state_dict(transformer, adapter_name=name).items()}
    found = {k: v.shape for k, v in tensors.items()}
    if wanted != found:
        transformer.delete_adapters(name)
        odd = sorted(dict(wanted.items() ^ found.items()))[:3]
        raise RuntimeError(f"The adapter {folder.name} does not fit the model ({', '.join(odd)}); train it again.")
    set_peft_model_state_dict(transformer, {k: v.float() for k, v in tensors.items()}, adapter_name=name)
    transformer.requires_grad_(False)
    return about


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of an adapter's file, refused unless all of it is as :func:`save_adapter` writes it."""
    name = path.parent.name
    if not path.is_file():
        raise RuntimeError(f"The adapter {name} is missing; fetch the project's files again or train it.")
    try:
        with safe_open(path, "pt") as file:
            about = dict(file.metadata() or {})
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        rank, layers = int(about["rank"]), json.loads(about["layers"])
    except (SafetensorError, OSError, KeyError, ValueError, struct.error) as error:
        raise RuntimeError(f"The adapter {name} is damaged or no adapter of ours; fetch or train it again.") from error
    sound = 0 < rank <= _MAX_RANK and isinstance(layers, list) and set(layers) <= set(LAYERS) and "base" in about
    if not sound or not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise RuntimeError(f"The adapter {name} says impossible things of itself; fetch or train it again.")
    return tensors, about
