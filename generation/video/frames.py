"""Frames of a user's video at the clock's 25 a second: upright, square pixels, 8-bit RGB, any rate made constant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from generation.core.clock import FPS
from generation.core.ffmpeg import local_input, stream_frames
from generation.video.probe import VideoFacts

_TO_SDR = (
    "zscale=transfer=linear:npl=203,format=gbrpf32le,zscale=primaries=bt709,tonemap=mobius:desat=0,"
    "zscale=transfer=bt709:matrix=bt709:range=limited,format=yuv444p"
)
"""Light for bright screens brought to that of ordinary ones; 203 cd/m2 is white (ITU-R BT.2408)."""


def video_frames(
    path: Path, facts: VideoFacts, first: int = 0, stop: int | None = None, rate: float = FPS
) -> Iterator[np.ndarray]:
    """Frames of a video on the 25 frames/s clock, one at a time.

    The whole file is decoded up to ``first`` but only frames from there on are converted, so that a frame is the same
    wherever reading begins.

    Args:
        path: the file.
        facts: of :func:`generation.video.probe.probe_video`.
        first: number of the first frame.
        stop: number of the frame before which to stop; None = the end.
        rate: frames a second, where another clock is wanted.

    Yields:
        uint8 (H, W, 3) RGB, read-only.

    Raises:
        ValueError: not a frame of it can be decoded.
    """
    data = stream_frames([*local_input(path)], _filters(facts, first, stop, rate), facts.width * facts.height * 3)
    n_frames = 0
    with closing(data):
        for frame in data:
            n_frames += 1
            yield np.frombuffer(frame, np.uint8).reshape(facts.height, facts.width, 3)
    if not n_frames and first == 0 and stop != 0:
        raise ValueError(f"{path.name} is damaged: none of its frames can be read; export it again.")


def _filters(facts: VideoFacts, first: int, stop: int | None, rate: float) -> str:
    steps = ["bwdif=mode=send_frame"] if facts.interlaced else []
    steps.append(f"fps={rate}:round=near")
    if first or stop is not None:
        end = "" if stop is None else f":end_frame={stop}"
        steps.append(f"trim=start_frame={first}{end}")
    if facts.hdr:
        steps.append(_TO_SDR)
    steps.append(f"scale={facts.width}:{facts.height}:flags=bicubic+accurate_rnd+full_chroma_int")
    return ",".join([*steps, "format=rgb24"])
