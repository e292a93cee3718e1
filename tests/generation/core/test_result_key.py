"""Keys of kept results: what counts as the code of a result, and what does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.core import result_key as keys
from generation.core.result_key import made_by, result_key

MODULES = {
    "generation/__init__.py": '"""A package."""\n',
    "generation/maker.py": (
        '"""Makes it."""\n'
        "from typing import TYPE_CHECKING\n"
        "from generation import helper\n"
        "if TYPE_CHECKING:\n"
        "    from generation import seen\n"
        "def make():\n"
        '    """Makes."""\n'
        "    from generation.late import FACTOR\n"
        '    return helper.SIZE * FACTOR, asset("net")\n'
    ),
    "generation/helper.py": "SIZE = 3\n",
    "generation/late.py": "FACTOR = 2\n",
    "generation/seen.py": "UNUSED = 1\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some modules in a folder of their own, with one asset; each look is that of a new process."""
    for name, source in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    (tmp_path / "assets" / "net").mkdir(parents=True)
    (tmp_path / "assets" / "net" / "weights").write_bytes(b"123")
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: tmp_path / "assets")
    monkeypatch.setattr(keys, "_roots", lambda package: (tmp_path / package,))
    memo = keys._Memo(tmp_path / "memo.json")
    monkeypatch.setattr(keys._Memo, "shared", staticmethod(lambda: memo))
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    keys._closure.cache_clear()
    keys._path.cache_clear()


def key() -> str:
    forget()
    return made_by("generation.maker")


def test_late_imports_count_and_those_for_types_do_not(tree: Path) -> None:
    names = ["generation", "generation.helper", "generation.late", "generation.maker"]
    assert sorted(keys._sources(("generation.maker",))) == names
    with pytest.raises(ModuleNotFoundError, match=r"generation\.nothing"):
        made_by("generation.nothing")


@pytest.mark.parametrize(
    ("name", "old", "new", "counts"),
    [
        ("late", "2", "4", True),
        ("helper", "SIZE = 3", "SIZE = 4", True),
        ("maker", "* FACTOR", "+ FACTOR", True),
        ("seen", "1", "2", False),
        ("maker", "Makes it.", "Builds it.", False),
        ("maker", '"""Makes."""', '"""Makes.\n\n    More.\n    """', False),
        ("helper", "SIZE = 3", '# three\nSIZE  =  3\n"""How many."""', False),
    ],
)
def test_code_counts_and_words_about_it_do_not(tree: Path, name: str, old: str, new: str, counts: bool) -> None:
    before, path = key(), tree / "generation" / f"{name}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert (key() != before) is counts


def test_assets_count_by_their_contents(tree: Path) -> None:
    before, weights = key(), tree / "assets" / "net" / "weights"
    weights.touch()
    assert key() == before, "another time is the same file"
    weights.write_bytes(b"1234")
    changed = key()
    weights.with_name("more").write_bytes(b"5")
    assert len({before, changed, key()}) == 3


def test_what_was_parsed_is_found_again(tree: Path) -> None:
    before = key()
    memo = keys._Memo.shared()
    assert memo.path.is_file()
    memo.sources.clear()
    memo.save()
    assert key() == before


def test_inputs_are_told_apart() -> None:
    zeros = np.zeros(4, np.float32)
    parts = [(1, 2), (12,), ("1", 2), (zeros,), (zeros.reshape(2, 2),), (zeros.astype(np.int32),), (b"",), (None,)]
    assert len({result_key(*part) for part in parts}) == len(parts)
    assert result_key(zeros, "a") == result_key(zeros.copy(), "a")
