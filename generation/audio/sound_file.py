"""Sound files: length, rate and channels from the header, and samples up to a bound, whatever the header says.

WAV, AIFF and their like are read directly, everything else through ffmpeg, which goes on behind what it cannot decode
and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from generation.audio.channels import MOST_CHANNELS, Channel, cancels, channel_place
from generation.core.clock import SAMPLE_RATE
from generation.core.ffmpeg import describe_sound, read_sound_stream, stream_sound

LOWEST_RATE, HIGHEST_RATE = 4_000, 192_000
LOUDEST = 100.0
"""Magnitude of a sample (40 dB above full scale) beyond which a file does not hold sound, or not on this scale."""
_PLAIN = (b"RIFF", b"RIFX", b"RF64", b"FORM", b".snd", b"caff", b"riff")
_DURATION = re.compile(r"Duration: (\d+):(\d+):([\d.]+)")
_STREAM = re.compile(r"Audio: .*?, (\d+) Hz, ([^,]+)")
_LAYOUTS = {"mono": 1, "stereo": 2, "2.1": 3, "quad": 4, "4.0": 4, "5.0": 5, "5.1": 6, "6.1": 7, "7.1": 8}
_LACKING, _MORE = 0.25, 0.05
"""Seconds: less than the header says by this is cut off; more by this is not what is wrong with it."""
_UNKNOWN_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)
"""Sizes in a WAV's header that programs write which do not know yet how long it will be."""
_BLOCK = 1 << 18


@dataclass(frozen=True)
class SoundFacts:
    """What a file's header says of its sound.

    Attributes:
        seconds: length; None where the header does not say.
        sampling_rate: samples a second and channel.
        channels: number of channels.
    """

    seconds: float | None
    sampling_rate: int
    channels: int


@dataclass(frozen=True)
class Sound:
    """A file's samples.

    Attributes:
        samples: (S, C) float32, full scale at [-1, 1].
        sampling_rate: samples a second.
        faults: clauses about what of the file could not be read, without its name: "stops after 2.0 s of 4.0 s".
    """

    samples: np.ndarray
    sampling_rate: int
    faults: tuple[str, ...] = ()


def sound_facts(path: Path) -> SoundFacts:
    """Length, rate and channels of a sound file, from its header alone.

    Raises:
        ValueError: no such file, empty, not sound, or a rate or number of channels that no recording has; the sentence
            names the file.
    """
    if not path.is_file():
        raise ValueError(f"The recording {path.name} does not exist; check its name and folder.")
    if path.stat().st_size == 0:
        raise ValueError(f"The recording {path.name} is an empty file; record or export it again.")
    facts = (_plain_facts(path) if _is_plain(path) else None) or _described(path)
    if not LOWEST_RATE <= facts.sampling_rate <= HIGHEST_RATE:
        what = f"has {facts.sampling_rate} samples a second, not {LOWEST_RATE} to {HIGHEST_RATE}"
        raise ValueError(f"The recording {path.name} {what}; export it again at 48000.")
    if facts.channels > MOST_CHANNELS:
        raise ValueError(f"The recording {path.name} has {facts.channels} channels; export it as mono or stereo.")
    return facts


def read_sound(path: Path, most_seconds: float) -> Sound:
    """All samples of a sound file of at most so many seconds.

    Raises:
        ValueError: as of :func:`sound_facts`; longer, without samples, or samples that are not sound.
    """
    facts = sound_facts(path)
    if facts.seconds is not None and facts.seconds > most_seconds:
        raise ValueError(_too_long(path, facts.seconds, most_seconds))
    sound = (_read_plain(path, most_seconds) if _is_plain(path) else None) or _decoded(path, facts, most_seconds)
    if len(sound.samples) > (most_seconds + _LACKING) * sound.sampling_rate:
        raise ValueError(_too_long(path, None, most_seconds))
    if len(sound.samples) == 0:
        raise ValueError(f"The recording {path.name} has no samples; record or export it again.")
    if not np.isfinite(sound.samples).all():
        raise ValueError(f"The recording {path.name} is broken: it has values that are not numbers; export it again.")
    if (peak := float(np.abs(sound.samples).max())) > LOUDEST:
        what = f"is broken: it has values up to {peak:.3g} where 1 is full scale"
        raise ValueError(f"The recording {path.name} {what}; export it again as 16 bit.")
    return sound


