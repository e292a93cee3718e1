"""The table of files in docs/modules.md is the one that the modules' docstrings give."""

from __future__ import annotations

import pytest
from sources import MODULES, SCRIPTS, relative

from scripts.list_modules import PAGE, table, updated


def test_table_of_files_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert updated(page) == page, "run: python -m scripts.list_modules"


def test_table_has_every_file_once() -> None:
    listed = [line.split("`")[1] for line in table().splitlines() if line.startswith("| `")]
    assert sorted(listed) == sorted(relative(p) for p in [*MODULES, *SCRIPTS] if p.name != "__init__.py")


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the marks"):
        updated("# Architecture\n")
