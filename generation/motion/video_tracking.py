"""Video file to motion: whom to follow, their landmarks frame by frame, and the motion of these, in constant memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from generation.core.clock import FPS
from generation.core.motion import MotionTrack
from generation.core.stored_array import Rows
from generation.motion.tracking import at_rate, track_motion
from generation.video.frames import video_frames
from generation.video.probe import MOST_SECONDS, VideoFacts, probe_video

if TYPE_CHECKING:
    from masks.landmarks import FaceLandmarks
    from masks.tracking.people import PeopleTracker

Region = tuple[float, float, float, float]
"""Left, top, right and bottom, pixels."""
_MOST_ROWS, _CLIP_SECONDS = 720, 300
_FIRST_SECONDS = 10.0
_LOOK_EVERY = 12
"""Frames from one look for faces to the next."""
_SMALL = 0.4
"""Size of a face beside the largest below which it is of somebody in the background."""


@dataclass(frozen=True)
class _Reduced:
    """A video at its own rate, at most 720 rows high."""

    path: Path
    facts: VideoFacts
    share: float
    """Size of its frames beside that in the file."""

    @classmethod
    def open(cls, path: Path) -> _Reduced:
        whole = probe_video(path)
        facts = whole.reduced(_MOST_ROWS)
        return cls(path, facts, facts.height / whole.height)

    @property
    def fps(self) -> float:
        return self.facts.fps or FPS

    def frames(self, seconds: float) -> Iterator[np.ndarray]:
        """uint8 (H, W, 3) RGB, the first ``seconds`` of them."""
        return islice(video_frames(self.path, self.facts, rate=self.fps), round(seconds * self.fps))

    def inside(self, region: Region | None) -> Region | None:
        """A region of the file in pixels of the frames."""
        if region is None:
            return None
        left, top, right, bottom = (self.share * edge for edge in region)
        return left, top, right, bottom


def face_fault(path: Path) -> str | None:
    """Why nobody's motion can be taken from a video, as a sentence without its subject; None when it can."""
    from masks.landmarks import FaceLandmarker

    landmarker, counts = FaceLandmarker(), []
    for frame in islice(_Reduced.open(path).frames(_CLIP_SECONDS), 0, None, _LOOK_EVERY):
        sizes = [face.inter_ocular for face in landmarker.detect(frame)]
        counts.append(sum(size > _SMALL * max(sizes) for size in sizes))
    seen = np.array(counts or [0])
    if (seen == 0).mean() > 0.3:
        return f"shows no face in {(seen == 0).mean():.0%} of its frames; film one person from the front"
    if (seen > 1).mean() > 0.2:
        return f"shows two faces in {(seen > 1).mean():.0%} of its frames; cut it so that one person is in it"
    return None


@dataclass(frozen=True)
class FacesAtFirst:
    """Whom a video shows when it begins: the face that is followed, in pixels of the video, and how many others."""

    box: tuple[float, ...]
    others: int


def faces_at_first(path: Path, region: Region | None = None) -> FacesAtFirst:
    """The face to follow in a video: the largest in its first ten seconds' first frame with one.

    Args:
        path: the video.
        region: in pixels of the video; the middle between the eyes lies inside.

    Raises:
        ValueError: no video, nobody in its first ten seconds, or nobody there; one sentence.
    """
    from masks.tracking.people import PeopleTracker, is_inside

    video, others = _Reduced.open(path), 0
    inside = video.inside(region)
    for seen in PeopleTracker().follow(video.frames(_FIRST_SECONDS)):
        others = max(others, len(seen.faces))
        meant = [face for face in seen.faces.values() if inside is None or is_inside(face, inside)]
        if meant:
            face = max(meant, key=lambda face: face.inter_ocular)
            return FacesAtFirst(tuple(edge / video.share for edge in face.box), len(seen.faces) - 1)
    if others:
        raise ValueError(
            f"{path.name} shows {others} faces at first, but none in the region; move it, or leave it out."
        )
    raise ValueError(f"{path.name} shows no face in its first ten seconds; cut it to where somebody is seen in front.")


@dataclass(frozen=True)
class VideoMotion:
    """Somebody's motion in a video: rows (T, 57) at 25 frames/s, and of its frames those in which they are not seen."""

    motion: Rows
    n_frames: int
    unseen: int


def track_person(
    path: Path,
    region: Region | None,
    folder: Path,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
    most_seconds: float = MOST_SECONDS,
) -> VideoMotion:
    """Motion of one person in a video of any length, in constant memory: landmarks lie in a file meanwhile.

    Frames are read at the video's own rate; landmarks are taken linearly between them.

    Args:
        path: the video.
        region: whom to follow, see :func:`faces_at_first`.
        folder: for landmarks and motion; their files go with what is returned.
        on_frame: told the frames done, and in all as far as that is known.
        most_seconds: what comes later is left out.

    Raises:
        ValueError: no video, or no face in it.
    """
    from masks.tracking.people import PeopleTracker

    video = _Reduced.open(path)
    known = video.facts.seconds
    total = round(min(known, most_seconds) * video.fps)
    room = min(most_seconds, 1.2 * known + 10) if known > 0 else most_seconds  # a header may be wrong
    seen: list[bool] = []

    def found() -> Iterator[np.ndarray | None]:
        for face in PeopleTracker().follow_one(video.frames(most_seconds), video.inside(region)):
            seen.append(face is not None)
            yield None if face is None else face.points
            on_frame(min(len(seen), total), total)

    motion = track_motion(found(), video.fps, folder, room)
    return VideoMotion(motion, len(seen), seen.count(False))


def track_video(path: Path) -> MotionTrack:
    """Motion of the one person in a video's first five minutes, on the 25 frames/s clock.

    Raises:
        ValueError: no video, or no face in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        motion = track_person(path, None, Path(folder), most_seconds=_CLIP_SECONDS).motion
        return MotionTrack(motion[:])


def largest_face(frames: Iterable[np.ndarray], tracker: PeopleTracker | None = None) -> np.ndarray:
    """Landmarks (T, 478, 3) float64 in pixels of the largest face in uint8 (H, W, 3) RGB frames; gaps are filled.

    Args:
        frames: 25 a second.
        tracker: holds the networks; made anew by default.

    Raises:
        ValueError: no frames, or no face in any of them.
    """
    from masks.tracking.people import PeopleTracker

    faces: Iterator[FaceLandmarks | None] = (tracker or PeopleTracker()).follow_one(frames)
    return np.stack(list(at_rate((None if face is None else face.points for face in faces), FPS)))
