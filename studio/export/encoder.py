"""Joins encoded segments and sound to one film in its format; the file is whole or not there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from generation.audio.waveform import Sound, resampled_blocks
from generation.core.clock import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from generation.core.ffmpeg import run_ffmpeg
from generation.core.stored_array import blocks
from studio.core.scratch import scratch_folder
from studio.export.frame_encoder import FAILURE, MP4, Encoder, FilmFormat


def _write_fitted(sound: Sound, n_frames: int, rate: int | None, wave: Path) -> None:
    """Writes the sound at a rate (None = its own), cut or filled with silence to the exact length of the picture."""
    written = sound.sampling_rate if rate is None else rate
    left = n_frames * SAMPLES_PER_FRAME * written // SAMPLE_RATE
    # Where no sample is to change, rounded here and not by the encoder, which cuts.
    depth = "FLOAT" if rate else "PCM_24"
    with soundfile.SoundFile(wave, "w", written, 1, depth) as file:
        for piece in resampled_blocks(sound, written):
            file.write(piece[:left])
            left -= len(piece[:left])
        for block, _, _ in blocks(left, SAMPLE_RATE):
            file.write(np.zeros(block.stop - block.start, np.float32))


def encode(frames: Iterable[np.ndarray], sound: Sound, target: Path, tags: dict[str, str] | None = None) -> int:
    """Writes an MP4 file from frames as they come, with as many frames as the sound is long.

    Args:
        frames: (H, W, 3) uint8 RGB, one every 40 ms, all of one size; an odd side gets one more column or row. Only
            one is held at a time.
        sound: the mix; its length rounded up to whole frames is the length of the film.
        target: the file, overwritten; incomplete if anything is raised.
        tags: container metadata.

    Returns:
        The number of frames.

    Raises:
        ValueError: more or fewer frames than the sound is long.
        RuntimeError: ffmpeg failed; the sentence has its last words.
    """
    expected = math.ceil(round(sound.seconds * FPS, 6))
    count = 0
    with scratch_folder(target.parent) as scratch:
        with Encoder(scratch / "all.mp4") as encoder:
            for count, frame in enumerate(frames, 1):
                if count > expected:
                    raise ValueError(f"There are more frames than the {expected} that the sound is long.")
                encoder.write(frame)
            if count == 0 or expected == 0:
                raise ValueError("There is nothing to film: the scene has no frames or no sound.")
            if count != expected:
                raise ValueError(f"There are {count} frames, but the sound is {expected} frames long.")
            encoder.finish()
        join_video([encoder.target], expected, sound, target, tags)
    return expected


def join_video(
    segments: Sequence[Path],
    n_frames: int,
    sound: Sound,
    target: Path,
    tags: dict[str, str] | None = None,
    film: FilmFormat = MP4,
) -> None:
    """Writes a film from pictures that are encoded already and a sound.

    Args:
        segments: files of :class:`Encoder`, of equal size and rate, in their order.
        n_frames: length of the film in frames of the clock; the sound is cut or filled to it.
        sound: the mix.
        target: the file, overwritten; incomplete if anything is raised. Of numbered pictures
            the name with ``%05d`` for the number.
        tags: container metadata.
        film: its format, which is also that of the segments.

    Raises:
        RuntimeError: ffmpeg failed; the sentence has its last words.
    """
    with scratch_folder(target.parent) as scratch:
        wave, contents = scratch / "mix.wav", scratch / "segments.txt"
        _write_fitted(sound, n_frames, film.sound_rate, wave)
        quoted = [f"file:{path.resolve()}".replace("'", r"'\''") for path in segments]
        contents.write_text("".join(f"file '{name}'\n" for name in quoted), encoding="utf-8")
        options = ["-f", "concat", "-safe", "0", "-auto_convert", "0", "-i", f"file:{contents}", "-i", f"file:{wave}"]
        options += ["-map", "0:v", *(["-map", "1:a"] if film.sound else []), *film.sound]
        for key, value in (tags or {}).items():
            options += ["-metadata", f"{key}={value}"]
        run_ffmpeg([*options, *film.film, f"file:{target}"], FAILURE)
