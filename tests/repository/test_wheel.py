"""The wheel holds everything, and works away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("studio", "generation", "masks")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy: a build leaves folders behind that would go into the next one."""
    folder = tmp_path_factory.mktemp("wheel")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in (*PACKAGES, "assets"):
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=ignore)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source" / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
               "--config-settings=--build-option=--compression=stored"]  # fmt: skip
    subprocess.run([*command, "-w", folder, folder / "source"], check=True)
    return next(folder.glob("*.whl"))


def test_wheel_holds_every_module_and_asset(wheel):
    source = wheel.parent / "source"
    inside = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    files = (p for n in PACKAGES for p in (source / n).rglob("*") if p.is_file() and "egg-info" not in p.as_posix())
    wanted = {p.relative_to(source).as_posix() for p in files}
    assets = [p.relative_to(source / "assets") for p in (source / "assets").rglob("*") if p.is_file()]
    assert inside == wanted | {f"parley_assets/{p.as_posix()}" for p in assets}


@pytest.mark.slow
def test_wheel_renders_the_sample_away_from_the_checkout(wheel, tmp_path):
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")

    def run(program: str, *arguments: str | Path) -> str:
        clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run([scripts / program, *arguments], cwd=tmp_path, env=clean, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    pip = ("-m", "pip", "install", "--quiet", "--no-compile")
    run("python", *pip, "--no-deps", "--require-hashes", "-r", ROOT / "requirements.lock")
    run("python", *pip, "-c", ROOT / "constraints.txt", "torch")
    run("python", *pip, "-c", ROOT / "constraints.txt", wheel)
    run("python", "-m", "pip", "check")
    run("parley", "setup")
    assert "MISSING" not in run("parley", "doctor")
    where = "import generation.core.assets as r; print(r.asset('scenes/cafe/scene.yaml'))"
    scene = Path(run("python", "-c", where).strip())
    assert environment in scene.parents
    run("parley", "render", scene, "-o", tmp_path / "out.mp4", "--draft")
    assert (tmp_path / "out.mp4").stat().st_size > 100_000
    assert "AI-generated" in run("parley", "verify", tmp_path / "out.mp4")
