"""The people of a video in place of the picture: followed once, and kept for every later look at the same file."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from generation.core.clock import FPS
from generation.core.result_key import made_by
from generation.video.frames import video_frames
from generation.video.probe import VideoFacts, probe_video
from studio.core.scratch import scratch_folder
from studio.core.storage import trim_folder
from studio.scene.schema import Scene

if TYPE_CHECKING:
    from masks.tracking.people import ClipTrack

MOST_ROWS = 1080
"""Rows of the frames in which people are followed; larger ones are reduced for it."""
MAX_KEPT_BYTES = 500_000_000
OnFrame = Callable[[int, int], None]
"""Called with the frames looked at and those that there are by the file's header."""


@dataclass(frozen=True)
class SceneClip:
    """A video in place of the picture.

    Attributes:
        path: the file.
        facts: of it; frames are of its size.
        track: who is in it, in pixels of these frames.
        first: (H, W, 3) uint8, its first frame.
        digest: SHA-256 of the file in hex.
    """

    path: Path
    facts: VideoFacts
    track: ClipTrack
    first: np.ndarray
    digest: str

    def reduced(self, rows: int) -> SceneClip:
        """The same in frames of at most so many rows."""
        facts = self.facts.reduced(rows)
        if facts is self.facts:
            return self
        first = next(video_frames(self.path, facts, 0, 1))
        return replace(self, facts=facts, track=self.track.scaled((facts.height, facts.width)), first=first)


def look_at_clip(path: Path, on_frame: OnFrame = lambda done, total: None) -> SceneClip:
    """A video and the people in it; remembered until the file changes.

    Args:
        path: the file.
        on_frame: told how far it is where they are not known yet; what it raises ends the look.

    Raises:
        ValueError: no video that can be worked on; one sentence.
    """
    facts = probe_video(path)
    stat = path.stat()
    stamp = (stat.st_mtime_ns, stat.st_size)
    held = _HELD.get(path)
    if held is None or held[0] != stamp:
        held = stamp, _looked_at(path, facts, on_frame)
        if len(_HELD) >= 2:
            _HELD.pop(next(iter(_HELD)))
        _HELD[path] = held
    return held[1]


def clip_frames(scene: Scene, folder: Path) -> int | None:
    """Length of a scene's video in frames of the clock; None where the scene has a picture.

    Raises:
        ValueError: as of :func:`look_at_clip`.
    """
    return look_at_clip(folder / scene.picture).track.n_frames if scene.is_video else None


_HELD: dict[Path, tuple[tuple[int, int], SceneClip]] = {}


def _looked_at(path: Path, facts: VideoFacts, on_frame: OnFrame) -> SceneClip:
    from masks.tracking.people import PeopleTracker

    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    first = next(video_frames(path, facts, 0, 1))
    kept = _folder() / f"{digest[:32]}-{_code()[:16]}.npz"
    track = _read(kept)
    if track is None:
        smaller = facts.reduced(MOST_ROWS)
        total = max(1, round(FPS * facts.seconds))

        def watched() -> Iterator[np.ndarray]:
            for number, frame in enumerate(video_frames(path, smaller)):
                on_frame(number, max(total, number))
                yield frame

        track = PeopleTracker().track(watched()).smoothed()
        with suppress(OSError):  # what cannot be kept is looked for again
            _keep(track, kept)
    return SceneClip(path, facts, track.scaled((facts.height, facts.width)), first, digest)


@lru_cache
def _code() -> str:
    return made_by("masks.tracking.people", "generation.video.frames")


def _folder() -> Path:
    """Where the people of videos are kept: a folder of the user's cache."""
    usual = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None
    return Path(os.environ.get("XDG_CACHE_HOME") or usual or Path.home() / ".cache") / "parley" / "people"


def _keep(track: ClipTrack, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"frames{n}": person.frames for n, person in enumerate(track.people)}
    arrays |= {f"points{n}": person.points for n, person in enumerate(track.people)}
    about = np.array([track.n_frames, *track.size, len(track.people)], np.int64)
    with scratch_folder(path.parent) as scratch:
        np.savez(scratch / path.name, about=about, cuts=np.array(track.cuts, np.int64), **arrays)
        (scratch / path.name).replace(path)
    trim_folder(path.parent, "*.npz", MAX_KEPT_BYTES)


def _read(path: Path) -> ClipTrack | None:
    """The people kept in a file; None where there is none, or a damaged one."""
    from masks.tracking.people import ClipTrack, TrackedPerson

    try:
        with np.load(path, allow_pickle=False) as held:
            n_frames, rows, columns, count = (int(n) for n in held["about"])
            people = tuple(TrackedPerson(held[f"frames{n}"], held[f"points{n}"]) for n in range(count))
            track = ClipTrack(n_frames, (rows, columns), tuple(int(n) for n in held["cuts"]), people)
        path.touch()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return track
