"""Boxes of MP4 files and chunks of WAV files, by the lengths that they name."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def is_wav(file: BinaryIO) -> bool:
    """Whether a file is WAV, not MP4.

    Raises:
        ValueError: it is neither.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        return True
    if head[4:8] == b"ftyp":
        return False
    raise ValueError("Only MP4 and WAV files can carry the mark.")


def boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte of the contents, and end of each box of an MP4 or chunk of a WAV file.

    Raises:
        ValueError: neither of both, or lengths that do not fit the file.
    """
    total = file.seek(0, 2)
    wav = is_wav(file)
    at = 12 if wav else 0
    while at + 8 <= total:
        file.seek(at)
        head = file.read(16)
        if wav:
            kind, size, header = head[:4], struct.unpack("<I", head[4:8])[0] + 8, 8
        else:
            size, kind, header = *struct.unpack(">I4s", head[:8]), 8
            if size == 1:
                size, header = struct.unpack(">Q", head[8:16])[0], 16
            elif size == 0:
                size = total - at
        if size < header or at + size > total:
            raise ValueError("The file's boxes are damaged.")
        yield kind, at + header, at + size
        at += size + (size % 2 if wav else 0)


def is_whole_mp4(path: Path) -> bool:
    """Whether an MP4 file is there to its last byte: a power cut may have cut it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        try:
            found = list(boxes(file))
        except (ValueError, struct.error):
            return False
    return {b"moov", b"mdat"} <= {kind for kind, _, _ in found} and found[-1][2] == path.stat().st_size
