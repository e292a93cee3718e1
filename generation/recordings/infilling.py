"""Gaps in recordings: what was sampled for a gap becomes sound that joins the recording on both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from generation.audio.mel_bands import log_mel
from generation.core.clock import HOP, MELS_PER_FRAME, SAMPLES_PER_FRAME
from generation.core.performance import Gap, Line
from generation.recordings.recorded_speech import find_speech, speech_gain

JOIN = 720
"""Samples (30 ms) on either side of a gap over which the recording passes into what is made."""
_AROUND = 60
"""Mel frames of the recording on either side that the vocoder hears."""


class MelDecoder(Protocol):
    """Turns log-mel into sound, some of which may be known: the vocoder."""

    @property
    def device(self) -> torch.device:
        """Where it runs."""

    def decode(self, mel: Tensor, *, known: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Log-mel (B, N, 100) to sound (B, 240 N); ``known`` is sound and how much of it stays, (B, 240 N) each."""


def fill_gaps(
    line: Line, finished: Callable[[np.ndarray], np.ndarray], sampled: np.ndarray, vocoder: MelDecoder
) -> np.ndarray:
    """A line's recording (S,) with sound in its gaps; outside them and their joins no sample changes.

    Args:
        line: with a recording.
        finished: makes the log-mel (N, 100) of speech of what was sampled.
        sampled: (4 n_frames, 100) log-mel of the line, at the level to which recordings are brought for the model.
        vocoder: turns log-mel into sound.
    """
    sound: np.ndarray = np.array(line.recording, np.float32)
    if not line.gaps:
        return sound
    mel, made = log_mel(sound), finished(sampled) - np.float32(np.log(speech_gain(find_speech(sound))))
    for first, stop in _in_mels(line.gaps):
        mel[first:stop] = made[first:stop]
    given = np.min([_given(gap, len(sound)) for gap in line.gaps], axis=0)
    for first, stop in _in_mels(line.gaps):
        begin, end = max(0, first - _AROUND), min(len(mel), stop + _AROUND)
        samples = slice(HOP * begin, HOP * end)
        spectrum, around, share = (
            torch.from_numpy(each)[None].to(vocoder.device) for each in (mel[begin:end], sound[samples], given[samples])
        )
        piece = vocoder.decode(spectrum, known=(around, share))[0].cpu().numpy()
        own = slice(max(0, HOP * first - JOIN), HOP * stop + JOIN)
        part = piece[own.start - samples.start : own.stop - samples.start]
        sound[own] = np.where(given[own] < 1, part.clip(-1, 1), sound[own])
    return sound


def _in_mels(gaps: Iterable[Gap]) -> list[tuple[int, int]]:
    return [(MELS_PER_FRAME * gap.first, MELS_PER_FRAME * gap.stop) for gap in gaps]


def _given(gap: Gap, n_samples: int) -> np.ndarray:
    """(S,) float32: 1 where the recording stays, falling to 0 over the joins of a gap."""
    at = np.arange(n_samples, dtype=np.float32) + 0.5
    before = (SAMPLES_PER_FRAME * gap.first - at) / JOIN
    after = (at - SAMPLES_PER_FRAME * gap.stop) / JOIN
    return np.maximum(before, after).clip(0, 1)
