"""Video file to motion: decode, find the face to follow, track it, in constant memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from generation.core.ffmpeg import read_frames
from generation.core.motion import MotionTrack
from generation.core.stored_array import Rows

if TYPE_CHECKING:
    from masks.landmarks import FaceLandmarks

MOST_SECONDS = 7200.0
"""Of a video that is tracked."""
_MOST_ROWS, _CLIP_SECONDS = 720, 300
_FIRST_SECONDS = 10.0
_LOOK_EVERY = 12
"""Frames from one look for faces to the next."""
_SMALL = 0.4
"""Size of a face beside the largest below which it is of somebody in the background."""


@dataclass(frozen=True)
class OpenVideo:
    """A video that can be read.

    Attributes:
        path: the file.
        fps: frames a second.
        seconds: its length as its header has it.
        size: width and height, upright.
        share: size of the frames that are given beside that.
    """

    path: Path
    fps: float
    seconds: float
    size: tuple[int, int]
    share: float

    def frames(self) -> Iterator[np.ndarray]:
        """Frames uint8 (H, W, 3) RGB, upright, at most 720 rows high, one at a time."""
        width, height = self.size
        small = (round(self.share * width), round(self.share * height))
        _, reader = read_frames(self.path)
        with closing(reader):
            for data in reader:
                frame = np.frombuffer(data, np.uint8).reshape(height, width, 3)
                yield frame if self.share == 1 else cv2.resize(frame, small, interpolation=cv2.INTER_AREA)


def open_video(path: Path) -> OpenVideo:
    """A video by its header.

    Raises:
        ValueError: no video that ffmpeg reads.
    """
    try:
        facts, reader = read_frames(path)
    except RuntimeError as error:
        raise ValueError(f"{path.name} cannot be read as a video; export it as MP4 and try again.") from error
    reader.close()
    width, height = facts["size"]
    share = min(1.0, _MOST_ROWS / height)
    return OpenVideo(path, float(facts["fps"]), float(facts["duration"]), (width, height), share)


def video_frames(path: Path) -> tuple[float, Iterator[np.ndarray]]:
    """Rate and frames of a video's first five minutes, see :meth:`OpenVideo.frames`.

    Raises:
        ValueError: no video that ffmpeg reads.
    """
    video = open_video(path)
    return video.fps, islice(video.frames(), round(_CLIP_SECONDS * video.fps))


def face_fault(path: Path) -> str | None:
    """Why nobody's motion can be taken from a video, as a sentence without its subject; None when it can."""
    from masks.landmarks import FaceLandmarker

    landmarker, counts = FaceLandmarker(), []
    for frame in islice(video_frames(path)[1], 0, None, _LOOK_EVERY):
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
    """Whom a video shows when it begins: the face to follow, and how many others there are."""

    face: FaceLandmarks
    others: int


def faces_at_first(path: Path, region: tuple[float, float, float, float] | None = None) -> FacesAtFirst:
    """The face to follow in a video: the largest in its first ten seconds' first frame with one.

    Args:
        path: the video.
        region: left, top, right, bottom in pixels of the video; the middle between the eyes lies inside.

    Raises:
        ValueError: no video, nobody in its first ten seconds, or nobody there; one sentence.
    """
    from masks.landmarks import FaceLandmarker

    landmarker, others = FaceLandmarker(), 0
    video = open_video(path)
    for frame in islice(video.frames(), 0, round(_FIRST_SECONDS * video.fps), _LOOK_EVERY):
        faces = sorted(landmarker.detect(frame), key=lambda face: -face.inter_ocular)
        others = max(others, len(faces))
        inside = [face for face in faces if region is None or _lies_in(face, region, video.share)]
        if inside:
            return FacesAtFirst(inside[0], len(faces) - 1)
    if others:
        raise ValueError(
            f"{path.name} shows {others} faces at first, but none in the region; move it, or leave it out."
        )
    raise ValueError(f"{path.name} shows no face in its first ten seconds; cut it to where somebody is seen in front.")


def _lies_in(face: FaceLandmarks, region: tuple[float, float, float, float], share: float) -> bool:
    x, y = face.eyes.mean(0)[:2] / share
    return bool(region[0] <= x <= region[2] and region[1] <= y <= region[3])


@dataclass(frozen=True)
class VideoMotion:
    """Somebody's motion in a video: rows (T, 57) at 25 frames/s, and of its frames those in which they are not seen."""

    motion: Rows
    n_frames: int
    unseen: int


def track_person(
    path: Path,
    first: FaceLandmarks | None,
    folder: Path,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
    most_seconds: float = MOST_SECONDS,
) -> VideoMotion:
    """Motion of one person in a video of any length, in constant memory: landmarks lie in a file meanwhile.

    Args:
        path: the video.
        first: whom to follow, see :func:`faces_at_first`; None = the largest face.
        folder: for landmarks and motion; their files go with what is returned.
        on_frame: told the frames done, and in all as far as that is known.
        most_seconds: what comes later is left out.

    Raises:
        ValueError: no video, or no face in it.
    """
    from generation.motion.tracking import MotionTracker

    video = open_video(path)
    total = round(min(video.seconds, most_seconds) * video.fps)
    room = min(most_seconds, 1.2 * video.seconds + 10) if video.seconds > 0 else most_seconds  # a header may be wrong
    seen = []

    def frames() -> Iterator[np.ndarray]:
        for done, frame in enumerate(islice(video.frames(), round(most_seconds * video.fps)), 1):
            yield frame
            on_frame(min(done, total), total)

    def noted(found: Iterator[np.ndarray | None]) -> Iterator[np.ndarray | None]:
        for points in found:
            seen.append(points is not None)
            yield points

    tracker = MotionTracker()
    landmarks = noted(tracker.follow(frames(), first))
    motion = tracker.solve(landmarks, video.fps, folder, room)
    return VideoMotion(motion, len(seen), seen.count(False))


def track_video(path: Path) -> MotionTrack:
    """Motion of the one person in a video's first five minutes, on the 25 frames/s clock.

    Raises:
        ValueError: no video, or no face in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        motion = track_person(path, None, Path(folder), most_seconds=_CLIP_SECONDS).motion
        return MotionTrack(motion[:])
