"""Facts of a user's video from its header: upright size, rate, length, depth, light, sound; and why it is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from generation.core.ffmpeg import describe_sound

SMALLEST_SIDE = 64
LARGEST_SIDE = 4096
MOST_SECONDS = 2 * 3600
_VIDEO = re.compile(r"Stream #\d+:\d+.*?: Video: (.*)")
_SOUND = re.compile(r"Stream #\d+:\d+.*?: Audio: ")
_LENGTH = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_SIZE = re.compile(r"\b(\d{2,5})x(\d{2,5})\b(?: \[SAR (\d+):(\d+))?")
_RATE = re.compile(r"\b(\d+(?:\.\d+)?)(k?) fps\b")
_TURN = re.compile(r"rotation of (-?\d+(?:\.\d+)?) degrees")
_DEPTH = re.compile(r"(?:p|gray|gbrp|x2rgb|p0)(10|12|14|16)(?:le|be)?\b")


@dataclass(frozen=True)
class VideoFacts:
    """What a video's header says.

    Attributes:
        width, height: of a frame as it is shown: upright, with square pixels.
        fps: frames a second as the file has them (on average, where the rate varies); 0 = not said.
        seconds: length; 0 = not said.
        bits: a channel.
        hdr: its light is coded for bright screens (PQ or HLG).
        interlaced: each frame holds two fields.
        sound: it has a sound stream.
    """

    width: int
    height: int
    fps: float
    seconds: float
    bits: int
    hdr: bool
    interlaced: bool
    sound: bool

    def reduced(self, rows: int) -> VideoFacts:
        """The same for frames of at most so many rows, as :func:`generation.video.frames.video_frames` gives them."""
        if self.height <= rows:
            return self
        return replace(self, width=max(2, round(self.width * rows / self.height)), height=rows)


def probe_video(path: Path) -> VideoFacts:
    """Facts of a file; only its header is read.

    Raises:
        ValueError: no such file, no video, or one of a size or length that cannot be worked on; one sentence each.
    """
    if not path.is_file():
        raise ValueError(f"{path.name} is missing; check its name and folder.")
    return facts_of(path.name, describe_sound(path))


def facts_of(name: str, header: str) -> VideoFacts:
    """Facts of the file called ``name`` from what ffmpeg says of its header.

    Raises:
        ValueError: as :func:`probe_video`.
    """
    streams = [line for line in _VIDEO.findall(header) if "attached pic" not in line]
    size = _SIZE.search(streams[0]) if streams else None
    if size is None:
        raise ValueError(f"{name} cannot be read as a video; export it as MP4 (H.264) and try again.")
    stream = streams[0]
    width, height, wide, tall = (int(n) for n in (*size.groups()[:2], size[3] or 1, size[4] or 1))
    if wide > 0 and tall > 0:
        width = max(2, round(width * wide / tall / 2) * 2) if wide != tall else width
    turn = _TURN.search(header)
    if turn and round(float(turn[1]) / 90) % 2:
        width, height = height, width
    length, rate, depth = _LENGTH.search(header), _RATE.search(stream), _DEPTH.search(stream)
    seconds = sum(float(n) * unit for n, unit in zip(length.groups(), (3600, 60, 1), strict=True)) if length else 0.0
    if min(width, height) < SMALLEST_SIDE:
        raise ValueError(f"{name} is {width} x {height} pixels; a video needs at least {SMALLEST_SIDE} pixels a side.")
    if max(width, height) > LARGEST_SIDE:
        raise ValueError(
            f"{name} is {width} x {height} pixels; reduce it to at most {LARGEST_SIDE} pixels a side (4K is fine)."
        )
    if seconds > MOST_SECONDS:
        raise ValueError(f"{name} is {seconds / 3600:.1f} hours long; cut it to at most {MOST_SECONDS // 3600} hours.")
    fps = float(rate[1]) * (1000 if rate[2] else 1) if rate else 0.0
    return VideoFacts(
        width=width,
        height=height,
        fps=fps,
        seconds=seconds,
        bits=int(depth[1]) if depth else 8,
        hdr="smpte2084" in stream or "arib-std-b67" in stream,
        interlaced=bool(re.search(r"(?:top|bottom) (?:first|coded first)", stream)),
        sound=_SOUND.search(header) is not None,
    )
