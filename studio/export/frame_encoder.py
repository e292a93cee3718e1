"""Formats of films (codecs, quality, colours), and frames to a silent file as they come, checked for faults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.core.clock import FPS
from generation.core.ffmpeg import FfmpegWriter

FAILURE = "The video could not be encoded"
"""What is said when ffmpeg fails, before its own last line."""
GROUP = 75
"""Most frames from one that can be shown by itself to the next, so that a player soon begins anywhere."""

_BLACK = 0.06  # share of the picture's mean brightness below which a frame counts as black


class FrameCheck:
    """Refuses frames that a fault made, by comparison with the picture they were made from.

    Args:
        picture: (H, W, 3) uint8 RGB or (H, W, 4) RGBA, the still.
    """

    def __init__(self, picture: np.ndarray) -> None:
        self._shape = picture.shape
        sample = picture[::4, ::4]
        self._mean = float(sample.mean())
        self._varied = int(sample.max()) - int(sample.min()) > 0

    def __call__(self, frame: np.ndarray, index: int) -> np.ndarray:
        """The frame itself, uint8 of the picture's shape.

        Raises:
            ValueError: values that are not numbers, another shape or type than the picture's, or a black or constant
                frame while the picture is neither. The sentence names the frame.
        """
        at = f"Frame {index} ({index / FPS:.2f} s)"
        if frame.dtype.kind == "f" and not np.isfinite(frame).all():
            raise ValueError(f"{at} has values that are not numbers; render the scene again.")
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"{at} has shape {frame.shape} and type {frame.dtype}, expected {self._shape} and uint8.")
        sample = frame[::4, ::4]
        if sample.mean() < _BLACK * self._mean:
            raise ValueError(f"{at} is black while the picture is not; render the scene again.")
        if self._varied and sample.max() == sample.min():
            raise ValueError(f"{at} has one colour only while the picture has several; render the scene again.")
        return frame


@dataclass(frozen=True)
class FilmFormat:
    """How the file of a film is made from drawn frames, and from the segments in which they are kept.

    Attributes:
        suffix: of the film's file name.
        segment: suffix of a segment's file name, which says its container.
        pixels: ffmpeg's name of the frames' layout, three or four bytes a pixel.
        drawn: ffmpeg's options that make a segment of frames; empty = H.264 as :func:`picture_options` has it.
        even: whether an odd side gets one more column or row.
        film: ffmpeg's options that make the film's picture of its segments, and write the container.
        sound: ffmpeg's options of the sound; empty where the format holds none.
        sound_rate: samples a second; None = those of the mix, each kept as it is.
    """

    suffix: str
    segment: str
    pixels: str
    drawn: tuple[str, ...]
    even: bool
    film: tuple[str, ...]
    sound: tuple[str, ...]
    sound_rate: int | None

    @property
    def transparent(self) -> bool:
        """Whether the background is transparent: frames are (H, W, 4) RGBA."""
        return self.pixels == "rgba"


MP4 = FilmFormat(
    ".mp4", ".mp4", "rgb24", (), True, ("-c:v", "copy", "-movflags", "+faststart", "-f", "mp4"),
    ("-c:a", "aac", "-b:a", "160k"), 48_000,
)  # fmt: skip
"""H.264 and AAC, for every player; the sound has 48 kHz, as players take 24 kHz for spectral band replication."""
LOSSLESS = FilmFormat(
    ".mkv", ".mkv", "rgb24",
    # RGB as it is: other colours would be rounded. Still surroundings take next to nothing after a group's first frame.
    ("-c:v", "libx264rgb", "-preset", "veryfast", "-qp", "0", "-bf", "0", "-g", str(GROUP)),
    False, ("-c:v", "copy", "-f", "matroska"), ("-c:a", "flac"), None,
)  # fmt: skip
"""Decoded, every pixel and every sample is the one that was drawn and mixed: H.264 without loss in RGB, and FLAC."""


_BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
_TO_BT709 = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format="
_NAMED_BT709 = ",setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
# Colours are not premultiplied by the opacity, as PNG, WebM and editors expect them. QuickTime Animation loses nothing.
_TRANSPARENT = (".mov", "rgba", ("-c:v", "qtrle", "-pix_fmt", "argb", "-g", str(GROUP)), False)
PRORES = FilmFormat(
    ".mov", *_TRANSPARENT,
    ("-vf", f"{_TO_BT709}yuva444p10le{_NAMED_BT709}", "-c:v", "prores_ks", "-profile:v", "4444", "-vendor", "apl0",
     "-f", "mov"),
    ("-c:a", "pcm_s24le"), 48_000,
)  # fmt: skip
"""ProRes 4444 with opacity, for video editors."""
WEBM = FilmFormat(
    ".webm", *_TRANSPARENT,
    ("-vf", f"{_TO_BT709}yuva420p{_NAMED_BT709}", "-c:v", "libvpx-vp9", "-crf", "18", "-b:v", "0", "-auto-alt-ref", "0",
     "-cpu-used", "4", "-row-mt", "1", "-g", str(GROUP), "-f", "webm"),
    ("-c:a", "libopus", "-b:a", "128k"), 48_000,
)  # fmt: skip
"""VP9 with opacity, for web pages."""
PNG = FilmFormat(
    ".png", *_TRANSPARENT, ("-c:v", "png", "-start_number", "0", "-f", "image2"), (), None,
)  # fmt: skip
"""A numbered picture a frame, for compositing; the sound is a file of its own."""
ALPHA = (PRORES, WEBM, PNG)
"""Formats with a transparent background."""


def even_size(frame: np.ndarray) -> np.ndarray:
    """The frame with an odd side made even by repeating its last column or row: yuv420p has even sides only."""
    height, width = frame.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return frame
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def codec_options(every: int = 1) -> list[str]:
    """H.264 as all our films have it; one frame every so many of the clock, with more than one packed in haste."""
    quality = ["-preset", "veryfast", "-crf", "15"] if every == 1 else ["-preset", "ultrafast", "-crf", "23"]
    # Without B frames the first picture needs no edit list, so it starts at zero in every player.
    return [*_BT709, "-c:v", "libx264", *quality, "-bf", "0", "-g", str(GROUP)]


def picture_options(every: int = 1, film: FilmFormat = MP4) -> list[str]:
    """How frames are encoded into a segment."""
    if film.drawn:
        return list(film.drawn)
    # Converted by the matrix that the stream then names: players assume BT.709 where nothing is said.
    return ["-vf", f"{_TO_BT709}yuv420p", *codec_options(every), "-r", f"{FPS}/{every}"]


class Encoder:
    """Encodes frames as they come into a file without sound, to be shown by itself or joined to others.

    Left in any way, its process is gone; the file is complete after :meth:`finish` alone.

    Args:
        target: the file, overwritten.
        every: how many frames of the clock each one stands for; with more than one they are packed in haste.
        film: format of the film that it becomes a segment of.
    """

    def __init__(self, target: Path, every: int = 1, film: FilmFormat = MP4) -> None:
        self.target = target
        self._every, self._film = every, film
        self._program: FfmpegWriter | None = None

    def __enter__(self) -> Encoder:
        return self

    def __exit__(self, *reason: object) -> None:
        if self._program is not None:
            self._program.__exit__(*reason)

    def write(self, frame: np.ndarray) -> None:
        """One more frame, (H, W, 3) uint8 RGB, or RGBA where the format has a fourth channel.

        Raises:
            RuntimeError: ffmpeg failed; the sentence has its last words.
        """
        frame = even_size(frame) if self._film.even else frame
        if self._program is None:
            size, rate = f"{frame.shape[1]}x{frame.shape[0]}", f"{FPS}/{self._every}"
            layout = ["-f", "rawvideo", "-pix_fmt", self._film.pixels]
            source = [*layout, "-video_size", size, "-framerate", rate, "-i", "pipe:0"]
            output = [*picture_options(self._every, self._film), f"file:{self.target}"]
            self._program = FfmpegWriter([*source, *output], FAILURE)
        self._program.write(np.ascontiguousarray(frame).data)

    def end(self) -> None:
        """No more frames come; ffmpeg goes on with those that it has."""
        if self._program is not None:
            self._program.end()

    def finish(self) -> None:
        """Waits until the file is complete.

        Raises:
            RuntimeError: ffmpeg failed; the sentence has its last words.
        """
        if self._program is not None:
            self._program.finish()
