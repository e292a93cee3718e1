"""The house rules: docstrings, lengths, directions of imports, licences, pins and what lies in assets/."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sources import MODULES, PACKAGES, ROOT, SOURCES, imports, nodes, source, tree
from sources import relative as _name

from generation.core.assets import asset, assets_root

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

FREE_LICENCE = re.compile(r"\b(Apache|BSD|MIT|ISC|PSF|PYTHON SOFTWARE|MPL|MOZILLA|ZLIB|CC0|UNLICENSE)", re.IGNORECASE)
COPYLEFT = re.compile(r"GPL|GENERAL PUBLIC|NON-?COMMERCIAL", re.IGNORECASE)
SPECIAL = {
    "phonemizer-fork": "GPL-3.0-or-later; a dependency, called through one protocol, never copied",
    "espeakng-loader": "brings eSpeak NG, GPL-3.0-or-later; the same",
    "num2words": "LGPL-2.1; a library in Python that the user can replace",
    "soxr": "LGPL-2.1-or-later; a library that the user can replace, only for the evaluation",
}
"""Dependencies whose licence is not among the free ones or not stated by their metadata, and why they may be used."""


def _public_without_docstring(node: ast.AST, prefix: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not child.name.startswith("_"):
            if ast.get_docstring(child) is None and not _is_overload(child):
                yield f"{prefix}{child.name}"
            if isinstance(child, ast.ClassDef):
                yield from _public_without_docstring(child, f"{prefix}{child.name}.")


def _is_overload(node: ast.AST) -> bool:
    names = {ast.unparse(d).split(".")[-1] for d in getattr(node, "decorator_list", [])}
    return bool(names & {"overload", "setter"})


def _roots(path: Path, everywhere: bool) -> set[str]:
    return {module.split(".")[0] for module in imports(tree(path), everywhere)}


def test_public_names_have_docstrings() -> None:
    trees = {_name(path): tree(path) for path in MODULES}
    assert [name for name, parsed in trees.items() if ast.get_docstring(parsed) is None] == []
    assert [
        missing for name, parsed in trees.items() for missing in _public_without_docstring(parsed, f"{name}: ")
    ] == []


def test_files_and_functions_are_short() -> None:
    assert [_name(p) for p in SOURCES if len(source(p).splitlines()) > 400] == []
    functions = [(p, n) for p in SOURCES for n in nodes(p) if isinstance(n, ast.FunctionDef)]
    assert [f"{_name(p)}: {n.name}" for p, n in functions if n.end_lineno - n.lineno >= 80] == []


def test_packages_do_not_print() -> None:
    calls = [(p, n) for p in MODULES for n in nodes(p) if isinstance(n, ast.Call)]
    printing = [(p, n) for p, n in calls if isinstance(n.func, ast.Name) and n.func.id in ("print", "breakpoint")]
    assert [f"{_name(p)}:{n.lineno}" for p, n in printing] == []


def test_imports_follow_the_arrows() -> None:
    forbidden = {"studio": set(), "generation": {"studio", "streamlit"}, "masks": {"studio", "generation", "streamlit"}}
    wrong = {_name(p): _roots(p, everywhere=True) & forbidden[p.relative_to(ROOT).parts[0]] for p in MODULES}
    for path in (ROOT / "masks").rglob("*.py"):
        wrong[_name(path)] |= _roots(path, everywhere=False) & {"torch", "torchvision", "segment_anything", "diffusers"}
    assert {name: roots for name, roots in wrong.items() if roots} == {}


def test_test_modules_do_not_import_each_other() -> None:
    """What several of them use stands in tests/support: an imported test module would bring its tests and fixtures."""
    tests = [p for p in SOURCES if _name(p).startswith("tests/")]
    shared = {p.stem for p in tests if p.parent == ROOT / "tests" / "support"}
    own = {"tests", *(p.stem for p in tests)} - shared
    assert {_name(p): found for p in tests if (found := _roots(p, everywhere=True) & own)} == {}


def test_light_modules_load_no_torch() -> None:
    """One process imports them in turn; the first with which torch comes in is named."""
    light = [
        "masks.landmarks",
        "masks.regions",
        "studio.validation.scene_check",
        "studio.doctor",
        "studio.cli",
        "studio.app",
    ]
    code = f"""
import importlib, sys
for name in {light}:
    importlib.import_module(name)
    if "torch" in sys.modules:
        sys.exit(f"{{name}} imports torch")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _declared(*extras: str) -> set[str]:
    lines = [*PROJECT["dependencies"], *(r for e in extras for r in PROJECT["optional-dependencies"][e])]
    return {canonicalize_name(Requirement(r).name) for r in lines}


