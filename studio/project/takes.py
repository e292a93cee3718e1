"""Registry of takes: each take of a line with its seed, its sound and the cached segment that holds it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from studio.core.storage import inside, json_bytes, read_json, write_json
from studio.scene.document import scene_data
from studio.scene.schema import Scene

FOLDER = "takes"


@dataclass(frozen=True)
class Take:
    """A take of a line.

    Attributes:
        id: the take's number as text; the first is "0".
        seed: the number that makes it another take.
        when: when it was made (ISO 8601, UTC).
        text: what was said.
        piece: name of the kept piece that holds its speech and motion; one piece may hold several lines.
        sound: the line alone as a WAV file, None when it is no longer there.
        voice: whose voice it was made with.
        recipe: hash of what else it was made with, see :func:`recipe`; empty where it was only heard and its piece
            is none of a film.
    """

    id: str
    seed: int
    when: str
    text: str
    piece: str
    sound: Path | None
    voice: str = ""
    recipe: str = ""


def read_takes(folder: Path, line_id: str) -> list[Take]:
    """The takes of a line in a project's folder, the oldest first."""
    made = []
    for data in (read_json(folder / FOLDER / "takes.json") or {}).get(line_id, ()):
        sound = inside(folder, data["sound"]) if data["sound"] else None
        made.append(Take(**{**data, "sound": sound if sound and sound.is_file() else None}))
    return sorted(made, key=lambda take: take.seed)


def record_takes(folder: Path, takes: Mapping[str, Take]) -> None:
    """Note takes by their line's id; a take of the same number is replaced.

    Raises:
        StorageError: nothing has changed.
    """
    path = folder / FOLDER / "takes.json"
    with FileLock(folder / f".{FOLDER}.lock"):
        noted: dict[str, list[dict[str, Any]]] = read_json(path) or {}
        for line_id, take in takes.items():
            sound = take.sound.relative_to(folder).as_posix() if take.sound else ""
            others = [data for data in noted.get(line_id, ()) if data["id"] != take.id]
            noted[line_id] = [*others, {**vars(replace(take, sound=None)), "sound": sound}]
        write_json(path, noted)


def recipe(scene: Scene, steps: int | None) -> str:
    """Hash of what all lines of a scene depend on besides their own words: cast, voices, seed, steps."""
    data = scene_data(scene)
    voices = [(c.name, repr(c.voice), *filter(None, [c.language])) for c in scene.cast]
    return hashlib.sha256(json_bytes([voices, data.get("seed"), data.get("lexicon"), steps])).hexdigest()[:16]
