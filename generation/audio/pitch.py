"""F0 tracking on log-mel spectrograms (Viterbi), and the harmonics and pulses that belong to a pitch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from generation.audio.mel import mel_filters
from generation.core.clock import HOP, N_FFT, SAMPLE_RATE

LOWEST, HIGHEST = 60.0, 420.0
"""Hz."""
_CANDIDATES = 140
_RIPPLE = 2.0
"""Mel bands of the Gaussian that parts the harmonics from the envelope, the vocal tract."""
RESOLVED = 45
"""Mel bands, from below, in which harmonics of a voice can be told apart."""
_JUMP, _LARGEST_JUMP = 0.04, 1.0
"""What a change of pitch by one candidate (1.4 %) costs, in units of correlation, and what any change costs at most."""
_STILL = 0.3
"""Ripples (norm over the resolved bands) as weak as this are halved in what they say."""
_BIN = SAMPLE_RATE / N_FFT
_DEEPEST = -4.0
_SURE, _LEAST_VOICED = 0.7, 20
_HIGHEST_HARMONIC = 11_500.0


@dataclass(frozen=True)
class Pitch:
    """Pitch track: F0 and voicing over time.

    Attributes:
        hertz: (M,) float32, one value each 10 ms; a guess where nothing is voiced.
        voicing: (M,) float32, correlation of the frame's fine structure with that of its pitch, 0..1.
    """

    hertz: np.ndarray
    voicing: np.ndarray

    @property
    def voiced_share(self) -> np.ndarray:
        """Share of a voice in each frame, (M,) float32: 0 friction, breath and silence, 1 surely a voice."""
        return ((self.voicing - 0.2) / 0.4).clip(0, 1)


def envelope(mel: np.ndarray) -> np.ndarray:
    """A log-mel spectrogram (..., 100) without its fine structure (harmonics)."""
    return gaussian_filter1d(mel, _RIPPLE, axis=-1)


def track_pitch(mel: np.ndarray) -> Pitch:
    """F0 of a log-mel spectrogram (M, 100): the pitch whose harmonics match its spectral fine structure best.

    Each frame is compared with a row of harmonics at each candidate; the path through the candidates, without jumps, is
    found by dynamic programming (Viterbi), as usual for trackers.
    """
    fine = (mel - envelope(mel))[:, :RESOLVED]
    fit = fine @ _fine_of_candidates().T
    fit = fit / (np.linalg.norm(fine, axis=1, keepdims=True) + _STILL)
    apart = np.abs(np.subtract.outer(np.arange(_CANDIDATES), np.arange(_CANDIDATES)))
    cost = np.minimum(_JUMP * apart, _LARGEST_JUMP).astype(np.float32)
    total, came_from = fit[0], np.zeros(fit.shape, np.int64)
    for i in range(1, len(fit)):
        reached = total[None] - cost
        came_from[i] = reached.argmax(1)
        total = fit[i] + reached.max(1)
    path = np.zeros(len(fit), np.int64)
    path[-1] = total.argmax()
    for i in range(len(fit) - 1, 0, -1):
        path[i - 1] = came_from[i, path[i]]
    fractional = _between(fit, path)
    octaves = np.log2(HIGHEST / LOWEST) * gaussian_filter1d(fractional, 1.0, mode="nearest") / (_CANDIDATES - 1)
    voicing = fit[np.arange(len(fit)), path].clip(0, 1)
    return Pitch((LOWEST * 2**octaves).astype(np.float32), voicing.astype(np.float32))


def median_pitch(mel: np.ndarray) -> float | None:
    """Median F0 in Hz over the voiced frames of a log-mel spectrogram (M, 100); None with next to none of them."""
    track = track_pitch(mel)
    sure = track.voiced_share > _SURE
    return float(np.median(track.hertz[sure])) if sure.sum() >= _LEAST_VOICED else None


def _between(fit: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Candidates with the fraction at which a parabola through three neighbours has its top."""
    rows, inner = np.arange(len(fit)), path.clip(1, _CANDIDATES - 2)
    below, at, above = (fit[rows, inner + k] for k in (-1, 0, 1))
    bend = (below - 2 * at + above).clip(max=-1e-6)
    return inner + (0.5 * (below - above) / bend).clip(-0.5, 0.5)


def harmonics(hertz: Tensor) -> Tensor:
    """Natural log of the amplitude spectrum of a row of equal harmonics: (..., M) Hz -> (..., M, 513), -4 to 0.

    Each harmonic is the main lobe of the Hann window that spectra are taken with.
    """
    frequency = torch.arange(N_FFT // 2 + 1, device=hertz.device) * _BIN
    number = (frequency / hertz[..., None]).round().clamp(min=1)
    bins = (frequency - number * hertz[..., None]).abs() / _BIN
    # sinc(x) / (1 - x^2) is 1/2 where both are 0.
    at_zero = (bins - 1).abs() < 1e-3
    lobe = torch.where(at_zero, 0.5, torch.sinc(bins) / torch.where(at_zero, 1.0, 1 - bins.square()))
    return torch.where(bins < 2, lobe, 0.0).log().clamp(min=_DEEPEST)


def pulses(hertz: Tensor) -> Tensor:
    """Sound of a row of equal harmonics up to 11.5 kHz, as a voice without a mouth: (B, M) Hz -> (B, 240 M) float32."""
    each = torch.nn.functional.interpolate(hertz[:, None].double(), scale_factor=HOP, mode="linear")[:, 0]
    turn = torch.cumsum(each / SAMPLE_RATE, 1) * 2 * torch.pi
    count = (_HIGHEST_HARMONIC / each).floor()
    below = 2 * (turn / 2).sin()
    # The sum of cosines in closed form (Dirichlet's kernel); at a pulse itself all of them are 1.
    at_pulse = below.abs() < 1e-4
    kernel = ((count + 0.5) * turn).sin() / torch.where(at_pulse, 1.0, below) - 0.5
    return torch.where(at_pulse, count, kernel).float()


@cache
def _fine_of_candidates() -> np.ndarray:
    """Unit vectors (candidates, resolved bands)."""
    hertz = torch.logspace(np.log2(LOWEST), np.log2(HIGHEST), _CANDIDATES, base=2)
    mel = (harmonics(hertz).exp() @ mel_filters(torch.device("cpu"))).log().numpy()
    fine = (mel - envelope(mel))[:, :RESOLVED]
    return fine / np.linalg.norm(fine, axis=1, keepdims=True)
