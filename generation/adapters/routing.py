"""Routes adapters by character: in one batched pass each character's tokens get their own, at their own strengths.

All adapters of a layer are one pair of matrices side by side, and a character's strengths scale its columns between
the two: ``y = base(x) + up (s_k * (down x))``. Nothing is swapped, and a character whose ``s_k`` is zero gets ``+ 0``.
Strengths may change from frame to frame: then ``s_k`` belongs to a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from generation.adapters.lora import base_hash, check_base, read_adapter, shape_error
from generation.adapters.metadata import MOST_STRENGTH, VOICE, About
from generation.models.transformer import JointTransformer

Strengths = Sequence[Mapping[str, float | np.ndarray]]
"""For each character adapter names with strengths, 0 = off, 1 = as trained; (T,) float32 where they change in time."""


@dataclass(frozen=True)
class _Loaded:
    """An adapter: what it says of itself, by layer its matrices (r, in) and (out, r), and its voice's embedding."""

    about: About
    layers: dict[str, tuple[Tensor, Tensor]]
    voice: Tensor | None


class RoutedAdapters:
    """The adapters that characters may have, beside the weights of a transformer, which stay as they are.

    Args:
        transformer: the base; an adapter of its own that acts on everybody may be in it.
    """

    def __init__(self, transformer: JointTransformer) -> None:
        self._transformer = transformer
        self._loaded: dict[str, _Loaded] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the loaded adapters."""
        return tuple(self._loaded)

    @cached_property
    def _base(self) -> str:
        return base_hash(self._transformer)

    def load(self, name: str, path: Path) -> About:
        """Makes an adapter's file known by a name.

        Raises:
            RuntimeError: missing, damaged, hostile, or made for other weights; one sentence.
        """
        tensors, about = read_adapter(path)
        check_base(about, self._base)
        voice = tensors.pop(VOICE, None)
        wanted = self._shapes(about)
        if voice is not None:
            wanted[VOICE] = (self._transformer.config.voice_dim,)
        found = {key: tensor.shape for key, tensor in tensors.items()}
        if error := shape_error(about.name, wanted, found if voice is None else {**found, VOICE: voice.shape}):
            raise error
        layers = {
            key.removesuffix(".lora_A.weight"): (tensor, tensors[key.replace("lora_A", "lora_B")])
            for key, tensor in tensors.items()
            if ".lora_A." in key
        }
        self._loaded[name] = _Loaded(about, layers, voice)
        return about

    def unload(self, name: str) -> None:
        """Forgets an adapter; nothing of it remains."""
        self._loaded.pop(name, None)

    def about(self, name: str) -> About:
        """Metadata of a loaded adapter."""
        return self._loaded[name].about

    def adapted_voice(self, voice: np.ndarray, strengths: Mapping[str, float]) -> np.ndarray:
        """A character's voice (64,) float32, moved towards the embeddings of its loaded adapters; at 1 it is there."""
        for name, strength in strengths.items():
            own = self._loaded[name].voice
            if own is not None:
                voice = voice + np.float32(min(strength, 1.0)) * (own.numpy() - voice)
        return voice

    def remaining_voice(self, strengths: Mapping[str, float]) -> float:
        """Share of a character's voice that :meth:`adapted_voice` leaves, 0..1."""
        own = (min(strength, 1.0) for name, strength in strengths.items() if self._loaded[name].voice is not None)
        return prod(1 - strength for strength in own)

    def _shapes(self, about: About) -> dict[str, tuple[int, ...]]:
        """Shapes of an adapter's tensors on this transformer, by their names in the file."""
        shapes: dict[str, tuple[int, ...]] = {}
        for module_name, module in self._transformer.named_modules():
            base = getattr(module, "base_layer", module)  # wrapped by an adapter that acts on everybody
            if isinstance(base, nn.Linear) and module_name.endswith(tuple(f".{layer}" for layer in about.layers)):
                shapes[f"{module_name}.lora_A.weight"] = (about.rank, base.in_features)
                shapes[f"{module_name}.lora_B.weight"] = (base.out_features, about.rank)
        return shapes

    @contextmanager
    def active(self, voices: Strengths, faces: Strengths | None = None) -> Iterator[None]:
        """Within it, forward passes use the adapters of each voice and face; passes may be stacked along the batch.

        Args:
            voices: strengths for each voice of the audio stream.
            faces: strengths for each row of the motion stream; None = those of the voices.

        Raises:
            ValueError: an adapter that is not loaded, or a strength out of range.
        """
        faces = voices if faces is None else faces
        used = sorted({name for own in (*voices, *faces) for name, strength in own.items() if np.any(strength)})
        for own in (*voices, *faces):
            for name, strength in own.items():
                if name not in self._loaded:
                    known = ", ".join(sorted(self._loaded)) or "none"
                    raise ValueError(f"The adapter {name!r} is not loaded; loaded are: {known}.")
                least, most = float(np.min(strength)), float(np.max(strength))
                if not 0 <= least <= most <= MOST_STRENGTH:
                    limits = f"it should be from 0 to {MOST_STRENGTH:g}"
                    raise ValueError(
                        f"The strength of the adapter {name!r} is {most if least >= 0 else least:g}; {limits}."
                    )
        with ExitStack() as hooks:
            for layer in sorted({layer for name in used for layer in self._loaded[name].layers}):
                module = self._transformer.get_submodule(layer)
                handle = module.register_forward_hook(self._hook(layer, used, faces if ".motion." in layer else voices))
                hooks.callback(handle.remove)
            yield

    def _hook(self, layer: str, used: Sequence[str], strengths: Strengths) -> partial[Tensor]:
        """What adds the adapters of one layer to its output."""
        device = self._transformer.device
        own = [(name, *self._loaded[name].layers[layer]) for name in used if layer in self._loaded[name].layers]
        down = torch.cat([matrix for _, matrix, _ in own]).to(device)
        up = torch.cat([matrix for _, _, matrix in own], 1).to(device)
        given = [[character.get(name, 0.0) for name, matrix, _ in own for _ in matrix] for character in strengths]
        length = max(np.size(strength) for character in given for strength in character)
        shares = [[np.broadcast_to(strength, length) for strength in character] for character in given]
        scale = torch.from_numpy(np.array(shares, np.float32)).transpose(1, 2).to(device)
        # The blocks of the mel head get scenes and characters as one axis.
        return partial(_add, down=down, up=up, scale=scale, flat=layer.startswith("mel_head.blocks."))


def _add(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    output: Tensor,
    *,
    down: Tensor,
    up: Tensor,
    scale: Tensor,
    flat: bool,
) -> Tensor:
    """A layer's output and what the adapters add to it.

    Args:
        module: the layer.
        inputs: its input, (B, K, T, in), or (B * K, T, in) when ``flat``.
        output: of the base, (..., T, out).
        down: (R, in).
        up: (out, R).
        scale: (K, 1 or T, R) strengths.
        flat: see ``inputs``.
    """
    x = inputs[0]
    inner = x.to(down.dtype) @ down.T
    rows = inner if flat else inner.flatten(0, 1)
    shares = _at_rate(scale, rows.shape[1])
    added = (rows * shares.repeat(len(rows) // len(scale), 1, 1)) @ up.T
    return output + (added if flat else added.unflatten(0, x.shape[:2])).to(output.dtype)


def _at_rate(scale: Tensor, length: int) -> Tensor:
    """Strengths (K, T, R) of frames for something of a higher rate, (K, length, R).

    For a condition of the whole scene (length 1) as they are: it then differs from frame to frame.
    """
    return scale if min(scale.shape[1], length) == 1 else scale.repeat_interleave(length // scale.shape[1], 1)
