"""What the product loads: no page, no render and no speech needs what trains the models; fine-tuning needs no extra."""

from __future__ import annotations

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
EXTRAS = ("librosa", "jiwer", "onnx", "onnxruntime", "openfacefx", "speechmos", "matplotlib", "skimage", "kokoro")
"""What only corpus building, base training and the evaluation use."""


def loaded(modules: list[str], wanted: tuple[str, ...]) -> list[str]:
    """Which of the wanted modules, or modules inside them, a fresh process has after importing some."""
    code = (
        f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\n"
        f"print([m for m in sys.modules if any(m == w or m.startswith(w + '.') for w in {wanted!r})])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return eval(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("modules", [PAGES, RENDER_AND_SAY], ids=["pages", "render and say"])
def test_the_product_loads_nothing_that_trains(modules: list[str]) -> None:
    assert loaded(modules, LEARNING) == []


def test_fine_tuning_works_in_the_base_installation() -> None:
    found = loaded(["studio.jobs.finetune", "generation.finetuning.from_clips"], ("generation.finetuning", *EXTRAS))
    assert "generation.finetuning.from_clips" in found
    assert [name for name in found if not name.startswith("generation.")] == []
