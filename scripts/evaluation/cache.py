"""Cache of evaluation results: atomic writes, also while two runs make the same file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def keep(path: Path, made: np.ndarray | Mapping[str, np.ndarray]) -> None:
    """Writes one array as ``.npy`` or several by name as ``.npz``, under another name first; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    with partial.open("wb") as file:
        if isinstance(made, Mapping):
            np.savez(file, **made)
        else:
            np.save(file, made)
    partial.replace(path)
