"""Cuts a long recording into sentences by its text, at the pauses where the lengths fit best."""

from __future__ import annotations

import re

import numpy as np

from generation.audio.voice_activity import speech_frames
from generation.core.clock import FPS, SAMPLES_PER_FRAME
from generation.finetuning.transcription import TranscribedSegment

_LEAST_PAUSE = 5
"""Video frames of a pause at which may be cut."""
_SPREAD = 0.25
"""Of the time that sentences take, over what their letters let expect, as a logarithm."""
_JOINED = 3.0
"""Cost of leaving two sentences together, in squared spreads."""
_LONG_PAUSE = 4.0
"""What a pause of a second is worth more than none, in the same unit: sentences end at the longer ones."""
_MOST_JOINED = 3
_ENDS = 2.0
"""Letters' worth of time that every sentence takes besides its own: the last one is drawn out."""


def cut(waveform: np.ndarray, text: str) -> list[TranscribedSegment]:
    """The sentences of a text, some of them joined, each with the stretch of the recording that should say it.

    By dynamic programming over the pauses: each sentence should take the time that its letters take at the pace of the
    whole. Whether it is really said there is for :class:`generation.pipeline.forced_alignment.ForcedAligner` to tell.

    Args:
        waveform: (S,) float32 at 24 kHz.
        text: what is said in it.

    Returns:
        Pieces in their order; the recording as a whole where it cannot be cut.
    """
    loud = speech_frames(waveform[: len(waveform) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME])
    sentences = [part for part in re.split(r"(?<=[.!?…])[\"'”’)]*\s+", text.strip()) if part]
    spoken = np.concatenate([[0], np.cumsum(loud)])
    places = [(0, 0.0), *_pauses(loud), (len(loud), 0.0)]
    letters = np.array([_ENDS + sum(map(str.isalnum, sentence)) for sentence in sentences])
    if len(sentences) < 2 or not loud.any():
        return [TranscribedSegment(0.0, len(loud) / FPS, text)]
    expected = np.concatenate([[0], np.cumsum(letters / letters.sum() * loud.sum())])
    best = np.full((len(sentences) + 1, len(places)), np.inf)
    before = np.zeros((*best.shape, 2), int)
    best[0, 0] = 0
    for i in range(1, len(sentences) + 1):
        for joined in range(1, min(_MOST_JOINED, i) + 1):
            wanted = expected[i] - expected[i - joined]
            for j in range(1, len(places)):
                took = np.array([spoken[places[j][0]] - spoken[places[k][0]] for k in range(j)])
                apart = np.log(np.maximum(took, 1) / wanted) / _SPREAD
                cost = best[i - joined, :j] + apart**2 + _JOINED * (joined - 1) - _LONG_PAUSE * places[j][1]
                k = int(cost.argmin())
                if cost[k] < best[i, j]:
                    best[i, j], before[i, j] = cost[k], (i - joined, k)
    i, j = len(sentences), len(places) - 1
    pieces: list[TranscribedSegment] = []
    while i:
        first, k = before[i, j]
        pieces.append(TranscribedSegment(places[k][0] / FPS, places[j][0] / FPS, " ".join(sentences[first:i])))
        i, j = first, k
    return pieces[::-1]


def _pauses(loud: np.ndarray) -> list[tuple[int, float]]:
    """Middle frame and seconds, at most one, of each pause between two stretches of speech."""
    frames = np.flatnonzero(loud)
    ends = np.flatnonzero(np.diff(frames) > _LEAST_PAUSE)
    lengths = np.diff(frames)[ends] - 1
    return [(int(frames[e] + 1 + n // 2), min(n / FPS, 1.0)) for e, n in zip(ends, lengths, strict=True)]
