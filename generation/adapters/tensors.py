"""Whether the tensors of an adapter's file fit the weights that ship, by its header, and hold finite numbers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import deserialize, safe_open

from generation.adapters.metadata import VOICE, About
from generation.core.assets import asset

VOICE_SIZE = 64
_EXPONENTS = {"BF16": (np.uint16, 0x7F80), "F16": (np.uint16, 0x7C00), "F32": (np.uint32, 0x7F800000)}
"""Unsigned integers as wide as each type, and the bits of its exponent: all of them are set in NaN and infinity."""


def tensor_fault(about: About) -> str | None:
    """What is wrong with an adapter's tensors, a clause; None where they fit. A file is read once until it changes."""
    state = about.path.stat()
    return _fault(about, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _fault(about: About, changed: int, size: int) -> str | None:
    shapes = _shapes(about.path)
    wanted = _wanted(about)
    if VOICE in shapes:
        wanted[VOICE] = (VOICE_SIZE,)
    odd = sorted(name for name in wanted.keys() | shapes.keys() if wanted.get(name) != shapes.get(name))
    if odd:
        return f"does not fit the model ({', '.join(odd[:3])})"
    for name, entry in deserialize(about.path.read_bytes()):
        if entry["dtype"] not in _EXPONENTS:
            return f"holds numbers of another type ({name})"
        kind, exponent = _EXPONENTS[entry["dtype"]]
        if ((np.frombuffer(entry["data"], kind) & exponent) == exponent).any():
            return f"holds values that are not numbers ({name})"
    return None


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a safetensors file, from its header."""
    with safe_open(path, framework="numpy") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping


def _wanted(about: About) -> dict[str, tuple[int, ...]]:
    """Shapes of the two matrices of every layer that the adapter changes."""
    path = asset("model/transformer/diffusion_pytorch_model.safetensors")
    shapes = _base_shapes(path, path.stat().st_mtime_ns, path.stat().st_size)
    wanted: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes.items():
        layer = name.removesuffix(".weight")
        if layer != name and any(layer == end or layer.endswith(f".{end}") for end in about.layers):
            wanted[f"{layer}.lora_A.weight"] = (about.rank, *shape[1:])
            wanted[f"{layer}.lora_B.weight"] = (shape[0], about.rank, *(1 for _ in shape[2:]))
    return wanted


@lru_cache(maxsize=4)
def _base_shapes(path: Path, changed: int, size: int) -> dict[str, tuple[int, ...]]:
    return _shapes(path)
