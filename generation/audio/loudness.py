"""Loudness by ITU-R BS.1770-4, true peak, limiter, and the mix of a scene's tracks, all block by block.

An hour of sound takes no more memory than a minute: what is as long as the sound lies in files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from generation.audio.sound_mark import mark_blocks
from generation.audio.waveform import Sound, resample, sound_of
from generation.core.clock import SAMPLE_RATE
from generation.core.performance import AnyPerformance
from generation.core.stored_array import Rows, StoredArray, blocks

MIX_LUFS = -16.0

MIX_PEAK_DB = -1.0

_OVERSAMPLING = 4  # as BS.1770-4 annex 2 asks at these rates

_LIMITER_SECONDS = 0.03

_BLOCK = 1 << 18
"""Samples that are worked on at a time: 11 s at 24 kHz."""
_FILTER_REACH = 64
"""Samples to either side that the oversampling filter takes in, and some."""


def loudness(audio: Sound) -> float:
    """Integrated loudness in LUFS, gated, by ITU-R BS.1770-4; minus infinity for silence.

    Sound shorter than the 400 ms block of the standard is measured as if it went on in silence.
    """
    meter = LoudnessMeter(audio.sampling_rate)
    for block, _, _ in blocks(len(audio), _BLOCK):
        meter.add(audio.waveform[block])
    return meter.loudness()


class LoudnessMeter:
    """Measures the gated loudness of a sound that comes piece by piece.

    Of the filtered sound the energy of each tenth of a second is kept: the standard's blocks are four of them, and
    begin with each.
    """

    def __init__(self, sampling_rate: int) -> None:
        from pyloudnorm.iirfilter import IIRfilter

        # the two stages of BS.1770-4's K-weighting, as pyloudnorm's meter has them
        shelf = IIRfilter(4.0, 1 / math.sqrt(2), 1500.0, sampling_rate, "high_shelf")
        self._filters = [shelf, IIRfilter(0.0, 0.5, 38.0, sampling_rate, "high_pass")]
        self._states = [np.zeros(2), np.zeros(2)]
        self._rate, self._n = sampling_rate, 0
        self._energy = np.zeros(0)

    def add(self, samples: np.ndarray) -> None:
        """The next samples, (S,)."""
        from scipy.signal import lfilter

        heard = samples.astype(np.float64)
        for number, stage in enumerate(self._filters):
            heard, self._states[number] = lfilter(stage.b, stage.a, heard, zi=self._states[number])
            heard *= stage.passband_gain
        tenths = (10 * np.arange(self._n, self._n + len(heard)) + 9) // self._rate
        if len(tenths):
            self._energy = np.pad(self._energy, (0, tenths[-1] + 1 - len(self._energy)))
            self._energy[tenths[0] :] += np.bincount(tenths - tenths[0], np.square(heard))
        self._n += len(heard)

    def loudness(self) -> float:
        """Of all that came, in LUFS."""
        self.add(np.zeros(max(0, math.ceil(0.4 * self._rate) - self._n), np.float32))
        n_blocks = round((self._n / self._rate - 0.4) / 0.1) + 1
        energy = np.pad(self._energy, (0, max(0, n_blocks + 3 - len(self._energy))))
        power = np.convolve(energy, np.ones(4), "valid")[:n_blocks] / (0.4 * self._rate)
        loud = power[_lufs(power) >= -70]
        if not len(loud):
            return -math.inf
        return float(_lufs(loud[_lufs(loud) > _lufs(loud.mean()) - 10].mean()))


def _lufs(power: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return -0.691 + 10 * np.log10(power)


def true_peak(audio: Sound) -> float:
    """True peak in dBTP: the largest sample of the signal oversampled four times (BS.1770-4 annex 2)."""
    peak = 0.0
    for _, window, inner in blocks(len(audio), _BLOCK, _FILTER_REACH):
        peak = max(peak, float(_oversampled(audio.waveform[window])[inner].max(initial=0.0)))
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def _oversampled(waveform: np.ndarray) -> np.ndarray:
    """Largest magnitude of the four times oversampled signal around each sample, (S,) float32."""
    fine = resample(waveform, _OVERSAMPLING, 1)
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


def _limit(total: Rows, peaks: Rows, gain: float, sampling_rate: int, into: Rows) -> float:
    """Writes the sound times a gain, with its peaks turned down, and says how loud that is."""
    ceiling = 0.99 * 10 ** (MIX_PEAK_DB / 20)
    meter = LoudnessMeter(sampling_rate)
    for block, window, inner in blocks(len(total), _BLOCK, round(2 * _LIMITER_SECONDS * sampling_rate)):
        piece = _limited(total[window] * gain, peaks[window] * gain, ceiling, sampling_rate)[inner]
        meter.add(piece)
        into[block] = piece
    return meter.loudness()


def mix_performance(performance: AnyPerformance, folder: Path | None = None, bed: Sound | None = None) -> Sound:
    """Mix of the tracks of a performance with the sound mark, over a ``bed`` at 24 kHz, see :func:`mix`."""
    tracks = [sound_of(speech, SAMPLE_RATE) for speech in performance.speech]
    return mix(tracks, performance.voiced, folder, marked=True, bed=bed)


def mix(
    tracks: Sequence[Sound],
    voiced: Sequence[bool] | None = None,
    folder: Path | None = None,
    *,
    marked: bool = False,
    bed: Sound | None = None,
) -> Sound:
    """Mixes the tracks of a scene at equal loudness: -16 LUFS with true peaks at -1 dBTP or below.

    Tracks begin together; shorter ones end in silence. Each is brought to the same gated loudness, so pauses do not
    count and nobody is drowned; silent tracks stay silent, and a mix of silence only is silence.

    Args:
        tracks: one a person.
        voiced: whether a voice is in each; the others are never lifted. None = in all of them.
        folder: where the mix and what is made on the way lie, in files; None = in memory.
        marked: the mix carries the mark of :mod:`generation.audio.sound_mark`; tracks are then at 24 kHz.
        bed: what lies under the tracks, as loud as it is beside voices at the mix's loudness; at their rate.

    Raises:
        ValueError: no track, or tracks at different rates.
        OSError: the disk is full.
    """
    rates = {track.sampling_rate for track in tracks}
    if len(rates) != 1:
        raise ValueError(f"A mix needs tracks at one rate; these have {sorted(rates) or 'none'}.")
    rate, length = rates.pop(), max(map(len, tracks))
    spoken = [True] * len(tracks) if voiced is None else voiced
    total, peaks, mixed = (_space(length, folder) for _ in range(3))
    level = _add_up(tracks, spoken, total, marked, bed)
    for block, window, inner in blocks(length, _BLOCK, _FILTER_REACH):
        peaks[block] = _oversampled(total[window])[inner]
    # Limiting costs a little loudness, so the level is set again on what the limiter leaves.
    gain, finished = 1.0, total
    for _ in range(4):
        if not math.isfinite(level) or (level < MIX_LUFS and not any(spoken)):
            break
        gain *= 10 ** ((MIX_LUFS - level) / 20)
        level, finished = _limit(total, peaks, gain, rate, mixed), mixed
    excess = 10 ** (max(0.0, true_peak(sound_of(finished, rate)) - MIX_PEAK_DB) / 20)
    for block, _, _ in blocks(length, _BLOCK):
        finished[block] = finished[block] / excess
    return sound_of(finished, rate)


def _space(length: int, folder: Path | None) -> Rows:
    return np.zeros(length, np.float32) if folder is None else StoredArray((length,), folder)


def _add_up(
    tracks: Sequence[Sound], voiced: Sequence[bool], total: Rows, marked: bool, bed: Sound | None = None
) -> float:
    """Writes the sum of the tracks, each at the mix's loudness, and of the bed, and says how loud it is.

    The mark comes into the sum: the limiter then keeps the peaks of what is heard.
    """
    gains = []
    for track, lifted in zip(tracks, voiced, strict=True):
        gain = MIX_LUFS - loudness(track)
        gains.append(10 ** ((gain if lifted else min(gain, 0.0)) / 20) if math.isfinite(gain) else 0.0)

    parts = [*zip(tracks, gains, strict=True), *([] if bed is None else [(bed, 1.0)])]

    def sums() -> Iterator[np.ndarray]:
        for block, _, _ in blocks(len(total), _BLOCK):
            summed = np.zeros(block.stop - block.start, np.float32)
            for track, factor in parts:
                piece = track.waveform[block]
                summed[: len(piece)] += piece * factor
            yield summed

    meter, at = LoudnessMeter(tracks[0].sampling_rate), 0
    for piece in mark_blocks(sums()) if marked else sums():
        meter.add(piece)
        total[at : at + len(piece)] = piece
        at += len(piece)
    return meter.loudness()
