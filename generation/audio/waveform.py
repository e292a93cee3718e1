"""Sound as a value with its rate: reading any file, resampling, loudness by ITU-R BS.1770-4, and the mix of a scene."""

from __future__ import annotations

import io
import math
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from generation.core.clock import SAMPLE_RATE

MIX_LUFS = -16.0
MIX_PEAK_DB = -1.0
_SILENCE = 1e-4  # -80 dB: below it a recording holds nothing to hear
_OVERSAMPLING = 4  # as BS.1770-4 annex 2 asks at these rates
_LIMITER_SECONDS = 0.03


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
        waveform = _resample(self.waveform, up, down)
        return Audio(waveform[: round(len(self) * sampling_rate / self.sampling_rate)], sampling_rate)


# scipy.signal and pyloudnorm take a second to import, and whoever only reads a file at its own rate needs neither.


def _resample(waveform: np.ndarray, up: int, down: int) -> np.ndarray:
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
    from imageio_ffmpeg import get_ffmpeg_exe

    # Only local files: a playlist given as a recording must not make ffmpeg open other things.
    command = [get_ffmpeg_exe(), "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe"]
    command += ["-i", f"file:{path}", "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode or not done.stdout:
        raise ValueError(f"The recording {path.name} cannot be read as sound; export it as WAV and try again.")
    return done.stdout


def loudness(audio: Audio) -> float:
    """Integrated loudness in LUFS, gated, by ITU-R BS.1770-4; minus infinity for silence.

    Sound shorter than the 400 ms block of the standard is measured as if it went on in silence.
    """
    import pyloudnorm

    block = math.ceil(0.4 * audio.sampling_rate)
    waveform = np.pad(audio.waveform, (0, max(0, block - len(audio))))
    if np.abs(waveform).max(initial=0.0) == 0:
        return -math.inf
    with np.errstate(divide="ignore"):
        return float(pyloudnorm.Meter(audio.sampling_rate).integrated_loudness(waveform.astype(np.float64)))


def true_peak(audio: Audio) -> float:
    """True peak in dBTP: the largest sample of the signal oversampled four times (BS.1770-4 annex 2)."""
    peak = float(_oversampled(audio.waveform).max(initial=0.0))
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def _oversampled(waveform: np.ndarray) -> np.ndarray:
    """Largest magnitude of the four times oversampled signal around each sample, (S,) float32."""
    if len(waveform) == 0:
        return np.zeros(0, np.float32)
    fine = _resample(waveform, _OVERSAMPLING, 1)
    return np.maximum(np.abs(fine).reshape(-1, _OVERSAMPLING).max(axis=1), np.abs(waveform))


def _limited(waveform: np.ndarray, peaks: np.ndarray, ceiling: float, sampling_rate: int) -> np.ndarray:
    """The signal with true peaks ``peaks`` (S,) turned down around each of them above the ceiling, and there only.

    The gain a peak needs is held over a window and smoothed by a Hann window of the same length, both centred: the
    gain is reached before the peak, is back to one 30 ms after it, and so can not pump.
    """
    from scipy.ndimage import minimum_filter1d
    from scipy.signal import fftconvolve

    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    if needed.min(initial=1.0) == 1.0:
        return waveform
    width = round(_LIMITER_SECONDS * sampling_rate) // 2 * 2 + 1
    window = np.hanning(width + 2)[1:-1]
    held = np.pad(minimum_filter1d(needed, width, mode="nearest"), width // 2, mode="edge")
    gain = fftconvolve(held, window / window.sum(), mode="valid")
    return (waveform * np.minimum(gain, 1.0)).astype(np.float32)


def mix(tracks: Sequence[Audio]) -> Audio:
    """Everybody's track, equally loud, in one: -16 LUFS with true peaks at -1 dBTP or below.

    Tracks begin together; shorter ones end in silence. Each is brought to the same gated loudness, so pauses do not
    count and nobody is drowned; silent tracks stay silent, and a mix of silence only is silence.

    Raises:
        ValueError: no track, or tracks at different rates.
    """
    rates = {track.sampling_rate for track in tracks}
    if len(rates) != 1:
        raise ValueError(f"A mix needs tracks at one rate; these have {sorted(rates) or 'none'}.")
    rate = rates.pop()
    total = np.zeros(max(map(len, tracks)), np.float32)
    for track in tracks:
        level = loudness(track)
        if math.isfinite(level):
            total[: len(track)] += track.waveform * 10 ** ((MIX_LUFS - level) / 20)
    ceiling = 10 ** (MIX_PEAK_DB / 20)
    mixed = Audio(total, rate)
    # Limiting costs a little loudness, so the level is set again on what the limiter leaves.
    gain, peaks = 1.0, _oversampled(total)
    for _ in range(4):
        level = loudness(mixed)
        if not math.isfinite(level):
            break
        gain *= 10 ** ((MIX_LUFS - level) / 20)
        mixed = Audio(_limited(total * gain, peaks * gain, 0.99 * ceiling, rate), rate)
    excess = 10 ** (max(0.0, true_peak(mixed) - MIX_PEAK_DB) / 20)
    return Audio(mixed.waveform / excess, rate)
