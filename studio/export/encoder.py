"""Joins encoded segments and sound to one film in its format; the file is whole or not there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from generation.audio.waveform import Audio
from generation.core.clock import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from generation.core.ffmpeg import run_ffmpeg
from studio.core.scratch import scratch_folder
from studio.export.frame_encoder import FAILURE, MP4, Encoder, FilmFormat


def _fitted(sound: Audio, n_frames: int, rate: int | None) -> Audio:
    """The sound at a rate (None = its own), cut or filled with silence to the exact length of the picture."""
    sound = sound if rate is None else sound.resampled(rate)
    wanted = n_frames * SAMPLES_PER_FRAME * sound.sampling_rate // SAMPLE_RATE
    samples = sound.waveform[:wanted]
    return Audio(np.pad(samples, (0, wanted - len(samples))), sound.sampling_rate)


def encode(frames: Iterable[np.ndarray], sound: Audio, target: Path, tags: dict[str, str] | None = None) -> int:
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
    sound: Audio,
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
        padded = _fitted(sound, n_frames, film.sound_rate)
        # Where no sample is to change, rounded here and not by the encoder, which cuts.
        depth = "FLOAT" if film.sound_rate else "PCM_24"
        soundfile.write(wave, padded.waveform, padded.sampling_rate, subtype=depth)
        quoted = [f"file:{path.resolve()}".replace("'", r"'\''") for path in segments]
        contents.write_text("".join(f"file '{name}'\n" for name in quoted), encoding="utf-8")
        options = ["-f", "concat", "-safe", "0", "-auto_convert", "0", "-i", f"file:{contents}", "-i", f"file:{wave}"]
        options += ["-map", "0:v", *(["-map", "1:a"] if film.sound else []), *film.sound]
        for key, value in (tags or {}).items():
            options += ["-metadata", f"{key}={value}"]
        run_ffmpeg([*options, *film.film, f"file:{target}"], FAILURE)
