"""Recordings as the model hears them: the speech in them, brought to the level of the speech that it learned from.

Music, noise and room tone are no voice: they move no mouth, and no gain is measured on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.audio.mel_bands import log_mel
from generation.core.arrays import runs
from generation.core.clock import HOP, LOG_FLOOR, MEL_RATE
from generation.recordings.speech_mask import speech_mask

SPEECH_LEVEL = -2.0
"""Natural log of the RMS mel amplitude of speech, median of the training corpus."""
_SURE, _SPREAD = 0.5, 3.0
"""Presence, smoothed over 30 ms, from which somebody speaks."""
_LEAST_SHARE, _CLEAR_SHARE, _CLEAR_TIME, _LEAST_RUN = 0.12, 0.25, 0.08, 8
"""Of the power in a stretch that is speech: less is no voice, this much a clear one; of a recording in which there is a
clear voice; and frames of 10 ms of the shortest stretch."""
_DEPTH = 1.6
"""Factor on the mask: where lips close under music, what the network leaves of it would hold them open."""
_CLEAN, _FULLY_MASKED = 0.999, 0.995
"""Share of a recording's power that is speech: of one above, the mask costs more lip timing than it brings; from here
on it counts in full."""
_LEAST_SPEECH = 0.2
"""Seconds of speech below which a recording holds none: a knock or a note may pass for a syllable."""
_MOST_GAIN = 300.0
_PEAK = 0.98


@dataclass(frozen=True)
class RecordedSpeech:
    """The speech in a recording.

    Attributes:
        speaks: (M,) bool, 10 ms in which somebody speaks.
        level: natural log of the RMS mel amplitude of the speech; None without any.
        share: of the recording's power that is speech while somebody speaks, 0..1.
        bands: (M, 100) float32, natural log of the share of speech in each mel band.
    """

    speaks: np.ndarray
    level: float | None
    share: float
    bands: np.ndarray

    @property
    def lead_in(self) -> float:
        """Seconds before anybody speaks; 0 without any speech."""
        return float(self.speaks.argmax()) / MEL_RATE if self.speaks.any() else 0.0


def find_speech(waveform: np.ndarray) -> RecordedSpeech:
    """Where somebody speaks in a recording (S,) at 24 kHz, and how loudly."""
    return _find(log_mel(waveform))


def _find(mel: np.ndarray) -> RecordedSpeech:
    if not len(mel):
        return RecordedSpeech(np.zeros(0, bool), None, 0.0, mel)
    from scipy.ndimage import gaussian_filter1d  # late: the check imports this module for every scene

    mask = speech_mask(mel)
    heard = np.exp(2 * mel.astype(np.float64))
    spoken = heard * np.exp(2 * mask.bands)
    speaks = gaussian_filter1d(mask.presence, _SPREAD) > _SURE
    spans = [(a, b, float(spoken[a:b].sum() / heard[a:b].sum())) for a, b in runs(speaks)]
    # What little of music passes for a voice is none, unless a clear voice is there that may be drowned at times.
    clear = sum(stop - start for start, stop, share in spans if share >= _CLEAR_SHARE)
    least = _LEAST_SHARE if clear >= _CLEAR_TIME * len(mel) else _CLEAR_SHARE
    for start, stop, share in spans:
        if stop - start < _LEAST_RUN or share < least:
            speaks[start:stop] = False
    if speaks.sum() < _LEAST_SPEECH * MEL_RATE:
        return RecordedSpeech(np.zeros(len(mel), bool), None, 0.0, mask.bands)
    level = 0.5 * float(np.log(spoken[speaks].mean() + 1e-12))
    return RecordedSpeech(speaks, level, float(spoken[speaks].sum() / heard[speaks].sum()), mask.bands)


def speech_gain(speech: RecordedSpeech) -> float:
    """Factor that brings a recording's speech to the level of the training corpus; 1 without any speech."""
    return 1.0 if speech.level is None else min(float(np.exp(SPEECH_LEVEL - speech.level)), _MOST_GAIN)


def levelled(waveform: np.ndarray) -> np.ndarray:
    """A recording (S,) at 24 kHz with its speech at the level of the training corpus, peaks below full scale.

    One without speech stays as it is: nobody's room tone is lifted.
    """
    gain = speech_gain(find_speech(waveform))
    return (min(gain, _PEAK / max(float(np.abs(waveform).max(initial=0.0)), 1e-9)) * waveform).astype(np.float32)


def speech_log_mel(waveform: np.ndarray) -> np.ndarray:
    """Log-mel (S / 240, 100) of the speech alone in a recording (S,) at 24 kHz, at the training corpus' level.

    Bands that are music or noise are turned down by their share, and where nobody speaks there is silence.
    """
    mel = log_mel(waveform)
    speech = _find(mel)
    silence = np.float32(np.log(LOG_FLOOR))
    if speech.level is None:
        return np.full_like(mel, silence)
    # The sound itself is raised, not its spectrogram, whose floor would rise with it.
    mel = log_mel(np.float32(speech_gain(speech)) * waveform)
    depth = np.float32(_DEPTH * np.clip((_CLEAN - speech.share) / (_CLEAN - _FULLY_MASKED), 0, 1))
    return np.where(_widened(speech.speaks)[:, None], np.maximum(mel + depth * speech.bands, silence), silence)


def _widened(speaks: np.ndarray) -> np.ndarray:
    """With the 60 ms around each stretch, in which soft sounds begin and die away."""
    return np.convolve(speaks, np.ones(13), "same") > 0 if len(speaks) else speaks


def without_other_sounds(waveform: np.ndarray) -> np.ndarray:
    """A recording (S,) at 24 kHz that is silent wherever nobody speaks."""
    speaks = np.repeat(_widened(find_speech(waveform).speaks), HOP)
    return waveform * np.pad(speaks, (0, len(waveform) - len(speaks)))
