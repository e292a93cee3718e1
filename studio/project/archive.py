"""Project archives: one ZIP with all that a project needs and the SHA-256 of each file, packed and unpacked."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated

from pydantic import BaseModel, Field, ValidationError

from studio.core.output import require_place, whole_or_nothing
from studio.core.storage import inside
from studio.project.history import SCENE_FILE
from studio.project.project import Project
from studio.project.projects import Projects
from studio.project.restore import media_names, sha256
from studio.project.uploads import check_upload
from studio.scene.document import load_scene

MANIFEST = "manifest.json"
FORMAT = "parley project archive"
VERSION = 1
MAX_BYTES, MAX_FILES = 4_000_000_000, 20_000
"""Of all files of an archive."""
_MAX_MANIFEST = 8_000_000
_MAX_RATIO, _SMALL = 50, 100_000_000
"""An archive of more than so many bytes unpacked may be so many times as large as packed, not more: a ZIP bomb is."""
_LEFT_OUT = {"jobs", MANIFEST}
_SEGMENT = re.compile(r"work/[0-9a-f]{32}\.npz")
_BLOCK = 1 << 20
_TIME = (1980, 1, 1, 0, 0, 0)


class PackedFile(BaseModel):
    """Size and SHA-256, in hex, of a file in an archive."""

    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What an archive says that it is and holds, by the files' names."""

    format: str = FORMAT
    version: int = VERSION
    files: dict[str, PackedFile]


@dataclass(frozen=True)
class Kind:
    """A kind of archive: the format that its list of files names, what it is to the reader, and which files it holds.

    Attributes:
        format: in the list of its files.
        version: newest that is read.
        noun: what it is, such as ``"an archive of a project"``.
        holds: whether a file of that name belongs into it.
    """

    format: str
    version: int
    noun: str
    holds: Callable[[str], bool]


def pack(source: Path, target: Path) -> list[str]:
    """Write a project, or a scene file with the files that it names, into an archive.

    Of a project go in: scene, media, history, versions, takes, and the kept speech and motion, by which the film stays
    the same on another machine; but neither its videos nor its kept frames. The same contents give the same bytes.

    Args:
        source: folder of a project, or a scene file.
        target: the archive, ``.zip``.

    Returns:
        The names of the files in it.

    Raises:
        ValueError: no project or scene, a file that it names is missing, outside its folder or of a kind or size that
            :func:`unpack` refuses, too much in all, another suffix, or a place that cannot be written.
        StorageError: nothing was written.
    """
    if target.suffix.lower() != ".zip":
        raise ValueError(f"The archive {target.name!r} should end in .zip.")
    files = _of_project(source) if source.is_dir() else _of_scene(source)
    sizes = {name: path.stat().st_size for name, path in files.items()}
    _check_names(sizes, source.name)
    require_place(target, needed_bytes=sum(sizes.values()))
    with whole_or_nothing(target) as folder:
        made = folder / target.name
        listed = write_members(made, PROJECT, {name: path.read_bytes for name, path in files.items()})
        with zipfile.ZipFile(made) as archive:
            _checked_manifest(archive, made)
    return listed


def write_members(path: Path, kind: Kind, files: Mapping[str, Callable[[], bytes]]) -> list[str]:
    """Write an archive of files by their names, each read when it is its turn, with the list of them; their names."""
    listed = {}
    with zipfile.ZipFile(path, "w") as archive:
        for name, read in sorted(files.items()):
            data = read()
            listed[name] = PackedFile(bytes=len(data), sha256=sha256(data))
            _write(archive, name, data)
        manifest = Manifest(format=kind.format, version=kind.version, files=listed)
        _write(archive, MANIFEST, manifest.model_dump_json(indent=1).encode())
    return list(listed)


