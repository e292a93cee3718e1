"""Metadata of adapter files, read without torch: base weights, size, licence, consent, delivery."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open

from generation.core.assets import asset, assets_root
from generation.core.delivery import AVERAGE, Delivery

LAYERS = ("to_qkv", "to_out", "expand", "contract", "modulation")
"""Layers of every block that an adapter may change."""
MEL_LAYERS = ("detail", "neighbours", "mix")
"""Layers of the mel head that an adapter may change."""
Part = Literal["audio", "motion", "joint"]
PARTS: dict[Part, tuple[str, ...]] = {
    "audio": (*(f"audio.{layer}" for layer in LAYERS), *MEL_LAYERS),
    "motion": tuple(f"motion.{layer}" for layer in LAYERS),
}
"""Ends of the names of the layers that an adapter of each part changes."""
PARTS["joint"] = PARTS["audio"] + PARTS["motion"]
MOST_STRENGTH = 1.5
SUFFIX = ".safetensors"
VOICE = "voice"
"""Name of the tensor (64,) float32 that a voice's file holds besides its matrices."""
CONSENTS = ("drawn", "me", "agreed", "public")
"""Whose voice or face it was trained on, as scenes say it of pictures; ``drawn`` = nobody's, made by a machine."""
_KINDS = ("style", "voice", "motion", "distilled_sampler")
_FORMER_KINDS = {"manner": "style", "moves": "motion", "few_steps": "distilled_sampler"}
_FORMER_KEYS = {"habits": "delivery", "taught": "trained_on", "averted": "gaze_aversion"}
"""Names in older files, by what they are called now."""
_MAX_RANK, _MAX_BYTES, _MAX_TEXT = 256, 64_000_000, 600
_TENSOR = re.compile(r"(blocks\.\d+\.(audio|motion)|mel_head(\.blocks\.\d+)?)\.[a-z_]+\.lora_[AB]\.weight")


@dataclass(frozen=True)
class About:
    """Metadata of one adapter file.

    Attributes:
        path: of the file.
        base: hash of the weights that it was made for.
        rank: of its matrices; their scale is 1.
        layers: ends of the names of the layers that it changes.
        kind: a ``style`` of speaking and moving, a ``voice``, somebody's way of moving (``motion``), or
            ``distilled_sampler``.
        does: one line for the reader.
        licence: SPDX name.
        consent: one of :data:`CONSENTS`, empty for an adapter that was trained on nobody's recordings.
        statement: who agreed, when and how.
        trained_on: what it was trained on.
        delivery: what comes with it beside the weights, at strength 1.
    """

    path: Path
    base: str
    rank: int
    layers: tuple[str, ...]
    kind: str = "style"
    does: str = ""
    licence: str = ""
    consent: str = ""
    statement: str = ""
    trained_on: str = ""
    delivery: Delivery = AVERAGE

    @property
    def name(self) -> str:
        """What the file is called, without its suffix; a file with diffusers' own name is called as its folder."""
        return self.path.parent.name if self.path.name.startswith("pytorch_lora") else self.path.stem

    @property
    def part(self) -> str:
        """``speech``, ``motion`` or ``speech and motion``: what it touches."""
        spoken = any(not layer.startswith("motion.") for layer in self.layers)
        moved = any(not layer.startswith("audio.") and layer not in MEL_LAYERS for layer in self.layers)
        return "speech and motion" if spoken and moved else "speech" if spoken else "motion"


def read_about(path: Path) -> About:
    """Reads the metadata of an adapter file; refused unless they are as ``adapters.save_adapter`` writes them.

    Raises:
        RuntimeError: missing, cut off, no adapter of ours, or impossible values; one sentence.
    """
    name = path.parent.name if path.name.startswith("pytorch_lora") else path.stem
    if not path.is_file():
        raise RuntimeError(f"The adapter {name} is missing; fetch the project's files again or train it.")
    if path.stat().st_size > _MAX_BYTES:
        raise RuntimeError(f"The adapter {name} is larger than {_MAX_BYTES // 10**6} MB, which none of ours is.")
    try:
        with safe_open(path, "np") as file:
            written = {_FORMER_KEYS.get(key, key): value for key, value in (file.metadata() or {}).items()}
            strange = [key for key in file.keys() if key != VOICE and not _TENSOR.fullmatch(key)]  # noqa: SIM118
        rank, layers, base = int(written["rank"]), json.loads(written["layers"]), written["base"]
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        raise RuntimeError(f"The adapter {name} is damaged or no adapter of ours; fetch or train it again.") from error
    known = {*LAYERS, *PARTS["joint"]}
    sound = 0 < rank <= _MAX_RANK and isinstance(layers, list) and layers and re.fullmatch(r"[0-9a-f]{32}", base)
    if strange or not sound or not all(isinstance(layer, str) and layer in known for layer in layers):
        raise RuntimeError(f"The adapter {name} says impossible things of itself; fetch or train it again.")
    try:
        return About(path, base, rank, tuple(layers), **_usage(written))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise RuntimeError(f"The adapter {name} says impossible things of itself; fetch or train it again.") from error


def _usage(written: Mapping[str, str]) -> dict[str, Any]:
    """What the metadata say about use and origin, each text plain and short, each number in its range."""
    texts = {key: _plain(written.get(key, "")) for key in ("does", "licence", "consent", "statement", "trained_on")}
    kind = written.get("kind", "distilled_sampler")
    kind = _FORMER_KINDS.get(kind, kind)
    if kind not in _KINDS or texts["consent"] not in ("", *CONSENTS):
        raise ValueError("unknown kind or consent")
    delivery = json.loads(written.get("delivery", "{}"))
    delivery = {_FORMER_KEYS.get(key, key): float(value) for key, value in delivery.items()}
    return {**texts, "kind": kind, "delivery": Delivery(**delivery)}


def _plain(text: str) -> str:
    if len(text) > _MAX_TEXT or not text.isprintable():
        raise ValueError("no plain, short text")
    return text


def fingerprint(path: Path) -> str:
    """Hash of a file's bytes; two adapters with the same one are the same."""
    return _hashed(path, path.stat().st_mtime_ns, path.stat().st_size)


@lru_cache(maxsize=64)
def _hashed(path: Path, changed: int, size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def shipped_base() -> str:
    """Hash of the weights that ship, the one of ``adapters.base_hash``."""
    path = asset("model/transformer/diffusion_pytorch_model.safetensors")
    return _base_of(path, path.stat().st_mtime_ns, path.stat().st_size)


@lru_cache(maxsize=4)
def _base_of(path: Path, changed: int, size: int) -> str:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    digest = hashlib.sha256()
    for name in sorted(header.keys() - {"__metadata__"}):
        first, last = (8 + length + offset for offset in header[name]["data_offsets"])
        values = data[first:last]
        if header[name]["dtype"] == "F32":  # to the nearest bfloat16, halves to even
            bits = np.frombuffer(values, np.uint32)
            values = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16).tobytes()
        digest.update(name.encode() + values)
    return digest.hexdigest()[:32]


def shipped_adapters() -> dict[str, Path]:
    """The adapters that ship, by name."""
    return {path.stem: path for path in sorted((assets_root() / "adapters").glob(f"*{SUFFIX}"))}


def find_adapter(name: str, folder: Path) -> Path | None:
    """The file of an adapter: one that ships, by name, or a file that ``name`` names from ``folder``; else None."""
    if name in shipped_adapters():
        return shipped_adapters()[name]
    path = folder / name
    return path if name.endswith(SUFFIX) and os.path.isfile(path) else None  # noqa: PTH113 - a long name raises nothing
