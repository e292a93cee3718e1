"""What the product loads: no page, no render and no speech needs what trains the models; fine-tuning needs no extra."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEARNING = ("generation.training", "generation.data", "generation.labels", "generation.finetuning")
PAGES = sorted(f"studio.views.{path.stem}" for path in (ROOT / "studio" / "views").glob("[a-z]*.py"))
RENDER_AND_SAY = [
    "studio.cli", "studio.production.render", "studio.production.setup", "studio.production.preview",
    "studio.performance.speak_line", "studio.performance.models", "studio.performance.performer",
]  # fmt: skip
EXTRAS = (
    "librosa",
    "jiwer",
    "onnx",
    "onnxruntime",
    "openfacefx",
    "speechmos",
    "matplotlib",
    "skimage",
    "kokoro",
    "wordfreq",
)
"""What only corpus building, base training and the evaluation use."""


@pytest.fixture(scope="module")
def loaded() -> list[set[str]]:
    """What one fresh process has loaded after pages, rendering and speech, and after fine-tuning besides."""
    steps = [[*PAGES, *RENDER_AND_SAY], ["studio.jobs.finetune", "generation.finetuning.from_clips"]]
    code = (
        "import sys, importlib, json\n"
        f"for modules in {steps!r}:\n"
        "    for name in modules: importlib.import_module(name)\n"
        "    print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return [set(json.loads(line)) for line in done.stdout.splitlines()[-2:]]


def inside(found: set[str], packages: tuple[str, ...]) -> list[str]:
    return sorted(name for name in found if any(name == p or name.startswith(f"{p}.") for p in packages))


def test_the_product_loads_nothing_that_trains(loaded: list[set[str]]) -> None:
    assert inside(loaded[0], LEARNING) == []


def test_fine_tuning_works_in_the_base_installation(loaded: list[set[str]]) -> None:
    assert "generation.finetuning.from_clips" in loaded[1]
    assert inside(loaded[1], EXTRAS) == []
