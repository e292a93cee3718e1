"""Shorter start-up: libraries are loaded with stubs in place of packages that inference never uses.

Torch's compiler, transformers and scipy's statistics take most of the time in which diffusers and peft are imported.
While :func:`load_libraries` and :func:`with_deferred_imports` work, such packages are stubs: their names leave what
they decorate as it is, are nobody's class, and answer False when asked whether something is. Afterwards no stub is left
in ``sys.modules``: a later import gets the real package, and a stub that a library kept hands on to it.

The environment variable ``PARLEY_PLAIN_IMPORTS=1`` turns all of it off.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

PLAIN_IMPORTS = "PARLEY_PLAIN_IMPORTS"
"""Environment variable; any value but an empty one makes every import a plain one."""
_DEFERRED = ("torch._dynamo", "torch.distributed.tensor", "transformers", "scipy.stats", "scipy.integrate", "csvw")
_LIBRARIES = (
    "scipy.signal",
    "diffusers.loaders.peft",
    "diffusers.guiders",
    "diffusers.pipelines.pipeline_utils",
    "diffusers.schedulers.scheduling_flow_match_euler_discrete",
    "peft.utils",
    "phonemizer.backend",
)
_ROOTS = ("diffusers", "peft")


class _StubName:
    """Any name of a stub module; after loading it hands on to the real one."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def _real(self) -> Any:  # noqa: ANN401 - whatever it is
        return getattr(importlib.import_module(self._module), self._name)

    def __call__(self, *args: object, **kwargs: object) -> object:
        if not _StubFinder.active():
            return self._real()(*args, **kwargs)
        if self._name.startswith("is_"):
            return False
        return next((arg for arg in args[:1] if arg is not None), lambda decorated: decorated)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _StubName(f"{self._module}.{self._name}", name) if _StubFinder.active() else getattr(self._real(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return self._module in sys.modules and not _StubFinder.active() and isinstance(instance, self._real())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __or__(self, other: object) -> object:
        return Any

    __ror__ = __or__


class _StubModule(ModuleType):
    """Stands in for a package of ``_DEFERRED`` or one of its modules."""

    def __getattr__(self, name: str) -> object:
        if not _StubFinder.active():
            return getattr(importlib.import_module(self.__name__), name)
        if name == "__version__":
            return importlib.metadata.version(self.__name__)
        if name.startswith("__"):
            raise AttributeError(name)
        return _StubName(self.__name__, name)


class _StubFinder(Loader):
    """Finder on ``sys.meta_path`` that answers with stubs."""

    @classmethod
    def active(cls) -> bool:
        return any(isinstance(finder, cls) for finder in sys.meta_path)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        deferred = any(f"{name}.".startswith(f"{package}.") for package in _DEFERRED)
        return ModuleSpec(name, self, is_package=True) if deferred else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StubModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def deferred() -> Iterator[None]:
    """Within it, packages of ``_DEFERRED`` that are not loaded yet are stubs; nothing changes with plain imports."""
    if os.environ.get(PLAIN_IMPORTS):
        yield
        return
    import torch.distributed  # noqa: F401 - torch is whole before parts of it become stubs

    finder, listed = _StubFinder(), importlib.metadata.packages_distributions
    sys.meta_path.insert(0, finder)
    importlib.metadata.packages_distributions = dict  # slow; diffusers asks by name where the list has none
    try:
        for name in _DEFERRED:
            importlib.import_module(name)
        yield
    finally:
        importlib.metadata.packages_distributions = listed
        sys.meta_path.remove(finder)
        # as attributes of their packages they stay: some libraries use what they expect others to have imported
        for name in [name for name, module in sys.modules.items() if isinstance(module, _StubModule)]:
            del sys.modules[name]


def with_deferred_imports(make: Callable[[], Result]) -> Result:
    """What ``make`` returns, called while packages are stubs; should that fail, called again with the real ones."""
    try:
        with deferred():
            return make()
    except Exception:
        logger.debug("Once more with plain imports.", exc_info=True)
    return make()


def load_libraries(names: Sequence[str] = _LIBRARIES) -> None:
    """Imports diffusers, peft and the like with stubs for what inference never uses.

    Programs call it before they import a module that imports diffusers. What fails is undone: whoever needs it imports
    it in full. With plain imports there is nothing to do.
    """
    if os.environ.get(PLAIN_IMPORTS):
        return
    before = set(sys.modules)
    try:
        with deferred():
            for name in names:
                importlib.import_module(name)
    except Exception:
        logger.debug("The libraries will be imported in full.", exc_info=True)
        for name in sys.modules.keys() - before:
            if name.partition(".")[0] in _ROOTS:
                del sys.modules[name]
