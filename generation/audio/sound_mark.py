"""Mark in the sound itself: a spread-spectrum carrier below the voice, which outlives lossy codecs, cuts and gain.

The carrier is a fixed sequence of signs, 3.2 s long at 24 kHz and repeated. Each cell of a short-time spectrum gets the
carrier's phase at a share of the cell's own level, so that the mark lies under whatever is heard in that moment and
band, and silence stays silence. The search takes the phases of the sound alone (each cell at the same level, which
takes the voice's spectrum and level away) and correlates them with the carrier at every shift. Whoever has this file
can find the mark, and can also write or remove it: it says where a sound may come from and proves nothing.

Spread spectrum: Cox et al. 1997, doi:10.1109/83.650120; whitening by the phase: Knapp and Carter 1976,
doi:10.1109/TASSP.1976.1162830.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from generation.core.clock import SAMPLE_RATE

PERIOD = 76_800
"""Samples after which the carrier begins again: 3.2 s."""
THRESHOLD = 6.5
"""Score from which the mark counts as found: of so many shifts of another sound's phases, standard deviations that
3 in a million windows reach."""
_KEY = b"parley sound mark 1"
_WINDOW, _HOP = 512, 256
_BAND = (300.0, 11_000.0)
_LEVELS = ((2000.0, -28.0), (6000.0, -20.0))
"""Level of the mark in a cell against what is in it, dB, up to 2 and from 6 kHz, where hisses hide more."""
_BLOCK = 10 * SAMPLE_RATE
_SEARCHED = 3 * PERIOD
"""Samples that are searched at a time."""
_LEAST = SAMPLE_RATE
"""Fewer at the end of a longer sound are left out."""
_QUIET = 1e-4
"""Magnitude of a cell, of a sound whose peak is 1, below which it counts less: noise of 16 bits."""


@dataclass(frozen=True)
class SoundMarkFinding:
    """What :func:`find_sound_mark` finds.

    Attributes:
        score: the highest of all windows, in standard deviations of all shifts.
        marked_seconds: length of the windows in which the mark was found.
        seconds: length of the sound.
    """

    score: float
    marked_seconds: float
    seconds: float

    @property
    def found(self) -> bool:
        """Whether it was found in any window."""
        return self.marked_seconds > 0

    @property
    def sentence(self) -> str:
        """The finding in one sentence."""
        if not self.found:
            return "No mark of this program was found in the sound."
        return f"The sound holds the mark of this program in {self.marked_seconds:.1f} s of {self.seconds:.1f} s."


def mark_sound(waveform: np.ndarray) -> np.ndarray:
    """(S,) float32 at 24 kHz with the mark; as long, and silent where it was."""
    blocks = (waveform[at : at + _BLOCK] for at in range(0, len(waveform), _BLOCK))
    return np.concatenate([np.zeros(0, np.float32), *mark_blocks(blocks)])


def mark_blocks(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same for a sound that comes in blocks of any lengths; a block lags by at most :data:`_WINDOW` samples."""
    held, tail = np.zeros(_HOP, np.float32), np.zeros(_HOP, np.float32)
    received = n_hops = 0

    def added(n_frames: int) -> np.ndarray:
        """``held`` with the mark, as far as ``n_frames`` reach."""
        nonlocal held, tail, n_hops
        spectra = _spectra(held[: (n_frames + 1) * _HOP])
        carrier = _carrier_spectra()[(n_hops + np.arange(n_frames)) % (PERIOD // _HOP)]
        halves = _pieces(_local_level(np.abs(spectra)) * carrier)
        sums = halves[:, 0] + np.concatenate([tail[None], halves[:-1, 1]])
        marked = held[: n_frames * _HOP] + sums.ravel()
        begin = 0 if n_hops else _HOP  # what lies before the sound
        held, tail, n_hops = held[n_frames * _HOP :], halves[-1, 1], n_hops + n_frames
        return marked[begin:]

    for block in blocks:
        received += len(block)
        held = np.concatenate([held, block])
        if (n_frames := len(held) // _HOP - 1) > 0:
            yield added(n_frames)
    left = received - max(0, n_hops - 1) * _HOP
    held = np.pad(held, (0, -len(held) % _HOP + _HOP))
    yield added(len(held) // _HOP - 1)[:left]


def find_sound_mark(blocks: Iterable[np.ndarray]) -> SoundMarkFinding:
    """Searches a sound that comes in blocks, (S,) float32 at 24 kHz, window by window in constant memory."""
    best, marked, seconds = 0.0, 0.0, 0.0
    for window in _windows(blocks):
        seconds += len(window) / SAMPLE_RATE
        if len(window) < _LEAST and seconds * SAMPLE_RATE > len(window):
            continue
        score = _score(window)
        best = max(best, score)
        marked += len(window) / SAMPLE_RATE if score >= THRESHOLD else 0.0
    return SoundMarkFinding(best, marked, seconds)


def _windows(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= _SEARCHED:
            yield held[:_SEARCHED]
            held = held[_SEARCHED:]
    if len(held):
        yield held


def _score(samples: np.ndarray) -> float:
    """Highest correlation of the sound's phases with the carrier at any shift, in standard deviations of all shifts."""
    if (peak := np.abs(samples).max(initial=0.0)) == 0:
        return 0.0
    spectra = _spectra(np.pad(samples / peak, (_HOP, -len(samples) % _HOP + _HOP)))
    halves = _pieces(spectra / (np.abs(spectra) + _QUIET) * (_levels() > 0))
    phases = halves[1:, 0] + halves[:-1, 1]
    folded = np.zeros(PERIOD, np.float32)
    for at in range(0, len(phases), PERIOD // _HOP):
        part = phases[at : at + PERIOD // _HOP].ravel()
        folded[: len(part)] += part
    scores = np.fft.irfft(np.fft.rfft(folded) * _carrier_spectrum(), PERIOD)
    return float(scores.max() / scores.std())


@cache
def _window() -> np.ndarray:
    """Square root of a periodic Hann window: twice applied and half overlapped it sums to 1."""
    return np.sqrt(np.hanning(_WINDOW + 1)[:-1]).astype(np.float32)


def _spectra(samples: np.ndarray) -> np.ndarray:
    """(frames, bins) of windows that begin every :data:`_HOP` samples."""
    return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP] * _window(), axis=1)


def _pieces(spectra: np.ndarray) -> np.ndarray:
    """(frames, 2, hop) float32: both halves of each frame, to be added to the neighbours'."""
    frames = np.fft.irfft(spectra, _WINDOW, axis=1).astype(np.float32) * _window()
    return frames.reshape(-1, 2, _HOP)


def _local_level(magnitudes: np.ndarray) -> np.ndarray:
    """Level of the mark: root mean square over three bins, lowered."""
    power = np.pad(magnitudes**2, ((0, 0), (1, 1)), mode="edge")
    return np.sqrt((power[:, :-2] + power[:, 1:-1] + power[:, 2:]) / 3) * _levels()


@cache
def _levels() -> np.ndarray:
    """(bins,) float32: level of the mark against the sound's, 0 outside its band."""
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    decibels = np.interp(hertz, *zip(*_LEVELS, strict=True))
    return (10 ** (decibels / 20) * ((hertz > _BAND[0]) & (hertz < _BAND[1]))).astype(np.float32)


@cache
def _carrier() -> np.ndarray:
    """(period,) float32 of 1 and -1."""
    bits = np.unpackbits(np.frombuffer(hashlib.shake_256(_KEY).digest(PERIOD // 8), np.uint8))
    return bits.astype(np.float32) * 2 - 1


@cache
def _carrier_spectra() -> np.ndarray:
    """(hops, bins) complex64 of about unit magnitude; window i covers hops i - 1 and i of the carrier."""
    around = np.concatenate([_carrier()[-_HOP:], _carrier()])
    return (_spectra(around) / np.sqrt((_window() ** 2).sum())).astype(np.complex64)


@cache
def _carrier_spectrum() -> np.ndarray:
    return np.conj(np.fft.rfft(_carrier()))
