"""Boxes of MP4 and QuickTime, chunks of WAV and PNG, and elements of Matroska, by the lengths that they name."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

Container = Literal["mp4", "wav", "matroska", "png"]
_PNG, _END = b"\x89PNG\r\n\x1a\n", struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
TAGS = b"\x12\x54\xc3\x67"
"""Matroska's element of tags."""
_EBML, _SEGMENT, _UNKNOWN = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", (1 << 56) - 1


def container(file: BinaryIO) -> Container:
    """What a file is: MP4 and QuickTime are one, and so are Matroska and WebM.

    Raises:
        ValueError: it is none of them.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        return "wav"
    if head[4:8] == b"ftyp":
        return "mp4"
    if head[:4] == _EBML:
        return "matroska"
    if head[:8] == _PNG:
        return "png"
    raise ValueError("Only MP4, QuickTime, Matroska, WebM, WAV and PNG files can carry the mark.")


def boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte and end of the contents of each box of an MP4 file, chunk of WAV or PNG or element of Matroska.

    Raises:
        ValueError: none of them, lengths that do not fit the file, or wrong check sums, which PNG has.
    """
    kind = container(file)
    total = file.seek(0, 2)
    if kind == "matroska":
        yield from _elements(file, *_segment(file), total)
        return
    if kind == "png":
        yield from _chunks(file, total)
        return
    wav = kind == "wav"
    at = 12 if wav else 0
    while at + 8 <= total:
        file.seek(at)
        head = file.read(16)
        if wav:
            name, size, header = head[:4], struct.unpack("<I", head[4:8])[0] + 8, 8
        else:
            size, name, header = *struct.unpack(">I4s", head[:8]), 8
            if size == 1:
                size, header = struct.unpack(">Q", head[8:16])[0], 16
            elif size == 0:
                size = total - at
        if size < header or at + size > total:
            raise ValueError("The file's boxes are damaged.")
        yield name, at + header, at + size
        at += size + (size % 2 if wav else 0)


def _chunks(file: BinaryIO, total: int) -> Iterator[tuple[bytes, int, int]]:
    """Those of a PNG file, which ends with ``IEND``."""
    at, name = len(_PNG), b""
    while at < total and name != b"IEND":
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        contents, check = file.read(size), file.read(4)
        if check != struct.pack(">I", zlib.crc32(name + contents)):
            raise ValueError("The file's chunks are damaged.")
        yield name, at + 8, at + 8 + size
        at += size + 12
    if at != total or name != b"IEND":
        raise ValueError("The file's chunks are damaged.")


def put_last_chunk(file: BinaryIO, at: int, name: bytes, contents: bytes) -> None:
    """Write a chunk into a PNG file from byte ``at`` on, and the end of the file behind it."""
    file.seek(at)
    check = zlib.crc32(name + contents)
    file.write(struct.pack(">I4s", len(contents), name) + contents + struct.pack(">I", check) + _END)
    file.truncate()


def _head(file: BinaryIO, at: int) -> tuple[bytes, int, int]:
    """Name of the Matroska element at a byte of the file, the first byte of its contents, and their length.

    Numbers say in their first bits how many bytes they have (RFC 8794, section 4).
    """
    file.seek(at)
    head = file.read(12)
    if len(head) < 2 or not head[0] >> 4:
        raise ValueError("The file's elements are damaged.")
    name = head[: 9 - head[0].bit_length()]
    rest = head[len(name) :]
    if not rest or not rest[0]:
        raise ValueError("The file's elements are damaged.")
    width = 9 - rest[0].bit_length()
    size = int.from_bytes(rest[:width]) & ((1 << 7 * width) - 1)
    return name, at + len(name) + width, size


def _segment(file: BinaryIO) -> tuple[int, int]:
    """Where the contents of a Matroska file's segment begin and end."""
    _, start, size = _head(file, 0)
    name, first, length = _head(file, start + size)
    if name != _SEGMENT or length == _UNKNOWN:
        raise ValueError("The file has no segment of a known length.")
    return first, first + length


def _elements(file: BinaryIO, at: int, end: int, total: int) -> Iterator[tuple[bytes, int, int]]:
    if end > total:
        raise ValueError("The file's elements are damaged.")
    while at < end:
        name, start, size = _head(file, at)
        if start + size > end:
            raise ValueError("The file's elements are damaged.")
        yield name, start, start + size
        at = start + size


