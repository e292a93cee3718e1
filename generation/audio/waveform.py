"""Sound as a value with its rate: reading any file, and resampling."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from generation.audio.channels import Channel, combined
from generation.audio.sound_file import read_sound
from generation.core.clock import SAMPLE_RATE
from generation.core.stored_array import Rows, StoredArray, blocks

_SILENCE = 1e-4  # -80 dB: below it a recording holds nothing to hear


@dataclass(frozen=True)
class Audio:
    """Sound of one channel.

    Attributes:
        waveform: (S,) float32, full scale at [-1, 1].
        sampling_rate: samples a second.

    Raises:
        ValueError: not one channel, or a sample that is not a finite number.
    """

    waveform: np.ndarray
    sampling_rate: int

    def __post_init__(self) -> None:
        waveform = np.ascontiguousarray(self.waveform, dtype=np.float32)
        if waveform.ndim != 1:
            raise ValueError(f"Sound should have one channel, shape (samples,); this has shape {waveform.shape}.")
        if not np.isfinite(waveform).all():
            first = int(np.argmin(np.isfinite(waveform)))
            raise ValueError(f"Sound has a value that is not a number at sample {first}.")
        object.__setattr__(self, "waveform", waveform)

    def __len__(self) -> int:
        return len(self.waveform)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self) / self.sampling_rate

    def resampled(self, sampling_rate: int) -> Audio:
        """The same sound at another rate; polyphase filter, aliases below -90 dB, no delay."""
        if sampling_rate == self.sampling_rate:
            return self
        common = math.gcd(sampling_rate, self.sampling_rate)
        up, down = sampling_rate // common, self.sampling_rate // common
        waveform = resample(self.waveform, up, down)
        return Audio(waveform[: round(len(self) * sampling_rate / self.sampling_rate)], sampling_rate)


@dataclass(frozen=True)
class StoredAudio:
    """Sound of one channel that lies in a file: samples as :class:`Audio` has them, read piece by piece."""

    waveform: StoredArray
    sampling_rate: int

    def __len__(self) -> int:
        return len(self.waveform)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self) / self.sampling_rate


Sound = Audio | StoredAudio


def sound_of(samples: Rows, sampling_rate: int) -> Sound:
    """Samples (S,) in memory or in a file as sound."""
    return StoredAudio(samples, sampling_rate) if isinstance(samples, StoredArray) else Audio(samples, sampling_rate)


def resampled_blocks(sound: Sound, sampling_rate: int, size: int = 1 << 18) -> Iterator[np.ndarray]:
    """The sound at another rate as :meth:`Audio.resampled` has it, piece by piece."""
    common = math.gcd(sampling_rate, sound.sampling_rate)
    up, down = sampling_rate // common, sound.sampling_rate // common
    left = round(len(sound) * up / down)
    # windows begin at multiples of ``down``, where samples of both rates meet
    for _, window, inner in blocks(len(sound), -(-size // down) * down, -(-64 * max(up, down) // down) * down):
        fine = resample(sound.waveform[window], up, down) if up != down else sound.waveform[window]
        piece = fine[inner.start * up // down : -(-inner.stop * up // down)][:left]
        left -= len(piece)
        yield piece


# scipy.signal takes half a second to import, and whoever only reads a file at its own rate does without it.


def resample(waveform: np.ndarray, up: int, down: int) -> np.ndarray:
    """(S,) float32 at ``up`` / ``down`` of its rate, by a polyphase filter."""
    from scipy.signal import resample_poly

    return resample_poly(waveform, up, down, window=_low_pass(max(up, down)))


@cache
def _low_pass(factor: int) -> np.ndarray:
    from scipy.signal import firwin

    return firwin(2 * 32 * factor + 1, 0.97 / factor, window=("kaiser", 10.0)).astype(np.float32)


def load_audio(
    path: Path | str, sampling_rate: int = SAMPLE_RATE, channel: Channel | None = None, most_seconds: float = 1800
) -> Audio:
    """Reads a recording: WAV and its like directly, everything else and the sound of a video through ffmpeg.

    It is read to its end whatever its header says.

    Args:
        path: the file.
        sampling_rate: of the result.
        channel: which channel of several; None = their mean, and one of them where they would cancel.
        most_seconds: longer ones are refused, from their header where that says so.

    Raises:
        ValueError: no such file, not readable as sound, empty, too long, broken (values that are not numbers or not on
            the scale of sound), silent, or without that channel; the sentence names the file.
    """
    path = Path(path)
    sound = read_sound(path, most_seconds)
    try:
        waveform = combined(sound.samples, channel)
    except ValueError as error:
        raise ValueError(f"The recording {path.name} {error}") from None
    if np.abs(waveform).max() < _SILENCE:
        raise ValueError(f"The recording {path.name} is silent; choose one in which somebody speaks.")
    return Audio(waveform, sound.sampling_rate).resampled(sampling_rate)
