"""Cleaning of a recording: speech without noise and reverberation, and the rest; both sum exactly to the recording.

Sources: weighted prediction error for the reverberation (Nakatani et al. 2010, "Speech dereverberation based on
variance-normalized delayed linear prediction"); spectral subtraction (Boll 1979) of the noise, whose spectrum comes
from the speech mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.audio.mel_bands import PAD, hann_window, mel_filter_bank, sound_frames
from generation.core.clock import HOP, LOG_FLOOR, MEL_RATE, N_FFT
from generation.recordings.speech_mask import speech_mask

_NOISE_SECONDS = 1.0
"""Either way, over which the noise's spectrum is taken as steady."""
_TAKEN, _LEAST_POWER = 0.7, 0.1
"""Share of that spectrum which is taken away, and what of the power is left at least."""
_LEAST_GAIN = 0.03
"""Amplitude that is left of what is noise (-30 dB): less sounds like holes."""
_TAPS, _DELAY, _ROUNDS = 30, 3, 2
"""Frames of 10 ms by which late reverberation is predicted, from so many frames before on; rounds."""


@dataclass(frozen=True)
class Cleaned:
    """Speech (S,) and everything else (S,) of a recording, float32; their sum is the recording."""

    speech: np.ndarray
    rest: np.ndarray


def clean_recording(waveform: np.ndarray) -> Cleaned:
    """Parts a recording (S,) at 24 kHz into speech and the rest."""
    padded = np.pad(waveform, (0, -len(waveform) % HOP)).astype(np.float32)
    spectrum = np.fft.rfft(sound_frames(padded) * hann_window())
    dry = without_reverberation(spectrum)
    speech = _istft(_gain(dry) * dry)[: len(waveform)].astype(np.float32)
    return Cleaned(speech, (waveform - speech).astype(np.float32))


def without_reverberation(spectrum: np.ndarray) -> np.ndarray:
    """A spectrum (M, 513) complex without its late reverberation."""
    made = np.array(spectrum)
    for at in range(spectrum.shape[1]):
        made[:, at] = _predicted_away(spectrum[:, at])
    return made


def _predicted_away(band: np.ndarray) -> np.ndarray:
    """One band (M,) less what can be predicted of it from some frames before."""
    n = len(band)
    if n <= _TAPS + _DELAY:
        return band
    before = np.stack([np.concatenate((np.zeros(_DELAY + k), band[: n - _DELAY - k])) for k in range(_TAPS)])
    made = band
    for _ in range(_ROUNDS):
        power = np.convolve(np.abs(made) ** 2, np.ones(3) / 3, "same")
        weighted = before / np.maximum(power, 1e-4 * power.mean() + 1e-12)
        own = weighted @ before.conj().T
        own += (1e-4 * np.trace(own).real / _TAPS + 1e-12) * np.eye(_TAPS)
        taps = np.linalg.solve(own, weighted @ band.conj())
        made = band - taps.conj() @ before
    return made


def _gain(spectrum: np.ndarray) -> np.ndarray:
    """Share of speech in the amplitude of each bin of a spectrum (M, 513).

    The mask says it of mel bands; between the harmonics the spectrum of the noise beside the speech takes more away.
    """
    power, bank = np.abs(spectrum) ** 2, mel_filter_bank()
    mel = np.log(np.maximum(np.abs(spectrum) @ bank, LOG_FLOOR)).astype(np.float32)
    spread = bank / np.maximum(bank.sum(1, keepdims=True), 1e-9)
    speech = (np.exp(speech_mask(mel).bands) @ spread.T).clip(0, 1)
    reach = round(_NOISE_SECONDS * MEL_RATE)
    kernel = np.hanning(2 * reach + 3)[1:-1]
    kernel /= kernel.sum()
    noisy = 1 - speech**2
    noise = _along_time(noisy * power, kernel) / np.maximum(_along_time(noisy, kernel), 1e-2)
    left = np.sqrt(np.maximum(1 - _TAKEN * noise / np.maximum(power, 1e-12), _LEAST_POWER))
    return np.maximum(speech * left, _LEAST_GAIN)


def _along_time(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Each column of (M, F) smoothed by a kernel."""
    from scipy.ndimage import convolve1d  # late: the check imports this room for every scene

    return convolve1d(values, kernel, axis=0, mode="nearest")


def _istft(spectrum: np.ndarray) -> np.ndarray:
    """Sound (240 M,) of a spectrum (M, 513) by weighted overlap-add."""
    window, n = hann_window(), len(spectrum)
    sound, total = np.zeros((n - 1) * HOP + N_FFT), np.zeros((n - 1) * HOP + N_FFT)
    for at, frame in enumerate(np.fft.irfft(spectrum, N_FFT) * window):
        sound[at * HOP : at * HOP + N_FFT] += frame
        total[at * HOP : at * HOP + N_FFT] += window**2
    return (sound / np.maximum(total, 1e-8))[PAD : PAD + n * HOP]
