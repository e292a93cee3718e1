"""Quality check of a recording as a voice reference: length, speech, noise, clipping, speakers (numpy only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.audio.voice_activity import CLIP_LOUD_QUANTILE, CLIP_RANGE_DB, is_speech
from generation.audio.waveform import Audio

LEAST_SECONDS, MOST_SECONDS = 5.0, 15.0
"""A speaker embedding from 5 s is the one from 15 s within a cosine of 0.99, from 2 s within 0.83."""
LEAST_SPEECH_SECONDS = 3.0
_FRAME_SECONDS = 0.02
_TOO_NOISY_DB, _NOISY_DB = 22.0, 34.0
"""From the loud frames down to the background."""
_CLIPPED_SHARE = 0.01
"""Clean speech has 0.0005, at most 0.0013, of its samples near its peak; clipped by 10 dB it has 0.03."""
_TWO_PITCHES = 5.0
"""Semitones between two groups of phrases at which two people may be heard."""
_PITCH_RATE, _PITCH_WINDOW = 8000, 400
_LEAST_PITCH, _MOST_PITCH = 60, 400


@dataclass(frozen=True)
class ClipAssessment:
    """Result of :func:`assess_clip`; sentences without their subject, such as "is clipped; record it softer".

    Attributes:
        problems: a voice cannot be taken from it.
        warnings: it can, but not so well.
    """

    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def best_excerpt(audio: Audio) -> Audio:
    """The 15 s of a clip with most speech; a shorter clip as it is."""
    length = round(MOST_SECONDS / _FRAME_SECONDS)
    level = _levels(audio)
    if len(level) <= length:
        return audio
    spoken = np.concatenate([[0], np.cumsum(_speech(level))])
    first = int(np.argmax(spoken[length:] - spoken[:-length]))
    frame = round(_FRAME_SECONDS * audio.sampling_rate)
    return Audio(audio.waveform[first * frame : (first + length) * frame], audio.sampling_rate)


def assess_clip(audio: Audio) -> ClipAssessment:
    """Checks a clip's best 15 s: length, amount of speech, clipping, background noise, number of speakers."""
    if audio.seconds < LEAST_SECONDS:
        return ClipAssessment((f"lasts {audio.seconds:.1f} s; use {LEAST_SECONDS:g} to {MOST_SECONDS:g} s",), ())
    assessment = assess_excerpt(best_excerpt(audio), LEAST_SPEECH_SECONDS)
    if audio.seconds > MOST_SECONDS:
        long = f"lasts {audio.seconds:.0f} s; the {MOST_SECONDS:g} s with most speech are used"
        return ClipAssessment(assessment.problems, (long, *assessment.warnings))
    return assessment


def assess_excerpt(excerpt: Audio, least: float) -> ClipAssessment:
    """The same for an excerpt of any length that should hold at least ``least`` seconds of speech."""
    problems, warnings = [], []
    level = _levels(excerpt)
    seconds = float(_speech(level).sum()) * _FRAME_SECONDS
    contrast = float(np.quantile(level, CLIP_LOUD_QUANTILE) - np.quantile(level, 0.05))
    if contrast < _TOO_NOISY_DB:
        problems.append(
            f"has noise or music only {contrast:.0f} dB below the voice; record it where it is quiet, without music"
        )
    elif seconds < least:
        problems.append(f"holds only {seconds:.1f} s of speech; use one with at least {least:g} s")
    elif contrast < _NOISY_DB:
        warnings.append(f"has noise {contrast:.0f} dB below the voice, which will colour it; a quieter room helps")
    if is_clipped(excerpt.waveform):
        problems.append("is clipped; record it at a lower level")
    if not problems and pitch_groups_apart(excerpt):
        warnings.append("sounds as if two people spoke in it; use one with a single speaker")
    return ClipAssessment(tuple(problems), tuple(warnings))


def _levels(audio: Audio) -> np.ndarray:
    """Level of each 20 ms in dB of full scale, at least -90, (N,)."""
    frame = round(_FRAME_SECONDS * audio.sampling_rate)
    frames = audio.waveform[: len(audio) // frame * frame].reshape(-1, frame)
    return 10 * np.log10(np.square(frames.astype(np.float64)).mean(1) + 1e-9)


def _speech(level: np.ndarray) -> np.ndarray:
    return is_speech(level, CLIP_RANGE_DB, CLIP_LOUD_QUANTILE)


def pitch_groups_apart(audio: Audio) -> bool:
    """Whether phrases of a recording lie around two pitches, as of two people."""
    return _pitch_groups(audio, _levels(audio)) > _TWO_PITCHES


def is_clipped(waveform: np.ndarray) -> bool:
    """Whether the peaks of a recording (S,) are cut flat: that crowds samples near the greatest.

    Of 30 recordings cut by 6 dB at 48 kHz and resampled to 24 kHz it finds 24, of clean ones under music or noise none.
    """
    size = np.abs(waveform)
    return len(size) > 0 and bool((size > 0.85 * np.quantile(size, 0.9999)).mean() > _CLIPPED_SHARE)


def _pitch_groups(audio: Audio, level: np.ndarray) -> float:
    """Semitones between the pitches of two groups of phrases, each at least a fifth of the speech; 0 for one group."""
    pitch = autocorrelation_pitch(audio)[: len(level)]
    loud = _speech(level)[: len(pitch)]
    phrases: list[list[float]] = [[]]
    silent = 0
    for value, speaks in zip(pitch, loud, strict=True):
        silent = 0 if speaks else silent + 1
        if silent == 8 and phrases[-1]:
            phrases.append([])
        if np.isfinite(value):
            phrases[-1].append(value)
    long = sorted((float(np.median(p)), len(p)) for p in phrases if len(p) >= 12)
    if len(long) < 2:
        return 0.0
    medians, lengths = np.array(long).T
    share = np.cumsum(lengths)[:-1] / lengths.sum()
    steps = np.diff(medians)[(share >= 0.2) & (share <= 0.8)]
    return float(steps.max(initial=0.0))


def autocorrelation_pitch(audio: Audio) -> np.ndarray:
    """Pitch in semitones above 100 Hz of each 20 ms, NaN where there is none: the autocorrelation's first high peak."""
    sound = audio.resampled(_PITCH_RATE).waveform
    hop = round(_FRAME_SECONDS * _PITCH_RATE)
    frames = np.lib.stride_tricks.sliding_window_view(sound, _PITCH_WINDOW)[::hop].astype(np.float64)
    frames = frames - frames.mean(1, keepdims=True)
    window = np.hanning(_PITCH_WINDOW)
    first, last = _PITCH_RATE // _MOST_PITCH, _PITCH_RATE // _LEAST_PITCH
    own = np.fft.irfft(np.abs(np.fft.rfft(frames * window, 1024)) ** 2)[:, : last + 1]
    taper = np.fft.irfft(np.abs(np.fft.rfft(window, 1024)) ** 2)[: last + 1]
    similar = (own / np.maximum(own[:, :1], 1e-12) / (taper / taper[0]))[:, first:]
    best = similar.max(1)
    rising = np.diff(similar, axis=1, prepend=-1) >= 0
    falling = np.diff(similar, axis=1, append=-1) <= 0
    lag = first + (rising & falling & (similar > 0.88 * best[:, None])).argmax(1)
    return np.where(best > 0.6, 12 * np.log2(_PITCH_RATE / lag / 100), np.nan)
