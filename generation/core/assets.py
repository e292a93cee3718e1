"""Locates the shipped weights, voices and sample scenes, in a checkout as in an installed wheel."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

INSTALLED = "parley_assets"
"""Name under which the build installs the checkout's ``assets`` folder beside the packages."""


@cache
def assets_root() -> Path:
    """Folder that holds the shipped weights and samples.

    Raises:
        FileNotFoundError: neither an installed nor a checked-out ``assets`` folder lies beside the packages.
    """
    beside = Path(str(files("generation"))).parent
    for folder in (beside / INSTALLED, beside / "assets"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"No assets folder lies in {beside}; install the package again.")


def asset(name: str) -> Path:
    """Path of one shipped file or folder, e.g. ``asset("rig.safetensors")`` or ``asset("scenes/cafe/scene.yaml")``.

    Args:
        name: path relative to the assets folder, with forward slashes.

    Raises:
        FileNotFoundError: nothing of that name is shipped.
    """
    path = assets_root() / name
    if not path.exists():
        raise FileNotFoundError(f"The asset {name!r} is missing from {assets_root()}; install the package again.")
    return path
