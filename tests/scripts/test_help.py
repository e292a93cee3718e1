"""Every script runs as a module, ``python -m scripts.NAME``, and says what it does."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.delitem(sys.modules, f"scripts.{name}", raising=False)
    with pytest.raises(SystemExit) as end:
        runpy.run_module(f"scripts.{name}", run_name="__main__", alter_sys=True)
    assert end.value.code == 0 and capsys.readouterr().out.startswith("usage:")