def append_tag(file: BinaryIO, name: str, text: bytes) -> None:
    """Write a tag of the whole file at the end of a Matroska file's segment, the last in the file (RFC 9559, 5.1.8).

    Raises:
        ValueError: a segment that does not end with the file, or whose length has fewer than eight bytes.
    """
    first, end = _segment(file)
    file.seek(first - 8)
    if file.read(1) != b"\x01" or end != file.seek(0, 2):
        raise ValueError("Nothing can be added to the file's segment.")
    simple = _element(b"\x67\xc8", _element(b"\x45\xa3", name.encode()) + _element(b"\x44\x87", text))
    file.seek(end)
    file.write(_element(TAGS, _element(b"\x73\x73", _element(b"\x63\xc0", b"") + simple)))
    length = file.tell() - first
    file.seek(first - 8)
    file.write((1 << 56 | length).to_bytes(8))


def _element(name: bytes, contents: bytes) -> bytes:
    return name + (1 << 56 | len(contents)).to_bytes(8) + contents


_NEEDED = {"mp4": {b"moov", b"mdat"}, "matroska": {b"\x1f\x43\xb6\x75", b"\x1c\x53\xbb\x6b"}, "wav": {b"data"},
           "png": {b"IDAT"}}  # fmt: skip
"""What a finished file has: in Matroska a cluster of frames, and the cues, which are written last."""


def is_whole(path: Path) -> bool:
    """Whether a film or sound is there to its last byte: a power cut may have cut it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        try:
            needed = _NEEDED[container(file)]
            found = list(boxes(file))
        except (ValueError, struct.error):
            return False
    return (
        needed <= {kind for kind, _, _ in found}
        and found[-1][2] + (4 if found[-1][0] == b"IEND" else 0) == path.stat().st_size
    )


_C2PA = {b"uuid": bytes.fromhex("d8fec3d61b0e483c92975828877ec481"), b"C2PA": b"", b"caBX": b""}
"""Boxes that hold a signature of C2PA, with what their contents begin with (C2PA 2.2, appendix A)."""
_TABLES = {b"stco": ">u4", b"co64": ">u8"}
"""Boxes of MP4 with places in the file, and the type of their numbers."""


def signature_edits(file: BinaryIO) -> list[tuple[int, int, bytes]]:
    """What turns a signed file into what it was before: first byte, end and new contents of each place; [] unsigned.

    Raises:
        ValueError: as of :func:`boxes`.
    """
    kind, found = container(file), list(boxes(file))
    edits: list[tuple[int, int, bytes]] = []
    # A long film has several: beside the manifest one with hashes for each MB of its sound and pictures.
    for name, start, end in found:
        file.seek(start)
        if name in _C2PA and file.read(16).startswith(_C2PA[name]):
            # With its header; behind it WAV has a byte where the length is odd, and PNG a check sum.
            edits.append((start - 8, end + {"wav": (end - start) % 2, "png": 4}.get(kind, 0), b""))
    added = [(begin, stop - begin) for begin, stop, _ in edits]
    if kind == "wav" and added:
        file.seek(4)
        length = struct.unpack("<I", file.read(4))[0] - sum(length for _, length in added)
        edits.append((4, 8, struct.pack("<I", length)))
    for name, start, end in found:
        if name == b"moov" and added:
            file.seek(start)
            edits += _moved_back(file.read(end - start), start, added)
    return sorted(edits)


def _moved_back(moov: bytes, at: int, added: list[tuple[int, int]]) -> Iterator[tuple[int, int, bytes]]:
    """Edits of an index that lies at a byte of the file, without what was put in: first byte and length of each."""

    def tables(at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        while at + 8 <= end:
            size, name = struct.unpack(">I4s", moov[at : at + 8])
            if size < 8 or at + size > end:
                raise ValueError("The file's boxes are damaged.")
            if name in (b"trak", b"mdia", b"minf", b"stbl"):
                yield from tables(at + 8, at + size)
            elif name in _TABLES:
                yield name, at + 16, at + size
            at += size

    for name, start, end in tables(0, len(moov)):
        places = np.frombuffer(moov[start:end], _TABLES[name])
        moved = (places - sum(length * (places > begin) for begin, length in added)).astype(_TABLES[name])
        yield at + start, at + end, moved.tobytes()
