"""Writes what a render delivers: the marked video, a sound file per person, subtitles and motion curves."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from generation.audio.waveform import Sound, sound_of
from generation.core.clock import FPS, SAMPLE_RATE
from generation.core.performance import AnyPerformance
from generation.core.stored_array import blocks
from generation.motion.arkit import write_arkit_csv, write_motion_json
from studio.core.output import whole_or_nothing
from studio.core.storage import file_names
from studio.export.encoder import encode, join_video
from studio.export.frame_encoder import MP4, PNG, FilmFormat, FrameCheck
from studio.export.otio import write_otio
from studio.export.provenance import mark
from studio.export.signature import sign
from studio.export.subtitles import captions, line_width, srt, voice_end, vtt
from studio.export.watermark import draw_watermark
from studio.timeline.timeline import Timeline

_BLOCK = 1 << 18
"""Samples that are written at a time."""

OnFrame = Callable[[int, int], None]


def write_video(
    frames: Iterable[np.ndarray],
    sound: Sound,
    path: Path,
    *,
    picture: np.ndarray,
    record: Mapping[str, Any],
    on_frame: OnFrame | None = None,
) -> Path:
    """Writes a marked MP4: H.264 yuv420p and AAC, playable while it loads, exactly 25 frames/s.

    Picture and sound are equally long (the sound's length rounded up to 40 ms) and begin together. The visible label
    is drawn into each frame unless the record says that it was turned off.

    Args:
        frames: (H, W, 3) uint8 RGB, one every 40 ms, taken one at a time.
        sound: the mix, see :func:`generation.audio.loudness.mix`.
        path: the video, ``.mp4``; nothing is left there and nothing replaced if anything is raised.
        picture: (H, W, 3) uint8 RGB, the still the frames were made from. With an odd side the video is one pixel
            larger: its last column or row is repeated.
        record: what the file says of itself, see :func:`studio.export.provenance.make_record`.
        on_frame: called with the frames done and in all.

    Raises:
        ValueError: a frame that a fault made (see :class:`studio.export.frame_encoder.FrameCheck`), their
            number, or the file's name.
        RuntimeError: the encoder failed.
    """
    with _marked(path, record) as target:
        checked = _finished(frames, round(sound.seconds * FPS), picture, record, on_frame)
        encode(checked, sound, target, _tags(record))
    return path


def write_film(
    segments: Sequence[Path],
    n_frames: int,
    sound: Sound,
    path: Path,
    *,
    record: Mapping[str, Any],
    film: FilmFormat = MP4,
) -> list[Path]:
    """Writes a marked film, as :func:`write_video` does, from pictures that are encoded already.

    Args:
        segments: the pictures, see :meth:`studio.production.frame_cache.FrameCache.make`.
        n_frames: length of the film in frames of 40 ms.
        sound: the mix.
        path: the video; nothing is left there and nothing replaced if anything is raised.
        record: what the file says of itself.
        film: format of the film and its segments. Numbered pictures are ``NAME.00000.png`` and so on.

    Returns:
        The file, or the numbered ones.

    Raises:
        ValueError: the file's name.
        RuntimeError: the encoder failed.
    """
    _check_suffix(path, film)
    with whole_or_nothing(path) as folder:
        numbered = f"{path.stem.replace('%', '%%')}.%05d.png"
        join_video(segments, n_frames, sound, folder / (numbered if film is PNG else path.name), _tags(record), film)
        made = sorted(folder.iterdir())
        for file in made:
            mark(file, record)
    return [path.parent / file.name for file in made]


@contextmanager
def _marked(path: Path, record: Mapping[str, Any]) -> Iterator[Path]:
    """Where to write a video that is then marked and moved to ``path``."""
    _check_suffix(path, MP4)
    with whole_or_nothing(path) as folder:
        yield folder / path.name
        mark(folder / path.name, record)


def _check_suffix(path: Path, film: FilmFormat) -> None:
    if path.suffix.lower() != film.suffix:
        raise ValueError(f"The video {path.name!r} should end in {film.suffix}.")


def _finished(
    frames: Iterable[np.ndarray], total: int, picture: np.ndarray, record: Mapping[str, Any], on_frame: OnFrame | None
) -> Iterator[np.ndarray]:
    """The frames, checked and labelled."""
    check = FrameCheck(picture)
    for index, frame in enumerate(frames):
        frame = check(frame, index)
        yield draw_watermark(frame) if record["label"] else frame
        if on_frame is not None:
            on_frame(index + 1, total)


def _tags(record: Mapping[str, Any]) -> dict[str, str]:
    title = record["scene"].get("title") if record.get("scene") else None
    return {"comment": record["mark"], "description": record["digital_source_type"]} | (
        {"title": title} if title else {}
    )


def write_sound(sound: Sound, path: Path, record: Mapping[str, Any], *, signed: bool = False) -> Path:
    """Writes a marked WAV file, 24 bit; ``signed`` where it is for others and can be.

    Raises:
        ValueError: the file's name does not end in .wav.
    """
    if path.suffix.lower() != ".wav":
        raise ValueError(f"The sound {path.name!r} should end in .wav.")
    with whole_or_nothing(path) as folder:
        try:
            with soundfile.SoundFile(folder / path.name, "w", sound.sampling_rate, 1, "PCM_24") as file:
                for block, _, _ in blocks(len(sound), _BLOCK):
                    file.write(np.clip(sound.waveform[block], -1, 1))
        except soundfile.LibsndfileError as error:  # it says "System error"
            full = shutil.disk_usage(folder).free < len(sound) * 3
            raise OSError(errno.ENOSPC if full else errno.EIO, str(error)) from error
        mark(folder / path.name, record)
        if signed:
            sign(folder / path.name, record)
    return path


def export_scene(
    segments: Sequence[Path],
    sound: Sound,
    performance: AnyPerformance,
    timeline: Timeline,
    path: Path,
    *,
    size: tuple[int, int],
    record: Mapping[str, Any],
    curves: bool = True,
    film: FilmFormat = MP4,
    still: Path | None = None,
) -> list[Path]:
    """Writes a scene as a film and beside it a WAV, a CSV and a JSON of motion a person, SRT, VTT, and OTIO.

    All of them appear at once when all are complete; arguments and errors as of :func:`write_film`, but for ``sound``,
    the mix of all, ``size``, the width and height of the picture, ``curves``, whether motion is written: that of
    another model's pictures is not known, and ``still``, the picture's file. Where they can be, the stems are signed,
    and last the film (of numbered pictures their sound) with the hashes of all files beside it.

    Returns:
        The files, the video first.
    """
    names = performance.names
    width = line_width(size)
    ends = _voice_ends(performance, timeline)
    made = captions(timeline.lines, timeline.texts, timeline.speaker_names(names), width, ends)
    with whole_or_nothing(path) as folder:
        files = write_film(segments, performance.n_frames, sound, folder / path.name, record=record, film=film)
        if not film.sound:
            files.append(write_sound(sound, folder / f"{path.stem}.wav", record))
        parts = zip(performance.speech, performance.motion, file_names(names), strict=True)
        for speech, motion, slug in parts:
            base = folder / f"{path.stem}.{slug}"
            stem = sound_of(speech, SAMPLE_RATE)
            files.append(write_sound(stem, base.with_name(f"{base.name}.wav"), record, signed=True))
            for write, suffix in ((write_arkit_csv, "csv"), (write_motion_json, "json")) if curves else ():
                files.append(base.with_name(f"{base.name}.{suffix}"))
                write(files[-1], motion)
        for text, suffix in ((srt(made, width), "srt"), (vtt(made, width), "vtt")):
            files.append(folder / f"{path.stem}.{suffix}")
            files[-1].write_text(text, encoding="utf-8")
        stems = {name: folder / f"{path.stem}.{slug}.wav" for name, slug in zip(names, file_names(names), strict=True)}
        title = record["scene"].get("title") or path.stem
        otio = (folder / path.name).with_suffix(".otio")
        files.append(write_otio(timeline, names, otio, title=title, video=files[0], stems=stems))
        whole = files[0] if film.sound else folder / f"{path.stem}.wav"
        sign(whole, record, picture=still, beside=[file for file in files if file != whole])
    if film is PNG:
        _remove_numbered(path, performance.n_frames)
    return [path.parent / file.name for file in files]


def _remove_numbered(path: Path, first: int) -> None:
    """Delete the pictures of a longer film that had the same name."""
    for old in path.parent.iterdir():
        number = old.name.removeprefix(f"{path.stem}.").removesuffix(".png")
        if old.name == f"{path.stem}.{number}.png" and re.fullmatch(r"\d{5}", number) and int(number) >= first:
            old.unlink()


def _voice_ends(performance: AnyPerformance, timeline: Timeline) -> list[float]:
    """Second at which each line's voices fall silent."""
    spoken = map(timeline.of_all_speakers, timeline.lines)
    return [voice_end([performance.speech[each.character] for each in voices], voices[0]) for voices in spoken]


def names_beside(path: Path, names: Sequence[str]) -> list[str]:
    """What :func:`export_scene` calls the files that it writes beside a video, given the cast's names."""
    parts = [f"{path.stem}.{slug}.{suffix}" for slug in file_names(names) for suffix in ("wav", "csv", "json")]
    return [*parts, *(f"{path.stem}.{suffix}" for suffix in ("srt", "vtt", "otio"))]
