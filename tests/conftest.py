"""The quick tests run without network: pytest-socket guards this process, `offline/` the programs that tests start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr != "slow":
        guard = str(Path(__file__).resolve().parent / "offline")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [guard, os.environ.get("PYTHONPATH")]))
