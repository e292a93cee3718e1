"""Motion files that a scene names: read once, and held against the regions that are to come from them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from generation.core.motion import REGION_CHANNELS, Region
from generation.motion.motion_files import MotionFile, read_motion_file
from studio.core.messages import existing_file


def scene_motion(folder: Path, name: str, region: Region) -> MotionFile:
    """A motion file that a scene names for a region.

    Args:
        folder: where the scene's file names start.
        name: of the file.
        region: what is to come from it.

    Raises:
        ValueError: no such file, one that cannot be read or has faults, or one without that region's channels.
    """
    path = folder / name
    if reason := existing_file(path, "the motion file"):
        raise ValueError(reason)
    try:
        stat = path.stat()
        found = _read(path, (stat.st_mtime_ns, stat.st_size))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"the motion file {name!r} cannot be read ({reason}).") from None
    if reason := found.lacking(REGION_CHANNELS[region]):
        raise ValueError(reason)
    return found


@lru_cache(maxsize=4)
def _read(path: Path, version: tuple[int, int]) -> MotionFile:
    """Remembered by the file's time and size: the editor asks at every edit, and a film after its check."""
    return read_motion_file(path)
