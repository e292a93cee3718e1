"""Frames and sound into one MP4: H.264 yuv420p and AAC at exactly 25 frames/s, streamed to the bundled ffmpeg."""

from __future__ import annotations

import math
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import numpy as np
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe

from generation.audio.waveform import Audio
from generation.core.clock import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

SOUND_RATE = 48_000
"""Players take AAC at 24 kHz for a stream with spectral band replication; at 48 kHz there is nothing to guess."""

GROUP = 75
"""Most frames from one that can be shown by itself to the next, so that a player soon begins anywhere."""

_BLACK = 0.06  # share of the picture's mean brightness below which a frame counts as black


class FrameCheck:
    """Refuses frames that a fault made, by comparison with the picture they were made from.

    Args:
        picture: (H, W, 3) uint8 RGB, the still.
    """

    def __init__(self, picture: np.ndarray) -> None:
        self._shape = picture.shape
        sample = picture[::4, ::4]
        self._mean = float(sample.mean())
        self._varied = int(sample.max()) - int(sample.min()) > 0

    def __call__(self, frame: np.ndarray, index: int) -> np.ndarray:
        """The frame itself, (H, W, 3) uint8.

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


def even_size(frame: np.ndarray) -> np.ndarray:
    """The frame with an odd side made even by repeating its last column or row: yuv420p has even sides only."""
    height, width = frame.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return frame
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


@contextmanager
def whole_or_nothing(path: Path) -> Iterator[Path]:
    """A folder beside ``path`` to write into: on success its files move beside ``path``, else all of it disappears.

    Whatever is raised, KeyboardInterrupt too, leaves earlier files as they were.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-") as name:
        folder = Path(name)
        yield folder
        for made in sorted(folder.iterdir()):
            made.replace(path.parent / made.name)


def _fitted(sound: Audio, n_frames: int) -> Audio:
    """The sound at 48 kHz, cut or filled with silence to the exact length of the picture."""
    samples = sound.resampled(SOUND_RATE).waveform
    wanted = n_frames * SAMPLES_PER_FRAME * SOUND_RATE // SAMPLE_RATE
    return Audio(np.pad(samples[:wanted], (0, max(0, wanted - len(samples)))), SOUND_RATE)


def encode(frames: Iterable[np.ndarray], sound: Audio, target: Path, tags: dict[str, str] | None = None) -> int:
    """Writes an MP4 file from frames as they come, with as many frames as the sound is long.

    Args:
        frames: (H, W, 3) uint8 RGB, one every 40 ms, all of one size; an odd side gets one more column or row. Only
            one is held at a time.
        sound: the mix; its length rounded up to whole frames is the length of the film.
        target: the file, overwritten; incomplete if anything is raised (see :func:`whole_or_nothing`).
        tags: container metadata.

    Returns:
        The number of frames.

    Raises:
        ValueError: more or fewer frames than the sound is long.
        RuntimeError: ffmpeg failed; the sentence has its last words.
    """
    expected = math.ceil(round(sound.seconds * FPS, 6))
    count = 0
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".pictures-") as scratch:
        with Encoder(Path(scratch) / "all.mp4") as encoder:
            for count, frame in enumerate(frames, 1):
                if count > expected:
                    raise ValueError(f"There are more frames than the {expected} that the sound is long.")
                encoder.write(frame)
            if count == 0 or expected == 0:
                raise ValueError("There is nothing to film: the scene has no frames or no sound.")
            if count != expected:
                raise ValueError(f"There are {count} frames, but the sound is {expected} frames long.")
            encoder.finish()
        join([encoder.target], expected, sound, target, tags)
    return expected


