"""Benchmark of the renderer: a face 512 pixels across, beside one plain warp of the same pixels.

Both are timed in turns on the same machine, so that their ratio means something on a busy one. Writes one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image

from generation.core.motion import INDEX, MotionTrack
from generation.rendering.face import RenderFace
from generation.rendering.renderer import BATCH, SceneRenderer
from masks.landmarks import FaceLandmarker
from masks.person_segmentation import segment_person

ROOT = Path(__file__).resolve().parents[2]

SIDE = 512
FACE_BOX = (130, 0, 330, 250)
"""Part of ``skimage.data.astronaut()`` that holds head and neck."""


_WAVES = (
    ("jawOpen", 0.4, 7),
    ("mouthFunnel", 0.3, 11),
    ("eyeBlinkLeft", 1.0, 40),
    ("eyeBlinkRight", 1.0, 40),
    ("eyeLookInLeft", 0.3, 60),
    ("browInnerUp", 0.3, 33),
    ("headRotationY", 0.12, 80),
    ("headTranslationX", 0.05, 80),
)
"""Channel, size and period in frames."""


def prepare(n_faces: int) -> tuple[np.ndarray, list[RenderFace]]:
    """A picture of ``n_faces`` heads side by side, each with a motion region of 512 x 512 pixels."""
    scale = 3
    x0, y0, x1, y1 = FACE_BOX
    head = Image.fromarray(skimage.data.astronaut()[y0:y1, x0:x1])
    head = np.asarray(head.resize((head.width * scale, head.height * scale), Image.Resampling.LANCZOS))
    picture = np.concatenate([head] * n_faces, 1)
    faces = []
    for i, landmarks in enumerate(FaceLandmarker().detect(picture)):
        mask = segment_person(picture, landmarks)
        left, top = (int(v) - SIDE // 2 for v in landmarks.points[:, :2].mean(0))
        square = np.zeros_like(mask)
        left = min(max(left, i * head.shape[1]), (i + 1) * head.shape[1] - SIDE)
        square[max(top, 0) : max(top, 0) + SIDE, left : left + SIDE] = 1.0
        faces.append(RenderFace(landmarks, square, mask=mask))
    return picture, faces


def lively(n_frames: int) -> MotionTrack:
    """Speech-like motion of mouth, eyes and head."""
    t = np.arange(n_frames)
    values = np.zeros((n_frames, len(INDEX)), np.float32)
    for name, size, period in _WAVES:
        values[:, INDEX[name]] = size * np.sin(np.pi * t / period) ** 2
    return MotionTrack(values)


def plain_warp(frames: int) -> float:
    """Seconds for ``frames`` bare ``grid_sample`` calls of four channels at 512 x 512."""
    texture = torch.rand(1, 4, 2 * SIDE - 1, 2 * SIDE - 1).expand(BATCH, -1, -1, -1)
    grid = torch.rand(BATCH, SIDE, SIDE, 2) * 0.02 + torch.stack(
        torch.meshgrid(*[torch.linspace(-0.98, 0.96, SIDE)] * 2, indexing="xy"), -1
    )
    start = time.perf_counter()
    with torch.inference_mode():
        for _ in range(frames // BATCH):
            torch.nn.functional.grid_sample(texture, grid, padding_mode="border", align_corners=True)
    return time.perf_counter() - start


def measure(n_faces: int, frames: int, rounds: int) -> dict[str, float]:
    """Set-up time and frame rates for a picture of ``n_faces`` faces, all of them moving."""
    picture, faces = prepare(n_faces)
    start = time.perf_counter()
    renderer = SceneRenderer(picture, faces)
    setup = time.perf_counter() - start
    tracks = [lively(frames)] * len(faces)
    list(renderer.frames([lively(BATCH)] * len(faces)))
    seconds, warps = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        for _frame in renderer.frames(tracks):
            pass
        seconds.append(time.perf_counter() - start)
        warps.append(plain_warp(frames))
    rate = frames / float(np.median(seconds))
    return {
        "faces": len(faces),
        "setup_s": round(setup, 2),
        "frames_per_s": round(rate, 1),
        "frames_per_s_per_face": round(rate * len(faces), 1),
        "times_one_plain_warp": round(float(np.median(np.array(seconds) / np.array(warps))) / len(faces), 2),
    }


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=64, help="frames a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    results = [measure(n, options.frames, options.rounds) for n in (1, 2)]
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }
    sys.stdout.write(json.dumps({"machine": machine, "rendering": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
