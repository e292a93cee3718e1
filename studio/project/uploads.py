"""Validation of uploads: size, type and readability of pictures, videos, sound, motion, rigs and adapters."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from generation.adapters.metadata import SUFFIX as ADAPTER
from generation.motion.motion_files import SUFFIXES as MOTIONS
from studio.core.storage import utf8_text
from studio.scene.schema import VIDEOS

MAX_BYTES = 50_000_000
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".m4a")
RIGS = (".yaml", ".yml")


def check_upload(data: bytes, name: str) -> None:
    """Refuse what cannot be used, before it is written anywhere.

    Args:
        data: the file's contents.
        name: its plain name.

    Raises:
        ValueError: empty, too large, of another kind, too many pixels, or broken; one sentence.
    """
    suffix = Path(name).suffix.lower()
    if not data:
        raise ValueError(f"{name} is an empty file; choose it again.")
    if len(data) > MAX_BYTES:
        size, most = len(data) / 1e6, MAX_BYTES / 1e6
        raise ValueError(f"{name} has {size:.0f} MB, at most {most:.0f} MB are taken; reduce or shorten it.")
    if suffix in PICTURES:
        _check_picture(data, name)
    elif suffix in VIDEOS:
        _check_video(data, name)
    elif suffix in SOUNDS:
        _check_sound(data, name)
    elif suffix in RIGS:
        _check_rig(data, name)
    elif suffix in MOTIONS:
        _check_motion(data, name)
    elif suffix == ADAPTER:
        _read(_read_adapter, data, name)
    else:
        kinds = ", ".join(sorted(key[1:] for key in (*PICTURES, *VIDEOS, *SOUNDS, *MOTIONS)))
        raise ValueError(f"{name} is of a kind that cannot be used; known are {kinds}.")


def _check_picture(data: bytes, name: str) -> None:
    from masks.picture import load_picture

    _read(load_picture, data, name)


def _check_video(data: bytes, name: str) -> None:
    from generation.video.probe import probe_video

    _read(probe_video, data, name)


def _check_sound(data: bytes, name: str) -> None:
    from generation.audio.waveform import load_audio

    _read(load_audio, data, name)


def _check_motion(data: bytes, name: str) -> None:
    from generation.motion.motion_files import read_motion_file

    _read(read_motion_file, data, name)


def _check_rig(data: bytes, name: str) -> None:
    """Only its size and letters: whether its points fit is said where the picture is known."""
    from masks.rig_file import MAX_BYTES as MOST_OF_A_RIG

    if len(data) > MOST_OF_A_RIG:
        raise ValueError(f"{name} is larger than {MOST_OF_A_RIG // 1000} kB; that is no rig file.")
    utf8_text(data, name)


def _read_adapter(path: Path) -> None:
    """Only one that a scene can name, so that what is kept can be used."""
    from studio.scene.styles import offers

    if sentence := offers(path.parent)[path.name].why_not:
        raise ValueError(sentence)


def _read(load: Callable[[Path], object], data: bytes, name: str) -> None:
    """Let the reader that will be used later read it now, from a scratch file of the same name.

    Raises:
        ValueError: it cannot be read; the sentence names the file.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / name
        path.write_bytes(data)
        load(path)