def test_what_is_imported_is_declared() -> None:
    """At import time only what every installation has, in some rooms their extra too; late imports from any extra."""
    owners = importlib.metadata.packages_distributions()
    rooms = ("studio/views/", "studio/widgets/", "studio/server/", "studio/app.py")
    pages = [p for p in MODULES if _name(p).startswith(rooms)]
    service = [p for p in MODULES if _name(p).startswith("studio/service/")]
    others = [p for p in MODULES if p not in (*pages, *service)]
    everything = _declared(*PROJECT["optional-dependencies"])
    for modules, everywhere, declared in (
        (others, False, _declared()), (pages, False, _declared("studio")),
        (service, False, _declared("service")), (MODULES, True, everything),
    ):  # fmt: skip
        used = {root: _name(path) for path in modules for root in _roots(path, everywhere) & set(owners)}
        foreign = {root: path for root, path in used.items() if root not in {*PACKAGES, *sys.stdlib_module_names}}
        missing = {m: p for m, p in foreign.items() if not declared & {canonicalize_name(o) for o in owners[m]}}
        assert missing == {}


def _installed_closure(names: set[str]) -> dict[str, importlib.metadata.Distribution]:
    """Everything installed that the named distributions bring along (what is not installed is left out)."""
    found: dict[str, importlib.metadata.Distribution] = {}
    todo = set(names)
    while todo:
        name = todo.pop()
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        needed = [Requirement(line) for line in found[name].requires or []]
        here = [r for r in needed if r.marker is None or r.marker.evaluate(default_environment() | {"extra": ""})]
        todo |= {canonicalize_name(r.name) for r in here} - set(found)
    return found


def _declared_licence(distribution: importlib.metadata.Distribution) -> str:
    metadata = distribution.metadata
    classifiers = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License")]
    return metadata.get("License-Expression") or " ".join([(metadata.get("License") or "")[:200], *classifiers])


def test_every_dependency_has_a_known_licence() -> None:
    closure = _installed_closure(_declared(*PROJECT["optional-dependencies"]) - {"parley"})
    assert {"torch", "diffusers", "phonemizer-fork"} <= set(closure)
    unknown = {}
    for name, distribution in closure.items():
        licence = _declared_licence(distribution)
        if name.startswith(("nvidia-", "cuda-")):  # of torch's CUDA build, which whoever has such a GPU chooses
            continue
        if name not in SPECIAL and (COPYLEFT.search(licence) or not FREE_LICENCE.search(licence)):
            unknown[name] = licence
    assert unknown == {}


def _pins(path: Path) -> dict[str, str]:
    lines = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in lines}


def test_pins_are_complete_and_agree() -> None:
    constraints, lock = _pins(ROOT / "constraints.txt"), _pins(ROOT / "requirements.lock")
    assert {name: v for name, v in lock.items() if constraints.get(name) != v} == {}
    assert _declared(*PROJECT["optional-dependencies"]) - set(constraints) == {"parley"}
    assert _declared() - set(lock) == {"torch"}
    assert constraints["torch"] == "2.13.0", "without a local part, so that CPU and CUDA builds both fit"
    assert not [name for name in lock if name.startswith(("nvidia", "cuda", "triton"))]


def test_lock_carries_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)[1:]
    assert len(entries) == len(_pins(ROOT / "requirements.lock"))
    assert [e.split("==")[0] for e in entries if "--hash=sha256:" not in e] == []


def test_assets_are_small_and_of_known_kinds() -> None:
    files = [p for p in (ROOT / "assets").rglob("*") if p.is_file()]
    assert files
    assert sum(p.stat().st_size for p in files) < 60e6
    kinds = {".safetensors", ".json", ".yaml", ".png", ".webp", ".md"}
    assert [_name(p) for p in files if p.suffix not in kinds] == []


def test_every_asset_has_a_source() -> None:
    sources = asset("SOURCES.md").read_text(encoding="utf-8")
    top = {p.relative_to(assets_root()).parts[0] for p in assets_root().rglob("*") if p.is_file()} - {"SOURCES.md"}
    assert [name for name in sorted(top) if f"`{name}" not in sources] == []


def test_asset_names_what_is_missing() -> None:
    with pytest.raises(FileNotFoundError, match="no_such_weights"):
        asset("no_such_weights.safetensors")


def test_no_connection_leaves_the_tests() -> None:
    with pytest.warns(UserWarning, match="socket"), pytest.raises(pytest_socket.SocketBlockedError):
        socket.socket(socket.AF_INET)
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)"  # an address for documentation only
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "the tests run without network" in done.stderr
