"""Finished segments of a scene's performance, ``.npz`` files in its work folder, by keys that the performer makes."""

from __future__ import annotations

import io
import logging
import zipfile
from pathlib import Path

import numpy as np

from generation.core.clock import FPS, SAMPLE_RATE
from generation.core.motion import N_CHANNELS, MotionTrack
from generation.core.performance import CharacterPerformance, Performance
from studio.core.storage import trim_folder, write_whole

log = logging.getLogger(__name__)

MAX_BYTES = 500_000_000


class PerformanceCache:
    """Performances by key.

    Args:
        folder: where they are kept; it is made with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, key: str) -> Performance | None:
        """The performance of a key; None when there is none, or when its file cannot be read any more."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            # Opened here, as np.load leaves a damaged file open.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                path.touch()
                parts = [
                    CharacterPerformance(str(name), kept[f"speech{i}"], MotionTrack(kept[f"motion{i}"]))
                    for i, name in enumerate(kept["names"])
                ]
                return Performance(tuple(parts), int(kept["n_frames"]))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            log.warning("A kept segment of the work folder is damaged and is made again: %s", path.name)
            return None

    def save(self, key: str, part: Performance) -> None:
        """Keep a performance.

        Raises:
            StorageError: the disk is full or refuses.
        """
        arrays = {"n_frames": np.array(part.n_frames), "names": np.array([c.name for c in part.characters])}
        for index, character in enumerate(part.characters):
            arrays |= {f"speech{index}": character.speech, f"motion{index}": character.motion.values}
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        write_whole({self._path(key): packed.getvalue()}, durable=False)

    def trim(self) -> None:
        """Keep what was used last, up to :data:`MAX_BYTES`."""
        trim_folder(self._folder, "*.npz", MAX_BYTES)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.npz"


def made_bytes(seconds: float, n_cast: int) -> int:
    """What the speech and motion of so many people take in files, kept segments, stems and the mix's three tracks."""
    speech, motion = 4 * SAMPLE_RATE, 4 * N_CHANNELS * FPS
    return round(seconds * (n_cast * (2 * speech + 3 * motion + 3 * SAMPLE_RATE) + 3 * speech)) + 2_000_000
