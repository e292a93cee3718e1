"""Loudness by ITU-R BS.1770-4, true peak, limiter, and the mix of a scene's tracks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from generation.audio.waveform import Audio, resample
from generation.core.clock import SAMPLE_RATE
from generation.core.performance import Performance

MIX_LUFS = -16.0

MIX_PEAK_DB = -1.0

_OVERSAMPLING = 4  # as BS.1770-4 annex 2 asks at these rates

_LIMITER_SECONDS = 0.03


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


def mix_performance(performance: Performance) -> Audio:
    """Mix of the tracks of a performance, see :func:`mix`."""
    parts = performance.characters
    return mix([Audio(part.speech, SAMPLE_RATE) for part in parts], [part.voiced for part in parts])


def mix(tracks: Sequence[Audio], voiced: Sequence[bool] | None = None) -> Audio:
    """Mixes the tracks of a scene at equal loudness: -16 LUFS with true peaks at -1 dBTP or below.

    Tracks begin together; shorter ones end in silence. Each is brought to the same gated loudness, so pauses do not
    count and nobody is drowned; silent tracks stay silent, and a mix of silence only is silence.

    Args:
        tracks: one a person.
        voiced: whether a voice is in each; the others are never lifted. None = in all of them.

    Raises:
        ValueError: no track, or tracks at different rates.
    """
    rates = {track.sampling_rate for track in tracks}
    if len(rates) != 1:
        raise ValueError(f"A mix needs tracks at one rate; these have {sorted(rates) or 'none'}.")
    rate = rates.pop()
    total = np.zeros(max(map(len, tracks)), np.float32)
    spoken = [True] * len(tracks) if voiced is None else voiced
    for track, lifted in zip(tracks, spoken, strict=True):
        level = loudness(track)
        if math.isfinite(level):
            gain = MIX_LUFS - level
            total[: len(track)] += track.waveform * 10 ** ((gain if lifted else min(gain, 0.0)) / 20)
    ceiling = 10 ** (MIX_PEAK_DB / 20)
    mixed = Audio(total, rate)
    # Limiting costs a little loudness, so the level is set again on what the limiter leaves.
    gain, peaks = 1.0, _oversampled(total)
    for _ in range(4):
        level = loudness(mixed)
        if not math.isfinite(level) or (level < MIX_LUFS and not any(spoken)):
            break
        gain *= 10 ** ((MIX_LUFS - level) / 20)
        mixed = Audio(_limited(total * gain, peaks * gain, 0.99 * ceiling, rate), rate)
    excess = 10 ** (max(0.0, true_peak(mixed) - MIX_PEAK_DB) / 20)
    return Audio(mixed.waveform / excess, rate)
