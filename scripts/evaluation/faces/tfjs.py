"""TensorFlow.js weights and graphs in torch: quantised shards, padding as TensorFlow pads, the few operations used.

Pictures are (N, C, H, W) here and (N, H, W, C) there; filters are (height, width, in, out) there.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

Weights = dict[str, torch.Tensor]


def read_weights(entries: Sequence[Mapping[str, Any]], data: bytes) -> Weights:
    """Tensors by name of a weights manifest's entries, float32 or int64, as the shard holds them one after the other.

    Quantised ones are ``code * scale + min`` (TensorFlow.js, "Weight quantization").

    Raises:
        ValueError: the shard is shorter or longer than its entries say.
    """
    found, at = {}, 0
    for entry in entries:
        quantised = entry.get("quantization")
        kind = np.dtype((quantised or entry)["dtype"]).newbyteorder("<")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        if at + count * kind.itemsize > len(data):
            raise ValueError(f"The weights end before those of {entry['name']}.")
        values = np.frombuffer(data, kind, count, at)
        at += count * kind.itemsize
        if quantised:
            values = values.astype(np.float32) * np.float32(quantised["scale"]) + np.float32(quantised["min"])
        values = values.astype(np.float32 if values.dtype.kind == "f" else np.int64)
        found[entry["name"]] = torch.from_numpy(values.reshape(entry["shape"]))
    if at != len(data):
        raise ValueError(f"The weights have {len(data) - at} bytes more than their manifest tells.")
    return found


def pad_same(x: torch.Tensor, size: int, stride: int, value: float = 0.0) -> torch.Tensor:
    """Padding "SAME": ceil(n / stride) places come out, and the odd pixel of padding is at the right and the bottom."""
    pads = []
    for n in (x.shape[-1], x.shape[-2]):
        total = max((-(-n // stride) - 1) * stride + size - n, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)


def convolve(
    x: torch.Tensor, filters: torch.Tensor, bias: torch.Tensor | None = None, stride: int = 1, same: bool = True
) -> torch.Tensor:
    """Convolution by filters (height, width, in, out)."""
    x = pad_same(x, filters.shape[0], stride) if same else x
    return F.conv2d(x, filters.permute(3, 2, 0, 1), bias, stride)


def convolve_each(x: torch.Tensor, filters: torch.Tensor, stride: int = 1) -> torch.Tensor:
    """Convolution of each channel by itself, filters (height, width, channels, 1), padding "SAME"."""
    x = pad_same(x, filters.shape[0], stride)
    return F.conv2d(x, filters.permute(2, 3, 0, 1), None, stride, groups=x.shape[1])


def run_graph(nodes: Sequence[Mapping[str, Any]], weights: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Output of a frozen graph whose nodes stand in order of computation, for pictures x (N, C, H, W).

    Raises:
        ValueError: an operation that is not among those that the network of expressions uses.
    """
    made: dict[str, torch.Tensor] = dict(weights)
    out = x
    for node in nodes:
        operation = node["op"]
        if operation == "Const":
            continue
        out = x if operation == "Placeholder" else _operate(node, [made[name] for name in node["input"]])
        made[node["name"]] = out
    return out


def _operate(node: Mapping[str, Any], inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    operation, attributes = node["op"], node["attr"]
    match operation:
        case "_FusedConv2D":
            same = base64.b64decode(attributes["padding"]["s"]) == b"SAME"
            out = convolve(inputs[0], inputs[1], inputs[2], _second(attributes["strides"]), same)
            fused = [base64.b64decode(name) for name in attributes["fused_ops"]["list"]["s"]]
            return torch.relu(out) if b"Relu" in fused else out
        case "DepthwiseConv2dNative":
            return convolve_each(inputs[0], inputs[1], _second(attributes["strides"]))
        case "MaxPool":
            size, stride = _second(attributes["ksize"]), _second(attributes["strides"])
            return F.max_pool2d(pad_same(inputs[0], size, stride, -torch.inf), size, stride)
        case "AddV2":
            return inputs[0] + inputs[1]
        case "Relu":
            return torch.relu(inputs[0])
        case "Mean":
            return inputs[0].mean((2, 3))
        case "Softmax":
            return inputs[0].softmax(-1)
        case "Identity":
            return inputs[0]
    raise ValueError(f"The graph has an operation {operation}, which is not among those of the pinned network.")


def _second(attribute: Mapping[str, Any]) -> int:
    """Stride or size down and across, which are equal."""
    return int(attribute["list"]["i"][1])