def read_members(path: Path, kind: Kind) -> dict[str, bytes]:
    """All files of an archive by their names, checked as :func:`unpack` checks those of a project.

    Raises:
        ValueError: no archive of that kind, or a file in it that is damaged, larger than said, or has no place in it.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            found = {}
            for name, entry in _checked_manifest(opened, path, kind).items():
                found[name] = _read(opened, opened.getinfo(name), entry.bytes + 1)
                if len(found[name]) != entry.bytes or sha256(found[name]) != entry.sha256:
                    raise ValueError(f"The file {name!r} in {path.name} is damaged; get it again.")
            return found
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError):
        raise ValueError(f"{path.name} is not {kind.noun} that can be read; make it anew.") from None


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    member = zipfile.ZipInfo(name, _TIME)
    loose = name.endswith((".json", ".yaml", ".yml", ".bin"))  # pictures and sound are packed already
    member.compress_type = zipfile.ZIP_DEFLATED if loose else zipfile.ZIP_STORED
    member.external_attr = 0o644 << 16
    archive.writestr(member, data, compresslevel=9)


def _of_project(folder: Path) -> dict[str, Path]:
    """The files of a project by their names in an archive."""
    if not (folder / SCENE_FILE).is_file():
        raise ValueError(f"There is no project in {str(folder)!r}; name the folder that holds its {SCENE_FILE}.")
    found = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not Path(parent, name).is_symlink()]
        for name in names:
            path = Path(parent, name)
            relative = path.relative_to(folder).as_posix()
            if path.is_file() and not path.is_symlink() and _belongs(relative):
                found[relative] = path
    return found | _media(folder / SCENE_FILE, folder)


def _of_scene(path: Path) -> dict[str, Path]:
    return {SCENE_FILE: path} | _media(path, path.parent)


def _media(scene: Path, folder: Path) -> dict[str, Path]:
    """The files that a scene names, all of them there."""
    found = {}
    for name in media_names(load_scene(scene)):
        path = inside(folder, name)
        if not path.is_file():
            raise ValueError(f"The file {name!r} that the scene names is missing; add it before you pack.")
        relative = path.relative_to(folder).as_posix()
        if not _belongs(relative):
            raise ValueError(f"The file {name!r} lies where a project keeps its own; move it and name it anew.")
        check_upload(path.read_bytes(), path.name)
        found[relative] = path
    return found


def _belongs(name: str) -> bool:
    """Whether a file of a project goes into its archive, and comes out of one."""
    first, *rest = name.split("/")
    if any(part.startswith(".") for part in (first, *rest)):
        return False
    return _SEGMENT.fullmatch(name) is not None if first == "work" else first not in _LEFT_OUT


PROJECT = Kind(FORMAT, VERSION, "an archive of a project", _belongs)


def unpack(archive: Path, projects: Projects, name: str) -> Project:
    """Make a project of an archive; everything in it is checked before the project is there.

    Args:
        archive: what :func:`pack` wrote.
        projects: where the project is made.
        name: of the project.

    Raises:
        ValueError: no archive of a project, a file that is damaged, larger than said, a link, or outside the project,
            media that cannot be used, or a name that is taken; nothing was made.
        StorageError: the disk is full; nothing was made.
    """
    try:
        with zipfile.ZipFile(archive) as opened, projects.making(name) as folder:
            listed = _checked_manifest(opened, archive)
            if shutil.disk_usage(projects.root).free < sum(entry.bytes for entry in listed.values()):
                raise ValueError(f"The disk has too little space for {archive.name}; free some and try again.")
            for relative, entry in listed.items():
                _extract(opened, relative, entry, inside(folder, relative))
            _check_contents(folder, listed)
            Project(folder)  # of a version that can be read
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{archive.name} is no archive that can be read; make it anew with parley archive.") from None
    return projects.open(name)


def _check_names(sizes: Mapping[str, int], whole: str, kind: Kind = PROJECT) -> None:
    """Refuse, of a project or an archive of this name, files that have no place in an archive, and too much of them."""
    if len({name.casefold() for name in sizes}) != len(sizes):
        raise ValueError(f"{whole} holds two files of one name.")
    for name in sizes:
        if not kind.holds(name) or name != _plain(name):
            noun = kind.noun.removeprefix("an archive of ")
            raise ValueError(f"{whole} holds the file {name[:60]!r}, which is no part of {noun}.")
    total = sum(sizes.values())
    if total > MAX_BYTES or len(sizes) > MAX_FILES:
        raise ValueError(f"{whole} holds {total / 1e6:,.0f} MB in {len(sizes)} files; that is too much.")


def _checked_manifest(opened: zipfile.ZipFile, archive: Path, kind: Kind = PROJECT) -> dict[str, PackedFile]:
    """What the archive says that it holds, equal to what it does hold.

    Raises:
        ValueError: it is of another kind, holds other files than it says, or too much.
    """
    members = {member.filename: member for member in opened.infolist()}
    if len(members) != len(opened.infolist()):
        raise ValueError(f"{archive.name} holds two files of one name.")
    for name, member in members.items():
        if member.is_dir() or stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG) or member.flag_bits & 1:
            raise ValueError(f"{archive.name} holds {name[:60]!r} as a link, a folder or encrypted.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{archive.name} holds {name[:60]!r} packed in another way than parley archive does.")
    if MANIFEST not in members or members[MANIFEST].file_size > _MAX_MANIFEST:
        raise ValueError(f"{archive.name} is not {kind.noun}: it has no list of its files.")
    try:
        manifest = Manifest.model_validate_json(_read(opened, members.pop(MANIFEST), _MAX_MANIFEST))
    except ValidationError:
        raise ValueError(f"The list of files in {archive.name} cannot be read.") from None
    if manifest.format != kind.format:
        raise ValueError(f"{archive.name} is not {kind.noun}, but {manifest.format[:60]!r}.")
    if manifest.version > kind.version:
        raise ValueError(f"{archive.name} was made by a newer version of Parley; update it.")
    if set(manifest.files) != set(members):
        raise ValueError(f"{archive.name} holds other files than its list says.")
    _check_sizes(manifest.files, {name: member.file_size for name, member in members.items()}, archive, kind)
    return manifest.files


def _check_sizes(listed: Mapping[str, PackedFile], sizes: Mapping[str, int], archive: Path, kind: Kind) -> None:
    """Refuse files that have no place in an archive, other sizes than its list says, and too much in all."""
    _check_names(sizes, archive.name, kind)
    for name, size in sizes.items():
        if size != listed[name].bytes:
            raise ValueError(f"The file {name[:60]!r} in {archive.name} has another size than its list says.")
    total = sum(sizes.values())
    if total > max(_SMALL, _MAX_RATIO * archive.stat().st_size):
        raise ValueError(f"{archive.name} would unpack to {total / 1e6:,.0f} MB; that is too much.")


def _plain(name: str) -> str:
    """A name as :func:`pack` writes it: no climbing, no drive, no doubled or backward slashes."""
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".", "..")]
    return "/".join(parts).replace(":", "").replace("\0", "")


def _read(opened: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    with opened.open(member) as file:
        return file.read(most)


def _extract(opened: zipfile.ZipFile, name: str, entry: PackedFile, target: Path) -> None:
    """Write one file; not a byte more than its list says."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(name) as packed, target.open("wb") as file:
        if _copy(packed, file, entry.bytes) != entry.sha256:
            raise ValueError(f"The file {name!r} in the archive is damaged; get the archive again.")


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> str:
    """SHA-256 in hex of the first ``size`` bytes, and of one more where there is one, which are written."""
    total, left = hashlib.sha256(), size + 1
    while left and (block := source.read(min(_BLOCK, left))):
        total.update(block)
        target.write(block)
        left -= len(block)
    return total.hexdigest()


def _check_contents(folder: Path, listed: Mapping[str, PackedFile]) -> None:
    """The scene can be read, its media are such as may be uploaded, and kept segments hold no archive within."""
    for name in media_names(load_scene(folder / SCENE_FILE)):
        path = inside(folder, name)
        if not path.is_file():
            raise ValueError(f"The archive lacks {name!r}, which its scene names.")
        check_upload(path.read_bytes(), path.name)
    for name in filter(_SEGMENT.fullmatch, listed):
        with zipfile.ZipFile(inside(folder, name)) as segment:
            if any(member.compress_type != zipfile.ZIP_STORED for member in segment.infolist()):
                raise ValueError(f"The file {name!r} in the archive is packed twice.")
