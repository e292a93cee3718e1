"""Writes the table of files in docs/modules.md from the first docstring line of every module.

python -m scripts.list_modules
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "modules.md"
PACKAGES = ("studio", "generation", "masks", "scripts")
BEGIN, END = "<!-- files: written by python -m scripts.list_modules -->", "<!-- end of files -->"


def summary(path: Path) -> str:
    """First docstring line of a module as Markdown, without its full stop."""
    line = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
    line = re.sub(r":[a-z]+:`~?([^`]+)`", r"`\1`", line).replace("``", "`")
    return line.removesuffix(".").replace("|", r"\|")


def _rooms() -> Iterator[tuple[Path, list[Path]]]:
    for package in PACKAGES:
        for room in [ROOT / package, *sorted(p for p in (ROOT / package).rglob("*") if (p / "__init__.py").is_file())]:
            yield room, sorted(path for path in room.glob("*.py") if path.name != "__init__.py")


def table() -> str:
    """One section a room: what it is for, and one row a file."""
    lines = []
    for room, files in _rooms():
        lines += [f"### {room.relative_to(ROOT).as_posix()}/", "", f"{summary(room / '__init__.py')}.", ""]
        if files:
            rows = [f"| `{path.relative_to(ROOT).as_posix()}` | {summary(path)} |" for path in files]
            lines += ["| file | what it does |", "| --- | --- |", *rows, ""]
    return "\n".join(lines)


def updated(page: str) -> str:
    """The page with the table as it should be now.

    Raises:
        ValueError: the two marks do not stand in the page.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} needs the marks {BEGIN} and {END}.")
    return f"{before}{begin}\n\n{table()}\n{end}{after}"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
