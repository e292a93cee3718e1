"""Voice cloning from a clip: pitch and timbre are measured on trial readings and corrected.

The encoder hears which voice it is, but speech from its embedding keeps to voices that the base knows: pitch off by up
to four semitones, and a spectrum of its own. Two things are measured on trial readings and corrected. The embedding is
moved along the direction in which the table's voices grow higher, until the readings have the clip's pitch; and what
their mean spectra lack of the clip's becomes the voice's timbre correction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from generation.audio.mel import mel_spectrogram
from generation.audio.pitch import median_pitch
from generation.audio.timbre import timbre_correction
from generation.audio.waveform import Audio
from generation.core.clock import MELS_PER_FRAME
from generation.core.performance import CastMember, Line
from generation.models.duration_predictor import DurationPredictor
from generation.pipeline.joint import JointPipeline
from generation.text.phonemizer import phonemize
from generation.voices.bank import clip_mel, embed_mel

READING = (
    "The yellow ferry leaves the harbour at noon.",
    "Could you show me the way through the old town?",
    "We had fish and chips, and far too much good coffee.",
)
"""What is read on trial, about eight seconds; the evaluation has none of it."""
_READINGS = 3
_NEAR = 1 / 48
"""Octaves (a quarter of a semitone) within which a pitch is right."""
_SLOPE, _SLOPES = 0.6, (0.3, 1.5)
"""Octaves by which the pitch follows a step meant for one: at first, and what is believed of two readings."""
_FARTHEST = 0.7
"""Octaves that an embedding may be moved in all; a clip that asks for more was misheard."""


@dataclass(frozen=True)
class ClonedVoice:
    """A voice as the pipeline wants it.

    Attributes:
        embedding: (64,) float32, point in the voice table.
        timbre: (2, 100) float32 of :mod:`generation.audio.timbre`, or None.
    """

    embedding: np.ndarray
    timbre: np.ndarray | None


def clone_voice(audio: Audio, pipeline: JointPipeline, durations: DurationPredictor, octave: np.ndarray) -> ClonedVoice:
    """The voice of the person who speaks in a recording, its best 15 s counting; some twenty seconds of trial readings.

    Args:
        audio: the clip.
        pipeline: reads.
        durations: its rhythm.
        octave: (64,) what an embedding changes by for a pitch an octave higher (``VoiceBank.octave``).

    Raises:
        ValueError: less than half a second, in which no voice is heard.
    """
    clip = clip_mel(audio)
    first = embed_mel(clip)
    wanted, moved, slope = median_pitch(clip), 0.0, _SLOPE
    tried: list[tuple[float, float, np.ndarray]] = []  # octaves moved, octaves that are still missing, reading
    while True:
        reading = _read(pipeline, durations, first + np.float32(moved) * octave)
        pitch = median_pitch(reading)
        away = 0.0 if wanted is None or pitch is None else float(np.log2(wanted / pitch))
        if tried:
            slope = float(np.clip((tried[-1][1] - away) / (moved - tried[-1][0]), *_SLOPES))
        tried.append((moved, away, reading))
        following = float(np.clip(moved + away / slope, -_FARTHEST, _FARTHEST))
        if abs(away) < _NEAR or following == moved or len(tried) == _READINGS:
            break
        moved = following
    moved, _, reading = min(tried, key=lambda one: abs(one[1]))
    return ClonedVoice(first + np.float32(moved) * octave, timbre_correction(reading, clip))


def _read(pipeline: JointPipeline, durations: DurationPredictor, embedding: np.ndarray) -> np.ndarray:
    """Log-mel (M, 100) of the sound of the trial sentences in a voice."""
    lines, start = [], 0
    for number, text in enumerate(READING):
        phonemes = f" {phonemize(text, 'en-us')} "
        lengths = durations.predict(phonemes, embedding, seed=number)
        lines.append(Line(str(number), 0, start, sum(lengths) // MELS_PER_FRAME, phonemes, lengths))
        start = lines[-1].stop
    part = pipeline(lines, [CastMember("READER", embedding)], start).characters[0]
    return mel_spectrogram(torch.from_numpy(part.speech)).numpy()
