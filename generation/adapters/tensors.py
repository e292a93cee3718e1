"""Whether the tensors of an adapter's file fit the weights that ship, by its header, and hold finite numbers."""

from __future__ import annotations

import json
import math
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from generation.adapters.metadata import VOICE, About
from generation.core.assets import asset

VOICE_SIZE = 64
_EXPONENTS = {"BF16": (np.uint16, 0x7F80), "F16": (np.uint16, 0x7C00), "F32": (np.uint32, 0x7F800000)}
"""Unsigned integers as wide as each type, and the bits of its exponent: all of them are set in NaN and infinity."""
_MOST_HEADER = 10_000_000


def tensor_fault(about: About) -> str | None:
    """What is wrong with an adapter's tensors, a clause; None where they fit. A file is read once until it changes."""
    state = about.path.stat()
    return _fault(about, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _fault(about: About, changed: int, size: int) -> str | None:
    with about.path.open("rb") as file:
        data = file.read()
    header, first = _header(data)
    shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
    wanted = _wanted(about)
    if VOICE in shapes:
        wanted[VOICE] = (VOICE_SIZE,)
    odd = sorted(name for name in wanted.keys() | shapes.keys() if wanted.get(name) != shapes.get(name))
    if odd:
        return f"does not fit the model ({', '.join(odd[:3])})"
    for name, entry in header.items():
        if entry["dtype"] not in _EXPONENTS:
            return f"holds numbers of another type ({name})"
        kind, exponent = _EXPONENTS[entry["dtype"]]
        begin, end = (first + offset for offset in entry["data_offsets"])
        bits = np.frombuffer(data[begin:end], kind)
        if len(bits) != math.prod(shapes[name]) or ((bits & exponent) == exponent).any():
            return f"holds values that are not numbers ({name})"
    return None


def _header(data: bytes) -> tuple[dict[str, dict[str, Any]], int]:
    """Entries of a safetensors file by name, and where its values begin."""
    (length,) = struct.unpack("<Q", data[:8])
    return {k: v for k, v in json.loads(data[8 : 8 + length]).items() if k != "__metadata__"}, 8 + length


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
    with path.open("rb") as file:
        head = file.read(8)
        (length,) = struct.unpack("<Q", head)
        header, _ = _header(head + file.read(min(length, _MOST_HEADER)))
    return {name: tuple(entry["shape"]) for name, entry in header.items()}
