"""Arrays in files: rows are read and written, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.core.stored_array import StoredArray, blocks


def test_rows_are_what_was_written_and_zeros_elsewhere(tmp_path: Path) -> None:
    stored, rows = StoredArray((50, 3), tmp_path / "new"), np.random.default_rng(0).random((20, 3), np.float32)
    stored[10:30] = rows
    whole = np.zeros((50, 3), np.float32)
    whole[10:30] = rows
    for part in (slice(None), slice(5, 12), slice(29, 99), slice(40, 40), slice(-3, None)):
        np.testing.assert_array_equal(stored[part], whole[part])
    stored[12:13][:] = 7  # a copy
    np.testing.assert_array_equal(stored[:], whole)
    assert len(stored) == 50 and not list((tmp_path / "new").iterdir()), "its file has no name"


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    stored = StoredArray((5,), tmp_path)
    with pytest.raises(ValueError, match="cannot take"):
        stored[0:3] = np.zeros(4)
    with pytest.raises(ValueError, match="every 2"):
        stored[::2]


def test_blocks_cover_a_length_and_their_windows_reach_beyond() -> None:
    numbers = np.arange(23)
    made = [(numbers[block], numbers[window][inner], window) for block, window, inner in blocks(23, 10, 4)]
    assert np.concatenate([block for block, _, _ in made]).tolist() == list(range(23))
    assert all(block.tolist() == inner.tolist() for block, inner, _ in made)
    assert [(window.start, window.stop) for _, _, window in made] == [(0, 14), (6, 23), (16, 23)]
