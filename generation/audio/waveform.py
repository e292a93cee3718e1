"""Sound as a value with its rate: reading any file, and resampling."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from generation.core.clock import SAMPLE_RATE
from generation.core.ffmpeg import local_input, run_ffmpeg

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


# scipy.signal takes half a second to import, and whoever only reads a file at its own rate does without it.


def resample(waveform: np.ndarray, up: int, down: int) -> np.ndarray:
    """(S,) float32 at ``up`` / ``down`` of its rate, by a polyphase filter."""
    from scipy.signal import resample_poly

    return resample_poly(waveform, up, down, window=_low_pass(max(up, down)))


@cache
def _low_pass(factor: int) -> np.ndarray:
    from scipy.signal import firwin

    return firwin(2 * 32 * factor + 1, 0.97 / factor, window=("kaiser", 10.0)).astype(np.float32)


def load_audio(path: Path | str, sampling_rate: int = SAMPLE_RATE) -> Audio:
    """Reads a recording: WAV, FLAC, Ogg and the like directly, MP3, M4A and the sound of a video through ffmpeg.

    Channels are averaged.

    Raises:
        ValueError: no such file, not readable as sound, empty, broken (a value that is not a number), or silent; the
            sentence names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"The recording {path.name} does not exist; check its name and folder.")
    if path.stat().st_size == 0:
        raise ValueError(f"The recording {path.name} is an empty file; record or export it again.")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError):  # TypeError: it takes the name .raw for samples without a header
        samples, rate = soundfile.read(io.BytesIO(_decode(path)), dtype="float32", always_2d=True)
    waveform = samples.mean(axis=1)
    if len(waveform) == 0:
        raise ValueError(f"The recording {path.name} has no samples; record or export it again.")
    if not np.isfinite(waveform).all():
        raise ValueError(f"The recording {path.name} is broken: it has values that are not numbers; export it again.")
    if np.abs(waveform).max() < _SILENCE:
        raise ValueError(f"The recording {path.name} is silent; choose one in which somebody speaks.")
    return Audio(waveform, rate).resampled(sampling_rate)


def _decode(path: Path) -> bytes:
    """The first sound stream of any file that ffmpeg reads, as a Sun AU file with its own rate and channels."""
    options = [*local_input(path), "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    try:
        decoded = run_ffmpeg(options, path.name)
    except RuntimeError:
        decoded = b""
    if not decoded:
        raise ValueError(f"The recording {path.name} cannot be read as sound; export it as WAV and try again.")
    return decoded
