"""Recovers the scene embedded in a finished video, and lists the files that it still needs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.adapters.metadata import SUFFIX
from generation.core.motion import REGION_CHANNELS
from studio.core.storage import safe_name
from studio.export.provenance import verify
from studio.scene.document import checked_scene, scene_data
from studio.scene.schema import BY_VOICE, Scene
from studio.scene.upgrade import VERSION, upgrade_notice, upgrade_scene


@dataclass(frozen=True)
class MissingMedia:
    """A file that a restored scene needs: what for, the name the scene uses for it, and its SHA-256 (None: unknown)."""

    where: str
    name: str
    sha256: str | None


@dataclass(frozen=True)
class RestoredScene:
    """The scene of a finished video, the files that it names, and one sentence where it was upgraded."""

    scene: Scene
    media: tuple[MissingMedia, ...]
    notice: str | None = None


def sha256(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def media_names(scene: Scene) -> list[str]:
    """Every file that a scene names, as it names it, each once."""
    names: list[str] = []

    def noted(_where: str, name: str) -> str:
        names.append(name)
        return name

    _change_files(scene_data(scene), noted)
    strengths = [*(character.styles for character in scene.cast), *(line.styles for line in scene.script)]
    names += [style for own in strengths for style in own if style.endswith(SUFFIX)]
    return list(dict.fromkeys(names))


def absolute_files(scene: Scene, folder: Path) -> dict[str, Any]:
    """A scene as plain data that may be written into any folder: the files that it names have absolute paths.

    Args:
        scene: the scene.
        folder: where its file names start; an absolute path.
    """
    return _renamed(scene, lambda name: str(folder / name))


def with_files(scene: Scene, names: Mapping[str, str]) -> Scene:
    """The scene with other names for some of its files, by the names that it has now."""
    return checked_scene(_renamed(scene, lambda name: names.get(name, name)))


def _renamed(scene: Scene, change: Callable[[str], str]) -> dict[str, Any]:
    """A scene's plain data in which each file that it names, adapters too, has another name."""
    data = scene_data(scene)
    _change_files(data, lambda _where, name: change(name))
    for owner in (*data.get("cast", ()), *data.get("script", ())):
        if styles := owner.get("styles"):
            owner["styles"] = {change(s) if s.endswith(SUFFIX) else s: much for s, much in styles.items()}
    return data


def _change_files(data: dict[str, Any], change: Callable[[str, str], str]) -> None:
    """Replace each file name of a scene's plain data by ``change(where, name)``; empty names are left out."""
    holders: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [("", data, ("picture", "rig"))]
    for index, character in enumerate(data.get("cast", ())):
        holders.append((f"cast[{index}].", character, ("mask",)))
        for number, timed in enumerate(character.get("regions", ())):
            holders.append((f"cast[{index}].regions[{number}].", timed, ("mask",)))
        if isinstance(character.get("voice"), dict):
            holders.append((f"cast[{index}].voice.", character["voice"], ("clip",)))
    holders += [(f"script[{index}].", line, ("recording",)) for index, line in enumerate(data.get("script", ()))]
    for index, line in enumerate(data.get("script", ())):
        if isinstance(line.get("sing"), dict):
            holders.append((f"script[{index}].sing.", line["sing"], ("midi", "recording")))
    for where, holder, _ in list(holders):
        if isinstance(holder.get("motion"), dict):
            holders.append((f"{where}motion.", holder["motion"], tuple(REGION_CHANNELS)))
    for where, holder, keys in holders:
        for key in keys:
            if holder.get(key) and not (where.endswith("motion.") and holder[key] == BY_VOICE):
                holder[key] = change(where + key, holder[key])


def scene_of_video(video: Path) -> RestoredScene:
    """The scene that a finished video carries, and the files that it names, all of them still to be found.

    Who agreed to what is not in the video and is asked anew.

    Raises:
        ValueError: no such file, or one that carries no scene that this program can read.
    """
    record = verify(video).record
    if record is None or not record["scene"].get("picture"):
        raise ValueError(f"{video.name} carries no scene; choose a video that was made here.")
    try:
        version = upgrade_scene(record["scene"]).version
        data = scene_data(checked_scene(record["scene"]))  # anybody may have written it
    except ValueError as error:
        raise ValueError(f"{video.name}: {str(error).splitlines()[0]}") from None
    hashes = {item["where"]: item["sha256"] for item in record["files"]}
    wanted: dict[str, MissingMedia] = {}

    def rename(where: str, name: str) -> str:
        plain = safe_name(name)
        digest, stem, number = hashes.get(where), re.sub(r"\.\w+$", "", plain), 1
        relative = f"media/{plain}"
        while relative in wanted and wanted[relative].sha256 != digest:
            number += 1
            relative = f"media/{stem}-{number}{plain[len(stem) :]}"
        wanted.setdefault(relative, MissingMedia(where, relative, digest))
        return relative

    _change_files(data, rename)
    notice = None if version == VERSION else f"The scene of {video.name} {upgrade_notice(version)}"
    return RestoredScene(checked_scene(data), tuple(wanted.values()), notice)
