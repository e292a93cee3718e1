"""File storage of the studio: atomic writes, JSON files, safe names, and paths that stay inside a folder."""

from __future__ import annotations

import json
import os
import re
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import Any

from studio.core.problems import DocumentError, Part, Problem, disk_clause

MAX_NAME = 60
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class StorageError(OSError):
    """Something could not be written; one sentence says what to do. What was there before is whole."""


def write_whole(files: Mapping[Path, bytes], *, durable: bool = True) -> None:
    """Write several files so that all of them appear with their new contents, or none of them.

    Each is written beside its target first; only when all are complete are they renamed, which takes no space.

    Args:
        files: contents by path; folders are made where they are missing.
        durable: wait until the disk has them, for what a power cut should not lose.

    Raises:
        StorageError: the disk is full or refuses; nothing has changed, and no folder is left that was made for it.
    """
    made: set[Path] = set()
    partial = {path: path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part") for path in files}
    try:
        made |= {folder for path in files for folder in path.parents if not folder.exists()}
        for path, contents in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(partial[path], contents, durable=durable)
        for path, written in partial.items():
            written.replace(path)
        made.clear()
    except OSError as error:
        raise StorageError(error.errno, storage_sentence(error)) from error
    finally:
        for written in partial.values():
            with suppress(OSError):
                written.unlink(missing_ok=True)
        for folder in sorted(made, reverse=True):
            with suppress(OSError):
                folder.rmdir()


def write_bytes(path: Path, contents: bytes, *, durable: bool) -> None:
    """Write one new file; every file of the studio goes through here."""
    with path.open("xb") as file:
        file.write(contents)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def storage_sentence(error: OSError) -> str:
    """:func:`studio.core.problems.disk_clause` as a sentence."""
    clause = disk_clause(error)
    return f"{clause[0].upper()}{clause[1:]}."


def utf8_text(data: bytes, name: str, part: Part = "file") -> str:
    """The text of a file in UTF-8, without the mark at its beginning.

    Args:
        data: the file's contents.
        name: what the file is called in the message.
        part: of the work that it belongs to.

    Raises:
        DocumentError: it is no such text.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError([Problem(part, f"{name!r} is not UTF-8 text", "save it as UTF-8")]) from None


def write_json(path: Path, data: Any, *, durable: bool = True) -> None:  # noqa: ANN401 - any JSON value
    """:func:`write_whole` of one file of JSON."""
    write_whole({path: json_bytes(data)}, durable=durable)


def json_bytes(data: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """A value as UTF-8 JSON."""
    return json.dumps(data, ensure_ascii=False, indent=1).encode()


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    """The value in a file of JSON; None where there is none that can be read."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def inside(folder: Path, relative: str) -> Path:
    """The path of a file that a document names, which has to lie inside a folder.

    Args:
        folder: the folder.
        relative: as the document writes it; both kinds of slashes separate.

    Returns:
        The path below ``folder``; the file need not exist.

    Raises:
        ValueError: an absolute path, one that climbs out with ``..``, or through a link that leads out of the folder.
    """
    refusal = f"The file {relative!r} lies outside the project; add it to the project and use the name that it gets."
    parts = PureWindowsPath(relative)
    if not relative or "\0" in relative or parts.anchor or relative.startswith("~") or ".." in parts.parts:
        raise ValueError(refusal)
    path = folder.joinpath(*parts.parts)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(refusal)
    return path


def safe_name(filename: str) -> str:
    """A file name that any file system takes, from one that somebody's browser sent: no folders, no odd signs."""
    name = PureWindowsPath(unicodedata.normalize("NFC", filename).replace("\0", "")).name
    stem, dot, suffix = name.rpartition(".")
    stem = re.sub(r"[^\w-]+", "-", stem if dot else name).strip("-_")[:MAX_NAME] or "file"
    suffix = re.sub(r"[^a-z0-9]", "", suffix.lower())[:12] if dot else ""
    stem = f"{stem}-file" if _RESERVED.fullmatch(stem) else stem
    return f"{stem}.{suffix}" if suffix else stem


def folder_name(name: str) -> str:
    """A project's name as it may be a folder's.

    Raises:
        ValueError: empty, too long, or with signs that a folder's name cannot have.
    """
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    if not plain or len(plain) > MAX_NAME:
        raise ValueError(f"A project's name should have 1 to {MAX_NAME} letters; {plain[:70]!r} has {len(plain)}.")
    if not re.fullmatch(r"[\w](?:[\w .,()'+-]*[\w)'+-])?", plain) or _RESERVED.fullmatch(plain):
        raise ValueError(f"The name {plain!r} cannot be a folder's; use letters, digits, spaces and hyphens.")
    return plain


def file_names(names: Sequence[str]) -> list[str]:
    """One word a person that any file system takes, all different even without regard to case."""
    taken: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKC", name)
        base = re.sub(r"[^\w-]+", "-", plain).strip("-_")[:40] or "person"
        slug, number = base, 1
        while slug.casefold() in {other.casefold() for other in taken}:
            number += 1
            slug = f"{base}-{number}"
        taken.append(slug)
    return taken


def trim_folder(folder: Path, pattern: str, most_bytes: int) -> None:
    """Delete the files of a pattern that were used longest ago, until the others take at most so many bytes."""
    total = 0
    for path in sorted(folder.glob(pattern), key=lambda item: item.stat().st_mtime, reverse=True):
        total += path.stat().st_size
        if total > most_bytes:
            path.unlink()
