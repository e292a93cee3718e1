"""Segment Anything behind `segment_person`, in an environment of its own with the registry's torch and torchvision."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import numpy as np
import skimage.data
import torch
from segment_anything import SamPredictor, sam_model_registry

from masks.landmarks import FaceLandmarker
from masks.networks import models_folder
from masks.person_segmentation import sam_predictor, segment_person

torch.manual_seed(0)
assert sam_predictor() is None, "no checkpoint yet"
torch.save(sam_model_registry["vit_b"]().state_dict(), models_folder() / "sam_vit_b_untrained.pth")
predictor = sam_predictor()
assert isinstance(predictor, SamPredictor)
image = skimage.data.astronaut()
(face,) = FaceLandmarker().detect(image)
mask = segment_person(image, face, predictor)
assert predictor.original_size == image.shape[:2]
assert mask.shape == image.shape[:2] and mask.dtype == np.float32
assert 0 <= mask.min() and mask.max() <= 1 and np.ptp(mask) > 0
assert np.abs(mask - segment_person(image, face)).mean() > 0.01, "GrabCut answered instead"
"""


@pytest.mark.slow
def test_segment_anything_drives_the_mask(tmp_path):
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile", "-c", ROOT / "constraints.txt"]
    # === refuses a build with a local part ("+cpu"), beside which the registry's torchvision does not load
    subprocess.run([*pip, "torch===2.13.0", "torchvision", "segment-anything"], check=True)
    subprocess.run([*pip, "numpy", "opencv-python-headless", "ai-edge-litert", "scipy", "scikit-image"], check=True)
    subprocess.run([python, "-c", "from masks.networks import install_models; install_models()"], check=True, cwd=ROOT)
    done = subprocess.run([python, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
