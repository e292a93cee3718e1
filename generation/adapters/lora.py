"""Reads, writes and attaches LoRA adapter files: strict safetensors tied to the weights that they were made for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from generation.adapters.metadata import LAYERS, VOICE, About, read_about
from generation.models.transformer import JointTransformer

FILE = "pytorch_lora_weights.safetensors"


def base_hash(transformer: JointTransformer) -> str:
    """Hash of the base weights in bf16, without adapters: it tells one set of base weights from another."""
    digest = hashlib.sha256()
    weights = {k.replace(".base_layer.", "."): v for k, v in transformer.state_dict().items() if ".lora_" not in k}
    for name, module in transformer.named_modules():
        if isinstance(module, LoraLayer) and module.merged:
            weights[f"{name}.weight"] = module.plain_weight
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].detach().cpu().to(torch.bfloat16).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:32]


def add_adapter(transformer: JointTransformer, name: str, rank: int, layers: Sequence[str] = LAYERS) -> None:
    """Puts a new adapter into the transformer that changes nothing yet, alone active, and freezes everything else.

    Args:
        transformer: the base.
        name: of the adapter.
        rank: of its matrices; its scale is 1.
        layers: ends of the names of the linear layers that get it.
    """
    transformer.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=list(layers))
    transformer.add_adapter(config, adapter_name=name)
    # Layers that hold a disabled adapter stay disabled, the new one with them.
    transformer.enable_adapters()


def switch_adapters(transformer: JointTransformer, on: bool) -> None:
    """Adapters that act on everybody: merged into the layers' weights, which costs nothing a call, or out of the way.

    The weights without them are kept beside the layers, so that they come back to the bit.
    """
    (transformer.enable_adapters if on else transformer.disable_adapters)()
    for module in transformer.modules():
        if not isinstance(module, LoraLayer) or module.merged == on:
            continue
        weight = module.get_base_layer().weight
        if on:
            module.plain_weight, weight.data = weight.data, weight.data.clone()
            module.merge()
        else:
            weight.data = module.plain_weight.to(weight.device)
            module.merged_adapters.clear()


def save_adapter(
    transformer: JointTransformer,
    name: str,
    path: Path,
    about: Mapping[str, str] | None = None,
    voice: Tensor | None = None,
) -> Path:
    """Writes one adapter in bf16, with its rank, its layers and the hash of its base in the file's metadata.

    Args:
        transformer: base with the adapter in it.
        name: of the adapter.
        path: the file, or a folder that gets ``pytorch_lora_weights.safetensors``, diffusers' name for such a file.
        about: further metadata, by the names of :class:`generation.adapters.metadata.About`.
        voice: (64,) vector of the voice that it was trained on.
    """
    config = transformer.peft_config[name]
    tensors = get_peft_model_state_dict(transformer, adapter_name=name)
    tensors = {k: v.detach().to(torch.bfloat16).contiguous() for k, v in tensors.items()}
    if voice is not None:
        tensors[VOICE] = voice.detach().float().contiguous()
    metadata = {
        "format": "pt",
        "base": base_hash(transformer),
        "rank": str(config.r),
        "alpha": str(config.lora_alpha),
        "layers": json.dumps(sorted(config.target_modules)),
        **({} if about is None else about),
    }
    path = path if path.suffix == ".safetensors" else path / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata)
    return path


def read_adapter(path: Path) -> tuple[dict[str, Tensor], About]:
    """Tensors of an adapter's file in float32, and what it says of itself.

    Raises:
        RuntimeError: as :func:`generation.adapters.metadata.read_about`, or a tensor that holds no finite numbers.
    """
    about = read_about(path)
    try:
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        message = f"The adapter {about.name} is damaged or no adapter of ours; fetch or train it again."
        raise RuntimeError(message) from error
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise RuntimeError(f"The adapter {about.name} says impossible things of itself; fetch or train it again.")
    return tensors, about


def write_scaled_adapter(source: Path, target: Path, share: float) -> Path:
    """Writes an adapter's file anew with its matrices at a share of what they do; voice and delivery stay as they are.

    Args:
        source: written by :func:`save_adapter`.
        target: gets the other file, and is returned.
        share: of what the matrices add to their layers.
    """
    with safe_open(source, "pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    save_file({key: share * value if ".lora_B." in key else value for key, value in tensors.items()}, target, metadata)
    return target


def write_reduced_adapter(source: Path, target: Path, rank: int, base: str) -> Path:
    """Writes an adapter's file anew at a lower rank, for a base: a start for training it on that base.

    What each layer adds is replaced by its best approximation of that rank (Eckart and Young 1936).

    Args:
        source: written by :func:`save_adapter`; of a lower rank already = only the base is changed.
        target: gets the other file, and is returned; ``source`` itself is fine.
        rank: of the matrices at most.
        base: hash of the weights, see :func:`base_hash`.
    """
    with safe_open(source, "pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    metadata["base"] = base
    if int(metadata["rank"]) > rank:
        metadata |= {"rank": str(rank), "alpha": str(rank)}
        for down in [key for key in tensors if ".lora_A." in key]:
            up = down.replace(".lora_A.", ".lora_B.")
            left, values, right = torch.linalg.svd(tensors[up].double() @ tensors[down].double(), full_matrices=False)
            root = values[:rank].sqrt()
            tensors[up] = (left[:, :rank] * root).to(torch.bfloat16).contiguous()
            tensors[down] = (root[:, None] * right[:rank]).to(torch.bfloat16).contiguous()
    save_file(tensors, target, metadata)
    return target


def check_base(about: About, base: str) -> None:
    """Refuses an adapter that was made for other weights.

    Raises:
        RuntimeError: it was.
    """
    if about.base != base:
        raise RuntimeError(f"The adapter {about.name} was made for other weights; train it again on these.")


def shape_error(
    name: str, wanted: Mapping[str, Sequence[int]], found: Mapping[str, Sequence[int]]
) -> RuntimeError | None:
    """The error about tensors that are missing, foreign or of another shape; None when all fit."""
    odd = sorted(
        key for key in wanted.keys() | found.keys() if tuple(wanted.get(key, ())) != tuple(found.get(key, ()))
    )[:3]
    return (
        RuntimeError(f"The adapter {name} does not fit the model ({', '.join(odd)}); train it again.") if odd else None
    )


def fill_adapter(transformer: JointTransformer, name: str, tensors: dict[str, Tensor], about: About) -> None:
    """Puts tensors of :func:`read_adapter` into an adapter that the transformer has, whatever weights they were for.

    Raises:
        RuntimeError: they are of another shape.
    """
    wanted = {k: v.shape for k, v in get_peft_model_state_dict(transformer, adapter_name=name).items()}
    if error := shape_error(about.name, wanted, {k: v.shape for k, v in tensors.items()}):
        raise error
    set_peft_model_state_dict(transformer, tensors, adapter_name=name)


def load_adapter(transformer: JointTransformer, name: str, path: Path) -> tuple[About, Tensor | None]:
    """Puts an adapter that :func:`save_adapter` wrote into the transformer.

    Args:
        transformer: the base that the adapter was made for.
        name: to be known by.
        path: of the file, or of the folder with it.

    Returns:
        What the file says of itself, and the voice's speaker embedding (64,) if it holds one.

    Raises:
        RuntimeError: the file is missing or damaged, or was made for other weights.
    """
    tensors, about = read_adapter(path if path.suffix == ".safetensors" else path / FILE)
    check_base(about, base_hash(transformer))
    voice = tensors.pop(VOICE, None)
    config = LoraConfig(r=about.rank, lora_alpha=about.rank, target_modules=list(about.layers), inference_mode=True)
    transformer.add_adapter(config, adapter_name=name)
    try:
        fill_adapter(transformer, name, tensors, about)
    except RuntimeError:
        transformer.delete_adapters(name)
        raise
    transformer.requires_grad_(False)
    return about, voice
