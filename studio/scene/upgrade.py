"""Upgrade of scene documents and reports of earlier versions: plain data in, plain data of the current version out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.core.messages import shortened

VERSION = 2
"""Version of scene documents and of projects that is written."""
_CHANGES = {2: "the key manners is called styles"}


@dataclass(frozen=True)
class Upgraded:
    """A document in the current version.

    Attributes:
        data: its contents; the data that was given is never changed.
        version: the version in which it was written.
        moved: where items stood before, by their location now, where the two differ.
    """

    data: dict[str, Any]
    version: int = VERSION
    moved: Mapping[tuple[int | str, ...], tuple[int | str, ...]] = field(default_factory=dict)


def upgrade_scene(data: Mapping[str, Any]) -> Upgraded:
    """A scene document of any version, as plain data, in the current version.

    A document without a version counts as of the first where it has a key that only that version knew.

    Raises:
        ValueError: the version is of a later program, or none; half a sentence that begins with "version".
    """
    version = _version(data)
    if version == VERSION:
        return Upgraded(dict(data) | ({"version": VERSION} if "version" in data else {}))
    cast = data.get("cast")
    moved: dict[tuple[int | str, ...], tuple[int | str, ...]] = {}
    if isinstance(cast, list):
        cast = list(cast)
        for index, member in enumerate(cast):
            if _has_manners(member):
                cast[index] = {"styles" if key == "manners" else key: value for key, value in member.items()}
                moved[("cast", index, "styles")] = ("cast", index, "manners")
                for name in member["manners"] if isinstance(member["manners"], dict) else ():
                    moved[("cast", index, "styles", name)] = ("cast", index, "manners", name)
        data = {**data, "cast": cast}
    return Upgraded({**data, "version": VERSION}, version, moved)


def upgrade_report(data: Mapping[str, Any]) -> dict[str, Any]:
    """A fine-tuning job's report in the current version."""
    return {"style" if key == "manner" else key: value for key, value in data.items()}


def check_version(version: object) -> int:
    """The number of a version that can be read.

    Raises:
        ValueError: it is of a later program, or none; half a sentence that begins with "version".
    """
    number = int(version) if isinstance(version, str) and version.isdecimal() and len(version) < 10 else version
    if isinstance(number, int) and not isinstance(number, bool) and number > VERSION:
        raise ValueError(f"version {number} is of a later Parley; update Parley to open it.")
    if isinstance(number, bool) or not isinstance(number, int | float) or number not in range(1, VERSION + 1):
        known = ", ".join(map(str, range(1, VERSION + 1)))
        raise ValueError(f"version {shortened(version)} is not known; known are {known}.")
    return int(number)


def upgrade_notice(version: int) -> str:
    """What a reader is told of a document of an earlier version: the end of a sentence about it."""
    changes = " and ".join(text for since, text in _CHANGES.items() if since > version)
    return f"is of version {version} and was upgraded to version {VERSION}, in which {changes}."


def _version(data: Mapping[str, Any]) -> int:
    if data.get("version") is not None:
        return check_version(data["version"])
    cast = data.get("cast")
    return 1 if any(map(_has_manners, cast if isinstance(cast, list) else ())) else VERSION


def _has_manners(member: object) -> bool:
    return isinstance(member, Mapping) and "manners" in member and "styles" not in member
