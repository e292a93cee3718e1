"""Runs the bundled ffmpeg as a program of its own: one set of common options, one way to read its errors."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

_APART: dict[str, Any] = {
    "start_new_session": True,
    "creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
}
"""A group of its own, so that Ctrl-C reaches us and we stop the encoder, not the terminal."""


_LOCAL = ["-protocol_whitelist", "file,pipe"]
"""Only local files are opened, whatever a playlist given as a recording or video may name."""


def local_input(path: Path) -> list[str]:
    """Options that name a file of the user as an input."""
    return [*_LOCAL, "-i", f"file:{path}"]


def run_ffmpeg(options: Sequence[str], failure: str) -> bytes:
    """Run ffmpeg to its end.

    Args:
        options: inputs and outputs; an output ``pipe:1`` is returned.
        failure: what to say when it fails, before its own last line.

    Raises:
        RuntimeError: it failed.
    """
    done = subprocess.run(_command(options), stdin=subprocess.DEVNULL, capture_output=True, check=False, **_APART)
    if done.returncode:
        raise RuntimeError(f"{failure}: {_reason(done.stderr)}")
    return done.stdout


def describe_sound(path: Path) -> str:
    """What ffmpeg says of a user's file from its header, in words; nothing is decoded."""
    command = [_program(), "-hide_banner", "-nostdin", *local_input(path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, **_APART)
    return done.stderr.decode(errors="replace")


def read_sound_stream(path: Path, most_seconds: float) -> tuple[bytes, str]:
    """The first sound stream of a user's file at its own rate and channels, no more than so many seconds.

    Returns:
        Little-endian float32, channels interleaved, and ffmpeg's complaints about what it could not decode.
    """
    wrong = ["-err_detect", "crccheck+bitstream+buffer", "-max_error_rate", "1"]
    out = ["-map", "0:a:0", "-t", f"{most_seconds:.3f}", "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"]
    command = _command([*wrong, *local_input(path), *out])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, **_APART)
    lines = done.stderr.decode(errors="replace").splitlines()
    return done.stdout, "\n".join(line for line in lines if "non monotonically increasing" not in line)


def stream_sound(path: Path, rate: int, most_seconds: float, gains: Sequence[float], size: int) -> Iterator[bytes]:
    """The first sound stream of a user's file as little-endian float32 of one channel, in pieces of ``size`` bytes.

    Args:
        path: the file.
        rate: samples a second of the result.
        most_seconds: where it ends at the latest.
        gains: what each of its channels counts in the sum.
        size: of each piece but the last.
    """
    mixed = "pan=mono|c0=" + "+".join(f"{gain:g}*c{number}" for number, gain in enumerate(gains))
    out = ["-map", "0:a:0", "-af", mixed, "-t", f"{most_seconds:.3f}", "-ar", str(rate), "-c:a", "pcm_f32le"]
    command = _command([*local_input(path), *out, "-f", "f32le", "pipe:1"])
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **_APART
    ) as process:
        assert process.stdout is not None  # it is a pipe
        try:
            while data := process.stdout.read(size):
                yield data
        finally:
            process.kill()


def stream_frames(source: Sequence[str], filters: str, size: int) -> Generator[bytes, None, None]:
    """Raw frames of the first video stream of an input; what follows a damaged place is left out.

    Args:
        source: options that name the input.
        filters: a filter chain that ends in the format of the frames.
        size: bytes of a frame.
    """
    command = _command(
        [*source, "-map", "0:V:0", "-vf", filters, "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"]
    )
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=size, **_APART
    ) as process:
        assert process.stdout is not None  # it is a pipe
        try:
            while len(data := process.stdout.read(size)) == size:
                yield data
        finally:
            process.kill()


class FfmpegWriter:
    """An ffmpeg process that is fed bytes on ``pipe:0``; left in any way, it is gone.

    Args:
        options: inputs and outputs.
        failure: what to say when it fails, before its own last line.
    """

    def __init__(self, options: Sequence[str], failure: str) -> None:
        self._failure = failure
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            _command(options), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._log, **_APART
        )
        assert self._process.stdin is not None  # it is a pipe
        self._input = self._process.stdin

    def __enter__(self) -> FfmpegWriter:
        return self

    def __exit__(self, *reason: object) -> None:
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            self._input.close()
        self._log.close()

    def write(self, data: memoryview) -> None:
        """Feed it.

        Raises:
            RuntimeError: it failed.
        """
        try:
            self._input.write(data)
        except OSError:
            self._fail()

    def end(self) -> None:
        """Close its input; it goes on with what it has.

        Raises:
            RuntimeError: it failed.
        """
        try:
            self._input.close()
        except OSError:
            self._fail()

    def finish(self) -> None:
        """Wait until its outputs are complete.

        Raises:
            RuntimeError: it failed.
        """
        self.end()
        if self._process.wait():
            self._fail()

    def _fail(self) -> NoReturn:
        self._process.wait()
        self._log.seek(0)
        raise RuntimeError(f"{self._failure}: {_reason(self._log.read())}") from None


def _command(options: Sequence[str]) -> list[str]:
    return [_program(), "-y", "-v", "error", "-nostdin", *options]


def _program() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    return get_ffmpeg_exe()


def _reason(log: bytes) -> str:
    """Why ffmpeg failed, in a reader's words where they are known, else its last line without its own addresses."""
    text = log.decode(errors="replace").strip()
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return "the disk is full; free some space and try again."
    lines = [re.sub(r"^(\[[^\]]*\] *)+", "", line) for line in text.splitlines()]
    return lines[-1] if lines else "no reason given"
