"""Libraries without what they ask for and inference never uses: torch's compiler, transformers, statistics.

While they are put off, such packages are full of promises: names that leave what they decorate as it is, are nobody's
class, and say no. Afterwards nothing of them is left in ``sys.modules``: who imports such a package gets it as ever,
and a promise that a library has kept is what it stands for.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeVar

import torch.distributed  # noqa: F401 - torch is whole before parts of it are put off

log = logging.getLogger(__name__)

Made = TypeVar("Made")

_PUT_OFF = ("torch._dynamo", "torch.distributed.tensor", "transformers", "scipy.stats", "scipy.integrate", "csvw")
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


class _Promise:
    """A name of a module that is put off."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def _real(self) -> Any:  # noqa: ANN401 - whatever it is
        return getattr(importlib.import_module(self._module), self._name)

    def __call__(self, *args: object, **kwargs: object) -> object:
        if not _Finder.at_work():
            return self._real()(*args, **kwargs)
        if self._name.startswith("is_"):
            return False
        return next((arg for arg in args[:1] if arg is not None), lambda decorated: decorated)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Promise(f"{self._module}.{self._name}", name) if _Finder.at_work() else getattr(self._real(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return self._module in sys.modules and not _Finder.at_work() and isinstance(instance, self._real())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __or__(self, other: object) -> object:
        return Any

    __ror__ = __or__


class _StandIn(ModuleType):
    """A module that is put off."""

    def __getattr__(self, name: str) -> object:
        if not _Finder.at_work():
            return getattr(importlib.import_module(self.__name__), name)
        if name == "__version__":
            return importlib.metadata.version(self.__name__)
        if name.startswith("__"):
            raise AttributeError(name)
        return _Promise(self.__name__, name)


class _Finder:
    """Finds stand-ins."""

    @classmethod
    def at_work(cls) -> bool:
        return any(isinstance(finder, cls) for finder in sys.meta_path)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        off = any(f"{name}.".startswith(f"{package}.") for package in _PUT_OFF)
        return ModuleSpec(name, self, is_package=True) if off else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def deferred() -> Iterator[None]:
    """Within it, those of the packages that are not there yet are promises, and nothing lists what is installed."""
    finder, listed = _Finder(), importlib.metadata.packages_distributions
    sys.meta_path.insert(0, finder)
    importlib.metadata.packages_distributions = dict  # diffusers asks by name where the list has none
    try:
        for name in _PUT_OFF:
            importlib.import_module(name)
        yield
    finally:
        importlib.metadata.packages_distributions = listed
        sys.meta_path.remove(finder)
        # as attributes of their packages they stay: some libraries use what they expect others to have imported
        for name in [name for name, module in sys.modules.items() if isinstance(module, _StandIn)]:
            del sys.modules[name]


def lean(make: Callable[[], Made]) -> Made:
    """Makes something while packages are put off; should that fail, as it is made with them."""
    try:
        with deferred():
            return make()
    except Exception:
        log.debug("Once more with all that libraries ask for.", exc_info=True)
    return make()


def import_libraries(names: Sequence[str] = _LIBRARIES) -> None:
    """Imports modules of diffusers and peft; what fails is undone, to be imported in full by whoever needs it."""
    before = set(sys.modules)
    try:
        with deferred():
            for name in names:
                importlib.import_module(name)
    except Exception:
        log.debug("The libraries will be imported with all that they ask for.", exc_info=True)
        for name in sys.modules.keys() - before:
            if name.partition(".")[0] in _ROOTS:
                del sys.modules[name]


import_libraries()
