"""Voice effects for training data, timing kept: pitch by PSOLA, whispering by noise, brightness by a spectral tilt.

PSOLA: Moulines and Charpentier, "Pitch-synchronous waveform processing techniques", Speech Communication 9 (1990).
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import istft, stft

from generation.audio.clip_quality import autocorrelation_pitch
from generation.audio.mel_bands import mel_scale
from generation.audio.waveform import Audio
from generation.core.clock import N_MELS, SAMPLE_RATE

_HOP, _CENTRE = 0.02, 0.025
"""Seconds between pitch values, and from the start of a value's window to its middle."""
_UNVOICED = SAMPLE_RATE // 100
_FARTHEST = 9.0
"""Semitones from a voice's middle beyond which a pitch is the tracker's mistake of an octave."""
_ENVELOPE = 36
"""Cepstral coefficients that describe the vocal tract: formants stay, harmonics up to 330 Hz apart go."""
_WHISPER_DB = -12.0
"""Of breath below the vowel in whose place it is; consonants without pitch keep their level."""
_LEAST_VOICED = 10


def pitch_curve(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Pitch of a voice at each sample.

    Args:
        waveform: (S,) at 24 kHz.

    Returns:
        Semitones above 100 Hz (S,), held where there is none; whether there is one (S,) bool; their median. None when
        there is next to no pitch.
    """
    track = autocorrelation_pitch(Audio(waveform, SAMPLE_RATE))
    voiced = np.isfinite(track)
    if voiced.sum() < _LEAST_VOICED:
        return None
    middle = float(np.median(track[voiced]))
    track = np.where(track > middle + _FARTHEST, track - 12, np.where(track < middle - _FARTHEST, track + 12, track))
    voiced &= np.abs(track - middle) < _FARTHEST
    places = (np.arange(len(track)) * _HOP + _CENTRE) * SAMPLE_RATE
    smooth = median_filter(np.interp(np.arange(len(track)), np.flatnonzero(voiced), track[voiced]), 3)
    samples = np.arange(len(waveform))
    return np.interp(samples, places, smooth), np.interp(samples, places, voiced.astype(float)) > 0.5, middle


def change_pitch(waveform: np.ndarray, spread: float, shift: float) -> np.ndarray:
    """Speech whose pitch moves ``spread`` times as far from its median, which is ``shift`` semitones higher.

    Args:
        waveform: (S,) float32 at 24 kHz.
        spread: 0 = monotone, 1 = as it is.
        shift: semitones.

    Returns:
        (S,) float32 of the same timing; speech without any pitch as it is.
    """
    curve = pitch_curve(waveform)
    if curve is None:
        return waveform
    pitch, voiced, middle = curve
    return overlap_add(waveform, pitch, voiced, middle + shift + spread * (pitch - middle))


def overlap_add(
    waveform: np.ndarray, pitch: np.ndarray, voiced: np.ndarray, wanted: np.ndarray, places: np.ndarray | None = None
) -> np.ndarray:
    """Speech at another pitch and, where that is asked, in another time, by PSOLA.

    Args:
        waveform: (S,) float32 at 24 kHz.
        pitch: (S,) semitones above 100 Hz that it has.
        voiced: (S,) bool.
        wanted: (N,) semitones above 100 Hz that it is to have.
        places: (N,) rising, the sample of ``waveform`` that is heard at each sample; None = its own time, N = S.

    Returns:
        (N,) float32.
    """
    places = np.arange(len(waveform)) if places is None else places
    period, new_period = (SAMPLE_RATE / (100 * 2 ** (p / 12)) for p in (pitch, wanted))
    marks, margin = _marks(waveform, period, voiced), SAMPLE_RATE // 10
    length = len(wanted) + 2 * margin
    out, weight = np.zeros(length), np.zeros(length)
    padded = np.pad(waveform.astype(np.float64), margin)
    at = float(np.searchsorted(places, marks[0]))
    while at < len(wanted) and places[int(at)] < marks[-1]:
        here = int(marks[_nearest(marks, float(places[int(at)]))])
        half = int(period[here]) if voiced[here] else _UNVOICED
        window = np.hanning(2 * half + 1)
        target = round(at) + margin
        out[target - half : target + half + 1] += window * padded[here + margin - half : here + margin + half + 1]
        weight[target - half : target + half + 1] += window
        at += new_period[int(at)] if voiced[here] else _UNVOICED
    made = out / np.maximum(weight, 0.5)
    return made[margin : margin + len(wanted)].astype(np.float32)


def _nearest(marks: np.ndarray, at: float) -> int:
    right = min(int(np.searchsorted(marks, at)), len(marks) - 1)
    return right - 1 if right and at - marks[right - 1] < marks[right] - at else right


def _marks(waveform: np.ndarray, period: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """Places, one a period on the voice's strongest swing, and every 10 ms where there is no pitch."""
    low = gaussian_filter1d(waveform.astype(np.float64), SAMPLE_RATE / 6000)
    low *= np.sign(-low.min() - low.max()) or 1.0  # the side to which the pulses of the glottis go
    at = 0
    marks: list[int] = []
    while at < len(waveform):
        if voiced[at]:
            reach = int(0.25 * period[at])
            first = max(at - reach, marks[-1] + 1 if marks else 0)
            window = low[first : at + reach + 1]
            at = first + int(window.argmin()) if len(window) else at
        marks.append(at)
        at += int(period[at]) if voiced[at] else _UNVOICED
    return np.array(marks)


def whisper(waveform: np.ndarray, seed: int) -> np.ndarray:
    """Speech whose voice is replaced by breath: noise in the shape of the vocal tract, with little below 400 Hz.

    Args:
        waveform: (S,) float32 at 24 kHz.
        seed: of the noise.

    Returns:
        (S,) float32; what had no pitch stays as it is.
    """
    size = 1024
    curve = pitch_curve(waveform)
    frequencies, times, spectrum = stft(waveform, SAMPLE_RATE, nperseg=size, noverlap=size * 3 // 4)
    amplitude = np.abs(spectrum)
    cepstrum = np.fft.irfft(np.log(amplitude + 1e-6), axis=0)
    cepstrum[_ENVELOPE:-_ENVELOPE] = 0
    envelope = np.exp(np.fft.rfft(cepstrum, axis=0).real)
    noise = np.random.default_rng(seed).standard_normal(len(waveform))
    breath = stft(noise, SAMPLE_RATE, nperseg=size, noverlap=size * 3 // 4)[2]
    breath *= envelope * np.clip((frequencies - 120) / 400, 0.03, 1)[:, None]
    breath *= np.linalg.norm(amplitude, axis=0) / np.maximum(np.linalg.norm(breath, axis=0), 1e-9)
    voiced = np.zeros(len(waveform)) if curve is None else curve[1].astype(float)
    share = gaussian_filter1d(voiced, SAMPLE_RATE * 0.01)[
        np.clip(times * SAMPLE_RATE, 0, len(waveform) - 1).astype(int)
    ]
    breath *= 10 ** (_WHISPER_DB / 20)
    made = istft(share * breath + (1 - share) * spectrum, SAMPLE_RATE, nperseg=size, noverlap=size * 3 // 4)[1]
    made = np.pad(made, (0, max(0, len(waveform) - len(made))))[: len(waveform)]
    return made.astype(np.float32)


def spectral_tilt(decibels: float) -> np.ndarray:
    """(100,) float32 to add to a log-mel spectrum for a tilt of so many dB per octave about 1 kHz."""
    octaves = np.clip(np.log2(mel_scale(N_MELS + 2)[1:-1] / 1000), -2, 3)
    return (decibels * octaves * np.log(10) / 20).astype(np.float32)
