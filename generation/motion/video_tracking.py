"""Video file to motion: decode, check for exactly one face, track."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from generation.core.ffmpeg import read_frames
from generation.core.motion import MotionTrack

_MOST_ROWS, _MOST_SECONDS = 720, 300
_LOOK_EVERY = 12
"""Frames from one look for faces to the next."""
_SMALL = 0.4
"""Size of a face beside the largest below which it is of somebody in the background."""


def video_frames(path: Path) -> tuple[float, Iterator[np.ndarray]]:
    """Rate and frames uint8 (H, W, 3) RGB of a video, at most 720 rows high and 5 minutes long.

    Raises:
        ValueError: no video that ffmpeg reads.
    """
    try:
        facts, reader = read_frames(path)
    except RuntimeError as error:
        raise ValueError(f"{path.name} cannot be read as a video; export it as MP4 and try again.") from error
    width, height = facts["size"]
    share = min(1.0, _MOST_ROWS / height)
    size = (round(share * width), round(share * height))

    def frames() -> Iterator[np.ndarray]:
        with closing(reader):
            for data in islice(reader, int(_MOST_SECONDS * facts["fps"])):
                frame = np.frombuffer(data, np.uint8).reshape(height, width, 3)
                yield frame if share == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)

    return float(facts["fps"]), frames()


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


def track_video(path: Path) -> MotionTrack:
    """Motion of the one person in a video, on the 25 frames/s clock.

    Raises:
        ValueError: no video, or no face in it.
    """
    from generation.motion.tracking import MotionTracker

    fps, frames = video_frames(path)
    return MotionTracker().track(frames, fps)