def join(
    stretches: Sequence[Path], n_frames: int, sound: Audio, target: Path, tags: dict[str, str] | None = None
) -> None:
    """Writes one MP4 file from pictures that are encoded already, as they are, and a sound.

    Args:
        stretches: files of :class:`Encoder`, of equal size and rate, in their order.
        n_frames: length of the film in frames of the clock; the sound is cut or filled to it.
        sound: the mix.
        target: the file, overwritten; incomplete if anything is raised (see :func:`whole_or_nothing`).
        tags: container metadata.

    Raises:
        RuntimeError: ffmpeg failed; the sentence has its last words.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".sound-") as scratch:
        wave, contents = Path(scratch) / "mix.wav", Path(scratch) / "stretches.txt"
        padded = _fitted(sound, n_frames)
        soundfile.write(wave, padded.waveform, padded.sampling_rate, subtype="FLOAT")
        quoted = [f"file:{path.resolve()}".replace("'", r"'\''") for path in stretches]
        contents.write_text("".join(f"file '{name}'\n" for name in quoted), encoding="utf-8")
        options = ["-f", "concat", "-safe", "0", "-auto_convert", "0", "-i", f"file:{contents}", "-i", f"file:{wave}"]
        options += ["-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-b:a", "160k", "-ar", str(SOUND_RATE)]
        for key, value in (tags or {}).items():
            options += ["-metadata", f"{key}={value}"]
        with _Program([*options, "-movflags", "+faststart", "-f", "mp4", f"file:{target}"]) as program:
            program.finish()


def picture_options(every: int = 1) -> list[str]:
    """How frames are encoded, one every so many of the clock."""
    quality = ["-preset", "veryfast", "-crf", "15"] if every == 1 else ["-preset", "ultrafast", "-crf", "23"]
    # Converted by the matrix that the stream then names: players assume BT.709 where nothing is said.
    options = ["-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv420p"]
    options += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
    # Without B frames the first picture needs no edit list, so it starts at zero in every player.
    return [*options, "-c:v", "libx264", *quality, "-bf", "0", "-g", str(GROUP), "-r", f"{FPS}/{every}"]


class Encoder:
    """Encodes frames as they come into an MP4 file without sound, to be shown by itself or joined to others.

    Left in any way, its process is gone; the file is complete after :meth:`finish` alone.

    Args:
        target: the file, overwritten.
        every: how many frames of the clock each one stands for; with more than one they are packed in haste.
    """

    def __init__(self, target: Path, every: int = 1) -> None:
        self.target = target
        self._every = every
        self._program: _Program | None = None

    def __enter__(self) -> Encoder:
        return self

    def __exit__(self, *reason: object) -> None:
        if self._program is not None:
            self._program.__exit__(*reason)

    def write(self, frame: np.ndarray) -> None:
        """One more frame, (H, W, 3) uint8 RGB; an odd side gets one more column or row.

        Raises:
            RuntimeError: ffmpeg failed; the sentence has its last words.
        """
        frame = even_size(frame)
        if self._program is None:
            size, rate = f"{frame.shape[1]}x{frame.shape[0]}", f"{FPS}/{self._every}"
            source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", size, "-framerate", rate, "-i", "pipe:0"]
            self._program = _Program([*source, *picture_options(self._every), "-f", "mp4", f"file:{self.target}"])
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


class _Program:
    """An ffmpeg process: bytes in, and its last words when it fails; left in any way, it is gone."""

    def __init__(self, options: Sequence[str]) -> None:
        self._log = tempfile.TemporaryFile()
        # In a group of its own, so that Ctrl-C reaches us and we stop the encoder, not the terminal.
        group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        self._process = subprocess.Popen(
            [get_ffmpeg_exe(), "-y", "-v", "error", "-nostdin", *options], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=self._log, creationflags=group, start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> _Program:
        return self

    def __exit__(self, *reason: object) -> None:
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            self._process.stdin.close()
        self._log.close()

    def write(self, data: memoryview) -> None:
        try:
            self._process.stdin.write(data)
        except OSError:
            self._fail()

    def end(self) -> None:
        try:
            self._process.stdin.close()
        except OSError:
            self._fail()

    def finish(self) -> None:
        """Waits for the last packet and the index at the front of the file."""
        self.end()
        if self._process.wait():
            self._fail()

    def _fail(self) -> NoReturn:
        self._process.wait()
        self._log.seek(0)
        words = self._log.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise RuntimeError(f"The video could not be encoded: {words[-1]}") from None
