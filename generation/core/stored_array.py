"""Arrays in files: what grows with a scene's length lies on the disk, and only the rows asked for are read."""

from __future__ import annotations

import math
import tempfile
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np


class StoredArray:
    """Float32 numbers (N, ...) in a file of its own, zeros where nothing was written yet.

    The file has no name: it is gone with this object, or with the process, however that ends.

    Args:
        shape: N and the rest; rows are read and written by slices.
        folder: where the file lies; it is made where it is missing.

    Raises:
        OSError: the disk is full or refuses, here or when something is written.
    """

    def __init__(self, shape: tuple[int, ...], folder: Path) -> None:
        self.shape = shape
        self._row_bytes = 4 * math.prod(shape[1:])
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)
        self._one_at_a_time = threading.Lock()
        self._file.truncate(shape[0] * self._row_bytes)
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        """A copy of some rows, (n, ...) float32."""
        first, stop = self._bounds(rows)
        out = np.empty((stop - first, *self.shape[1:]), np.float32)
        left = out.reshape(-1).view(np.uint8)
        with self._one_at_a_time:
            self._file.seek(first * self._row_bytes)
            while len(left):
                if not (count := self._file.readinto(left)):
                    raise OSError("A file of the work folder is shorter than it was.")
                left = left[count:]
        return out

    def __setitem__(self, rows: slice, values: np.ndarray) -> None:
        first, stop = self._bounds(rows)
        if np.shape(values) != (stop - first, *self.shape[1:]):
            raise ValueError(f"Rows {first} to {stop} of {self.shape} cannot take {np.shape(values)}.")
        left = np.ascontiguousarray(values, np.float32).reshape(-1).view(np.uint8)
        with self._one_at_a_time:
            self._file.seek(first * self._row_bytes)
            while len(left):
                left = left[self._file.write(left) :]

    def _bounds(self, rows: slice) -> tuple[int, int]:
        first, stop, step = rows.indices(len(self))
        if step != 1:
            raise ValueError(f"Rows are read one after another, not every {step}.")
        return first, max(first, stop)


Rows = np.ndarray | StoredArray
"""Numbers (N, ...) in memory or in a file; slices of rows are arrays."""


def blocks(length: int, size: int, reach: int = 0) -> Iterator[tuple[slice, slice, slice]]:
    """A length cut into blocks, for what looks a little beyond each of its numbers.

    Args:
        length: how many rows there are.
        size: of a block; the last may be shorter.
        reach: how many rows before and after a block belong to its window, as far as there are any.

    Yields:
        The block, its window, and the block within the window.
    """
    for first in range(0, length, size):
        stop = min(first + size, length)
        begin, end = max(0, first - reach), min(length, stop + reach)
        yield slice(first, stop), slice(begin, end), slice(first - begin, stop - begin)