def stream_mono(
    path: Path, block_seconds: int, most_seconds: float, channel: Channel | None = None
) -> Iterator[np.ndarray]:
    """A sound file of any length in blocks of so many seconds, (S,) float32 of one channel at 24 kHz.

    Without ``channel`` the mean of all, or the first of two that cancel in their first block.

    Raises:
        ValueError: as of :func:`sound_facts`, or there is no such channel.
    """
    count = sound_facts(path).channels
    try:
        place = channel_place(channel, count)
    except ValueError as error:
        raise ValueError(f"The recording {path.name} {error}") from error

    def blocks(place: int | None) -> Iterator[np.ndarray]:
        gains = [1 / count if place is None else float(number == place) for number in range(count)]
        for data in stream_sound(path, SAMPLE_RATE, most_seconds, gains, 4 * SAMPLE_RATE * block_seconds):
            yield np.frombuffer(data[: len(data) // 4 * 4], "<f4").clip(-1, 1)

    if channel is None and count == 2:
        mixed, first = (next(blocks(place), np.zeros(0, np.float32)) for place in (None, 0))
        if len(mixed) and cancels(mixed, first):
            place = 0
    yield from blocks(place)


def _too_long(path: Path, seconds: float | None, most: float) -> str:
    long = f"more than {most:g} s" if seconds is None else clock(seconds)
    limit = f"{most:g} s" if most < 600 else f"{most / 60:g} min"
    return f"The recording {path.name} lasts {long}; at most {limit} are read: cut it with parley split."


def clock(seconds: float) -> str:
    """A length for a reader: ``95 s``, ``12 min``, ``5 h 10 min``."""
    if seconds < 600:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _is_plain(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in _PLAIN


def _plain_facts(path: Path) -> SoundFacts | None:
    """Of a file that libsndfile reads; None if it does not, or finds nothing in it."""
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, TypeError):
        return None
    if info.frames == 0 and path.stat().st_size > 4096:  # its writer never came back to fill in the length
        return None
    return SoundFacts(info.frames / max(1, info.samplerate), info.samplerate, info.channels)


def _described(path: Path) -> SoundFacts:
    """Of any file, as ffmpeg describes it."""
    text = describe_sound(path)
    stream = _STREAM.search(text)
    if stream is None:
        raise ValueError(f"The recording {path.name} cannot be read as sound; export it as WAV and try again.")
    length = _DURATION.search(text)
    seconds = (
        sum(float(part) * unit for part, unit in zip(length.groups(), (3600, 60, 1), strict=True)) if length else None
    )
    layout = stream.group(2).split("(")[0].strip()
    digits = re.match(r"(\d+) channels", layout)
    return SoundFacts(seconds, int(stream.group(1)), int(digits.group(1)) if digits else _LAYOUTS.get(layout, 2))


def _read_plain(path: Path, most_seconds: float) -> Sound | None:
    """Read block by block: whatever length a header claims, no more is taken than there is, or than is wanted."""
    if _plain_facts(path) is None:
        return None
    blocks = []
    with soundfile.SoundFile(path) as file:
        rate, left = file.samplerate, round((most_seconds + 1) * file.samplerate)
        while left > 0 and len(block := file.read(min(_BLOCK, left), dtype="float32", always_2d=True)):
            blocks.append(block)
            left -= len(block)
        channels = file.channels
    samples = np.concatenate(blocks) if blocks else np.zeros((0, channels), np.float32)
    return Sound(samples, rate, tuple(_wave_faults(path, len(samples) / rate)))


def _wave_faults(path: Path, seconds: float) -> list[str]:
    """Whether the file holds less sound than the header of a WAV says, or another file behind it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return []
        file.seek(12)
        while len(head := file.read(8)) == 8:
            kind, length = head[:4], int.from_bytes(head[4:], "little")
            begin = file.tell()
            if kind == b"data":
                if length in _UNKNOWN_SIZES or length > size * 1000:
                    return []
                held = min(length, size - begin)
                if held > 0 and (lost := seconds * (length - held) / held) > _LACKING:
                    return [_cut_off(seconds, seconds + lost)]
                file.seek(begin + length + length % 2)
                return [_AND_MORE] if file.read(4) in _PLAIN else []
            file.seek(begin + length + length % 2)
    return []


_AND_MORE = "holds another file behind its end, which is not played; export both as one"


def _cut_off(seconds: float, said: float) -> str:
    return f"is cut off: it stops after {seconds:.1f} s of {said:.1f} s; copy or export it again"


def _decoded(path: Path, facts: SoundFacts, most_seconds: float) -> Sound:
    """Everything that ffmpeg can decode of the first sound stream."""
    data, complaints = read_sound_stream(path, most_seconds + 1)
    samples = np.frombuffer(data[: len(data) // (4 * facts.channels) * 4 * facts.channels], "<f4")
    samples = samples.reshape(-1, facts.channels)
    if len(samples) == 0:
        raise ValueError(f"The recording {path.name} cannot be read as sound; export it as WAV and try again.")
    seconds = len(samples) / facts.sampling_rate
    faults = _wave_faults(path, seconds)
    said = facts.seconds or 0.0
    if complaints and seconds < said + _MORE and not _joined(path):
        faults.append("is damaged: parts of it cannot be decoded; copy or export it again")
    elif seconds < said - _LACKING:
        faults.append(_cut_off(seconds, said))
    elif _ogg_breaks_off(path):
        faults.append("is cut off: its last part is missing; copy or export it again")
    return Sound(samples, facts.sampling_rate, tuple(faults))


def _joined(path: Path) -> bool:
    """Whether an MP3 has another one's head inside: files put end to end, of which the heads alone are no sound."""
    with path.open("rb") as file:
        start, rest = file.read(4096), file.read(64_000_000)
    return (start[:3] == b"ID3" or start[:1] == b"\xff") and any(mark in rest for mark in (b"ID3", b"Xing", b"Info\0"))


def _ogg_breaks_off(path: Path) -> bool:
    """Whether an Ogg file's last page is not marked as the stream's last."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        file.seek(max(0, path.stat().st_size - 70_000))
        tail = file.read()
    page = tail.rfind(b"OggS")
    return page < 0 or page + 5 >= len(tail) or not tail[page + 5] & 4
