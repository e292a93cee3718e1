"""Forced alignment of phonemes to a recording: the model says the same words, time warping lays one on the other.

Forced alignment by synthesis and dynamic time warping (Malfrère and Dutoit, "High-quality speech synthesis for phonetic
speech segmentation", Eurospeech 1997): what the model says has known times, the warping carries them over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import dct
from scipy.spatial.distance import cdist
from torch import Tensor

from generation.audio.mel import mel_spectrogram
from generation.core.clock import MELS_PER_FRAME
from generation.models.duration_predictor import DurationPredictor
from generation.models.flow import velocity
from generation.models.joint_inputs import AUDIO_CHANNELS, JointInputs
from generation.models.normalizer import LatentNormalizer
from generation.models.transformer import JointTransformer
from generation.pipeline.sampling import noise_levels
from generation.text.languages import LANGUAGE_INDEX
from generation.text.phoneme_sequence import timed_symbols

_STEPS = 8
_COEFFICIENTS = 16
_TEMPERATURE = 0.75
UNLIKE = 0.86
"""Distance above which a recording does not say its words."""


@dataclass(frozen=True)
class Alignment:
    """Phonemes on a recording.

    Attributes:
        durations: mel frames of each symbol; they sum to those of the recording.
        distance: of the recording from the model's speech along the warping, over its distance from the same speech
            backwards; about 1 for other words.
    """

    durations: tuple[int, ...]
    distance: float


class ForcedAligner:
    """Lays words on recordings.

    Args:
        transformer: speaks; only its audio stream is used.
        durations: says how long each symbol lasts, before the warping.
    """

    def __init__(self, transformer: JointTransformer, durations: DurationPredictor) -> None:
        self._transformer, self._durations = transformer, durations
        self._normalizer = LatentNormalizer.of(transformer)

    def align(self, waveform: np.ndarray, phonemes: str, voice: np.ndarray, language: str = "en-us") -> Alignment:
        """Times of the phonemes of a recording.

        Args:
            waveform: (960 n,) float32 at 24 kHz, with little silence before and after the speech.
            phonemes: what is said, a pause at both ends included.
            voice: (64,) of whom it sounds like.
            language: of the words, by its name in eSpeak NG.

        Raises:
            ValueError: more phonemes than the recording has room for.
        """
        mel = mel_spectrogram(torch.from_numpy(waveform)).numpy()
        if len(mel) < 2 * len(phonemes):
            raise ValueError(f"{len(phonemes)} phonemes cannot be said in {len(mel) / 100:.1f} s")
        natural = sum(self._durations.predict(phonemes, voice, language=language))
        durations = self._durations.predict(phonemes, voice, natural / len(mel), language=language)
        said = self._say(phonemes, durations, voice, language)
        found, wanted = _features(mel), _features(said)
        cost = cdist(found, wanted)
        path = _warp(cost)
        edges = np.searchsorted(path, np.cumsum(durations)[:-1])
        lengths = _at_least_one(np.diff(np.concatenate([[0], edges, [len(mel)]])))
        backwards = cost[:, ::-1]
        near, far = (c[np.arange(len(c)), p].mean() for c, p in ((cost, path), (backwards, _warp(backwards))))
        return Alignment(tuple(lengths), float(near / far))

    @torch.no_grad()
    def _say(self, phonemes: str, durations: tuple[int, ...], voice: np.ndarray, language: str) -> np.ndarray:
        """The model's own log-mel (M, 100) of the phonemes at these durations, without guidance."""
        device = self._transformer.device
        n_frames = sum(durations) // MELS_PER_FRAME
        ids, place = timed_symbols(phonemes, durations, self._transformer.config.n_symbols)
        row = torch.tensor([[[LANGUAGE_INDEX[language]]]], device=device)
        symbols, places = (torch.from_numpy(array)[None, None].to(device) for array in (ids, place))
        speaker = torch.from_numpy(np.append(voice, 1).astype(np.float32))[None, None].to(device)
        noise = torch.randn((1, 1, n_frames, AUDIO_CHANNELS), generator=torch.Generator().manual_seed(0))
        x: Tensor = (_TEMPERATURE * noise).to(device)
        given = torch.zeros(1, 1, n_frames, device=device)
        for sigma in noise_levels(_STEPS).tolist():
            level = x.new_full((1,), sigma)
            clean = self._transformer(JointInputs(x, level, symbols, places, speaker, given, language=row)).audio
            x = x - velocity(x, clean, sigma) / _STEPS
        return self._normalizer.mel(x[0, 0].cpu().numpy())


def _features(mel: np.ndarray) -> np.ndarray:
    """Cepstra and loudness of log-mel (M, 100), each with mean 0 and spread 1 over the recording, and their changes."""
    floored = np.maximum(mel, mel.max() - 9.0)
    cepstra = dct(floored, axis=1, norm="ortho")[:, :_COEFFICIENTS]
    cepstra = (cepstra - cepstra.mean(0)) / np.maximum(cepstra.std(0), 1e-3)
    cepstra[:, 0] *= 2
    change = np.gradient(cepstra, axis=0)
    return np.concatenate([cepstra, 1.5 * change], 1)


def _warp(cost: np.ndarray) -> np.ndarray:
    """Which frame of the model's speech each frame of the recording is, (M,) int, rising by 0, 1 or 2 a frame."""
    m, n = cost.shape
    penalty = (0.15 * cost.mean(), 0.0, 0.15 * cost.mean())
    total = np.full(n, np.inf)
    total[0] = cost[0, 0]
    steps = np.zeros((m, n), np.int8)
    for i in range(1, m):
        ways = np.full((3, n), np.inf)
        ways[0] = total + penalty[0]
        ways[1, 1:] = total[:-1] + penalty[1]
        ways[2, 2:] = total[:-2] + penalty[2]
        steps[i] = ways.argmin(0)
        total = ways.min(0) + cost[i]
    path = np.zeros(m, int)
    path[-1] = n - 1 if np.isfinite(total[-1]) else int(np.isfinite(total).nonzero()[0][-1])
    for i in range(m - 1, 0, -1):
        path[i - 1] = path[i] - steps[i, path[i]]
    return path


def _at_least_one(lengths: np.ndarray) -> list[int]:
    """Whole lengths, none of them 0, of the same sum: what is missing is taken from the longest."""
    made = [int(n) for n in lengths]
    for i, n in enumerate(made):
        if n < 1:
            made[made.index(max(made))] -= 1 - n
            made[i] = 1
    return made
