"""The quick tests run without network: pytest-socket guards this process, `offline/` the programs that tests start."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.project.projects import Projects

# Tiny tensors gain nothing from threads, and `make test` runs a process for each core: more threads than cores would
# wait for each other. Read when torch is first imported; the programs that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr != "slow":
        guard = str(Path(__file__).resolve().parent / "support" / "offline")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [guard, os.environ.get("PYTHONPATH")]))
    if sys.dont_write_bytecode and (cache := getattr(config, "cache", None)):
        # Every program that a test starts would compile torch anew: three times as long as the test itself.
        sys.dont_write_bytecode = False
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(cache.mkdir("bytecode"))
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session", autouse=True)
def no_bytecode_of_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What was compiled of code in temporary folders goes with them."""
    yield
    if sys.pycache_prefix:
        folder = tmp_path_factory.getbasetemp()
        shutil.rmtree(Path(sys.pycache_prefix).joinpath(*folder.parts[1:]), ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The tests, and the programs that they start, sign with a key of their own."""
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("configuration"))


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of assets with tiny models."""
    from tiny import write_tiny_assets

    return write_tiny_assets(tmp_path_factory.mktemp("assets"))


@pytest.fixture
def projects(tmp_path: Path) -> Projects:
    """An empty folder of projects."""
    return Projects(tmp_path / "projects")


@pytest.fixture
def tiny_worker(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny models in this process and in every worker that it starts."""
    from studio.jobs import supervisor

    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    program = Path(__file__).parent / "support" / "tiny_worker.py"
    monkeypatch.setattr(supervisor, "COMMAND", (sys.executable, str(program), str(assets)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(program.parents[2]), os.environ.get("PYTHONPATH", "")]))
