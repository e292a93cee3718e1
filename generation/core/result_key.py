"""Keys of cached results: inputs, the code that makes them (its import closure), and the assets that it loads."""

from __future__ import annotations

import ast
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import cache_from_source, find_spec
from pathlib import Path

import numpy as np

from generation.core import assets

PACKAGES = ("masks", "generation", "studio", "scripts")
_MAX_MEMO = 4000


def result_key(*parts: object) -> str:
    """Hash of the things that a result depends on, 32 hexadecimal digits.

    Args:
        parts: arrays count by dtype, shape and bytes, bytes by themselves, everything else by its ``repr``.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"array {part.dtype.str} {part.shape} ".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            data = part if isinstance(part, bytes) else repr(part).encode()
            digest.update(f"{type(part).__name__} {len(data)} ".encode() + data)
    return digest.hexdigest()[:32]


def made_by(*modules: str) -> str:
    """Hash of all code that modules run, and of the contents of the assets that this code names.

    The code is that of the modules and of everything of :data:`PACKAGES` that they import, directly or not, at their
    top or in functions; imports for types alone are left out. It counts without comments, docstrings and layout.
    Assets are those that the code names in calls of :func:`generation.core.assets.asset`.

    Args:
        modules: full names of the modules that make a result.

    Raises:
        ModuleNotFoundError: a module that is not there.
    """
    code, names = _closure(modules)
    memo = _Memo.shared()
    digest = hashlib.sha256(code.encode())
    root = assets.assets_root()
    for name in names:
        if (path := root / name).exists():
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    digest.update(f"{file.relative_to(root)} {memo.file_hash(file)} ".encode())
    memo.save()
    return digest.hexdigest()[:32]


@cache
def _closure(modules: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Hash of the code, and the names of its assets; worked out once, since a process goes on with what it loaded."""
    sources = _sources(modules)
    code = hashlib.sha256(repr(sorted((name, source.code) for name, source in sources.items())).encode()).hexdigest()
    return code, tuple(sorted({name for source in sources.values() for name in source.assets}))


def _sources(modules: tuple[str, ...]) -> dict[str, _Source]:
    memo, sources, todo = _Memo.shared(), {}, list(modules)
    while todo:
        name = todo.pop()
        if name in sources:
            continue
        path = _path(name)
        if path is None:
            if name in modules:
                raise ModuleNotFoundError(f"There is no module {name}.")
            continue  # a name that a package defines
        sources[name] = memo.source(path.read_bytes())
        parent = name.rpartition(".")[0]
        todo += [*sources[name].imports, *([parent] if parent else [])]
    return sources


@cache
def _path(module: str) -> Path | None:
    """Source file of a module of ours; nothing is imported to find it."""
    top, _, rest = module.partition(".")
    for root in _roots(top):
        base = root.joinpath(*rest.split(".")) if rest else root
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                return path
    return None


@cache
def _roots(package: str) -> tuple[Path, ...]:
    spec = find_spec(package) if package in PACKAGES else None
    return tuple(Path(place) for place in spec.submodule_search_locations or ()) if spec else ()


@dataclass(frozen=True)
class _Source:
    """What matters of one source file: hash of its code, the modules of ours that it may import, assets it names."""

    code: str
    imports: tuple[str, ...]
    assets: tuple[str, ...]

    @classmethod
    def read(cls, source: bytes) -> _Source:
        tree = _Plain().visit(ast.parse(source))
        nodes = list(ast.walk(tree))
        imports = {name for node in nodes for name in _imported(node) if name.partition(".")[0] in PACKAGES}
        names = {name for node in nodes if (name := _first_text(node, "asset")) is not None}
        code = hashlib.sha256(ast.dump(tree, annotate_fields=False).encode()).hexdigest()
        return cls(code, tuple(sorted(imports)), tuple(sorted(names)))


class _Plain(ast.NodeTransformer):
    """Takes out what does not run: docstrings, other bare strings, and imports for types alone."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:  # noqa: N802 - ast's name
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:  # noqa: N802 - ast's name
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            return [self.visit(statement) for statement in node.orelse] or None
        return self.generic_visit(node)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module is not None:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif (name := _first_text(node, "import_module")) is not None:
        yield name


def _first_text(node: ast.AST, function: str) -> str | None:
    """The first argument of a call of ``function`` where it is a literal string."""
    if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    text = node.args[0].value
    return text if name == function and isinstance(text, str) else None


@dataclass
class _Memo:
    """Parsed sources by their bytes and hashes of files by path, size and time, also kept beside the bytecode.

    To parse a hundred modules takes half a second, to look them up some milliseconds.
    """

    path: Path
    sources: dict[str, list] = field(default_factory=dict)
    files: dict[str, list] = field(default_factory=dict)
    _changed: bool = False

    @staticmethod
    @cache
    def shared() -> _Memo:
        memo = _Memo(Path(cache_from_source(__file__)).with_suffix(".json"))
        with suppress(OSError, ValueError, AttributeError):
            kept = json.loads(memo.path.read_bytes())
            memo.sources, memo.files = dict(kept["sources"]), dict(kept["files"])
        return memo

    def source(self, source: bytes) -> _Source:
        key = hashlib.sha256(source).hexdigest()
        if key not in self.sources:
            read = _Source.read(source)
            self.sources[key], self._changed = [read.code, list(read.imports), list(read.assets)], True
        code, imports, names = self.sources[key]
        return _Source(code, tuple(imports), tuple(names))

    def file_hash(self, path: Path) -> str:
        facts, key = path.stat(), str(path)
        stamp = [facts.st_size, facts.st_mtime_ns]
        if self.files.get(key, [])[:2] != stamp:
            with path.open("rb") as file:
                self.files[key] = [*stamp, hashlib.file_digest(file, "sha256").hexdigest()]
            self._changed = True
        return self.files[key][2]

    def save(self) -> None:
        """Write it where it can be written; without it everything is worked out anew."""
        if not self._changed:
            return
        self._changed = False
        newest = {"sources": self.sources, "files": self.files}
        kept = {name: dict(list(entries.items())[-_MAX_MEMO:]) for name, entries in newest.items()}
        partial = self.path.with_suffix(f".{secrets.token_hex(4)}.part")
        with suppress(OSError):
            self.path.parent.mkdir(exist_ok=True)
            partial.write_text(json.dumps(kept))
            partial.replace(self.path)
