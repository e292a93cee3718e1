"""Checks whether a folder holds the weights of a backbone, and how much memory they take, without loading them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.core.result_key import result_key

INDEX = ("modular_model_index.json", "model_index.json")
HEADROOM = 1.25
"""Memory that a run takes, times that of the weights that are loaded at once: activations, latents, pictures."""
_SAMPLES, _SAMPLE_BYTES = 64, 65_536


@dataclass(frozen=True)
class BackboneKind:
    """A kind of backbone.

    Attributes:
        name: as people write it.
        transformer: class of its transformer in diffusers.
        text: parts that encode the prompts, loaded first and let go.
        window: parts that make a window.
        longest: seconds of the longest scene: windows go on from each other, and what drifts adds up.
    """

    name: str
    transformer: str
    text: tuple[str, ...]
    window: tuple[str, ...]
    longest: float = 60.0


KINDS = {
    "ltx2": BackboneKind(
        "LTX-2",
        "LTX2VideoTransformer3DModel",
        ("text_encoder", "tokenizer", "connectors"),
        ("transformer", "vae", "audio_vae", "scheduler"),
    ),
    "wan": BackboneKind(
        "Wan",
        "WanTransformer3DModel",
        ("text_encoder", "tokenizer"),
        ("transformer", "transformer_2", "vae", "scheduler"),
    ),
}
WITHOUT_WEIGHTS = ("tokenizer", "scheduler")


def check_folder(folder: Path, kind: str) -> None:
    """Refuses a folder that this backbone cannot be loaded from.

    Raises:
        ValueError: one sentence: what is wrong with the folder, and what to do.
    """
    wanted = KINDS[kind]
    if not folder.is_dir():
        raise ValueError(f"The weights folder {folder} does not exist; download {wanted.name} and name its folder.")
    parts = _index(folder)
    if not parts:
        raise ValueError(
            f"The folder {folder} holds no model in diffusers' layout (no {INDEX[1]}); name one that does."
        )
    found = _class_name(parts.get("transformer"))
    if found != wanted.transformer:
        other = next((key for key, value in KINDS.items() if value.transformer == found), None)
        remedy = f"use --backbone {other}" if other else f"name a folder of {wanted.name}"
        raise ValueError(f"The folder {folder} holds {found or 'no video model'}, not {wanted.name}; {remedy}.")
    missing = [name for name in (*wanted.text, *wanted.window) if not _whole(folder / name, name)]
    if missing:
        raise ValueError(
            f"The weights folder {folder} has no {' and no '.join(missing)}; {wanted.name} needs"
            f" {', '.join((*wanted.text, *wanted.window))}{_variant(kind)}."
        )
    if kind == "wan" and _config(folder / "transformer").get("in_channels") != 36:
        raise ValueError(f"The folder {folder} holds a Wan that takes no picture; name Wan 2.2 image to video (A14B).")


def _variant(kind: str) -> str:
    return ", as Wan 2.2 image to video (A14B) has them" if kind == "wan" else ""


def needed_bytes(folder: Path, kind: str, item_size: int) -> int:
    """Memory that the backbone takes: the larger of its two stages, with room to work.

    Args:
        folder: of the weights.
        kind: of the backbone.
        item_size: bytes of a weight as it is loaded.
    """
    stages = (KINDS[kind].text, KINDS[kind].window)
    numbers = max(sum(_count(folder / name) for name in stage) for stage in stages)
    return round(HEADROOM * item_size * numbers)


def check_memory(needed: int, free: int, device: str) -> None:
    """Refuses what does not fit.

    Raises:
        ValueError: one sentence with both figures.
    """
    if needed > free:
        raise ValueError(
            f"The backbone needs about {needed / 2**30:.0f} GiB of memory on {device} and {free / 2**30:.0f} GiB are"
            " free; use a device with more, or close other programs."
        )


def weights_key(folder: Path) -> str:
    """Names the weights of a folder by the size and samples of the contents of every file."""
    parts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            parts.append(str(path.relative_to(folder)).encode())
            parts.append(_sampled(path))
    return result_key(*parts)


def _sampled(path: Path) -> bytes:
    """Length, and the contents at places all over a file: to read 40 GB takes as long as to make a window."""
    size = path.stat().st_size
    taken = [str(size).encode()]
    with path.open("rb") as file:
        for sample in range(_SAMPLES):
            file.seek(max(0, size - _SAMPLE_BYTES) * sample // max(1, _SAMPLES - 1))
            taken.append(file.read(_SAMPLE_BYTES))
            if size <= _SAMPLE_BYTES:
                break
    return b"".join(taken)


def _index(folder: Path) -> Mapping[str, Any]:
    for name in INDEX:
        if (folder / name).is_file():
            return _json(folder / name)
    return {}


def _class_name(entry: object) -> str | None:
    return entry[1] if isinstance(entry, list) and len(entry) >= 2 else None


def _config(folder: Path) -> Mapping[str, Any]:
    return _json(folder / "config.json") if (folder / "config.json").is_file() else {}


def _json(path: Path) -> Mapping[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _whole(folder: Path, name: str) -> bool:
    """Whether a part is there, with all the files of weights that its own index names."""
    if not folder.is_dir():
        return False
    if name in WITHOUT_WEIGHTS:
        return any(folder.glob("*.json"))
    indexed = {str(file) for index in folder.glob("*.index.json") for file in _json(index)["weight_map"].values()}
    return any(folder.glob("*.safetensors")) and all((folder / file).is_file() for file in indexed)


def _count(folder: Path) -> int:
    return sum(math.prod(shape) for path in folder.glob("*.safetensors") for shape in _shapes(path))


def _shapes(path: Path) -> Iterator[list[int]]:
    """Shapes of the tensors in a safetensors file, from its head."""
    with path.open("rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    yield from (entry["shape"] for name, entry in head.items() if name != "__metadata__")
