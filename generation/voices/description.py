"""Describes a voice in words that a design accepts: pitch, range, pace, loudness, gender, age, mood, from a recording.

Syllables are counted as in de Jong and Wempe (2009), "Praat script to detect syllable nuclei": voiced peaks of level.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from generation.audio.mel_bands import log_mel
from generation.audio.pitch import track_pitch
from generation.audio.waveform import Audio
from generation.core.clock import HOP, MEL_RATE, SAMPLE_RATE
from generation.recordings.recorded_speech import find_speech
from generation.voices.vocabulary import PITCH_HERTZ

_SURE = 0.7
_VOWELS = slice(8, 62)
"""Mel bands, 150 to 3000 Hz, in which vowels stand out."""
_PEAK = 0.25
"""Natural log of amplitude by which a syllable rises above what is beside it (2.2 dB)."""
_LEVEL, _VERY_LIVELY, _LIVELY = 2.0, 4.2, 3.2
"""Standard deviation of the pitch in semitones: level up to here, lively from there."""
_SLOW, _FAST = 3.6, 4.9
"""Syllables a second while somebody speaks."""
_SOFT, _LOUD = -32.0, -16.0
"""RMS of the speech in dB of full scale."""
_WHISPERED = 0.12
"""Share of voiced frames in speech below which it is whispered."""
_PARTING, _CHILD = 160.0, 275.0
"""Hz between men and women, and from which on a voice is a child's."""


@dataclass(frozen=True)
class VoiceDescription:
    """What is heard of a voice.

    Attributes:
        hertz: median pitch; None of a whisper.
        semitones: standard deviation of the pitch.
        syllables: a second of speech.
        decibels: RMS of the speech, of full scale.
        gender: ``woman``, ``man`` or ``child``, by pitch alone; of a whisper ``person``.
        age: ``child`` or ``adult``: more cannot be told by pitch.
        pitch: ``low``, ``middle`` or ``high`` for the gender.
        range: ``level``, ``even``, ``lively`` or ``very lively``.
        pace: ``slow``, ``middle`` or ``fast``.
        loudness: ``soft``, ``normal`` or ``loud``.
        mood: ``sad``, ``calm``, ``excited``, ``whispered`` or ``neutral``.
    """

    hertz: float | None
    semitones: float
    syllables: float
    decibels: float
    gender: str
    age: str
    pitch: str
    range: str
    pace: str
    loudness: str
    mood: str

    @property
    def words(self) -> str:
        """A sentence's worth of words, which ``read_description`` reads back."""
        pitch = "medium-pitched" if self.pitch == "middle" else self.pitch
        pace = "at a normal pace" if self.pace == "middle" else self.pace
        parts = [f"{pitch} {self.gender}", pace, self.range]
        parts += [] if self.loudness == "normal" else [self.loudness]
        parts += [] if self.mood == "neutral" else [self.mood]
        return ", ".join(parts)

    def as_data(self) -> dict[str, Any]:
        """Numbers and words."""
        return asdict(self) | {"words": self.words}


def describe_voice(audio: Audio) -> VoiceDescription:
    """What is heard of whoever speaks or sings in a recording.

    Raises:
        ValueError: nobody is heard; a clause without its subject.
    """
    waveform = audio.resampled(SAMPLE_RATE).waveform
    speech = find_speech(waveform)
    if speech.level is None:
        raise ValueError("holds nobody's voice; choose one in which somebody speaks")
    mel = log_mel(waveform)
    track, speaks = track_pitch(mel), speech.speaks
    voiced = (track.voiced_share > _SURE) & speaks
    share = float(voiced.sum() / speaks.sum())
    notes = 12 * np.log2(track.hertz[voiced] / 100) if voiced.sum() > 10 else np.zeros(0)
    whispered = share < _WHISPERED or not len(notes)
    hertz = None if whispered else float(100 * 2 ** (np.median(notes) / 12))
    middle = np.abs(notes - np.median(notes)) < 10 if len(notes) else np.zeros(0, bool)
    spread = 0.0 if whispered else float(notes[middle].std())
    rate = _syllables(mel, track.voiced_share, speaks)
    power = np.square(waveform[: len(mel) * HOP].reshape(-1, HOP)).mean(1)
    decibels = float(10 * np.log10(power[speaks].mean() + 1e-12))
    gender = _gender(hertz)
    ranged = _ranged(spread)
    pace = "slow" if rate < _SLOW else "fast" if rate > _FAST else "middle"
    loudness = "soft" if decibels < _SOFT else "loud" if decibels > _LOUD else "normal"
    return VoiceDescription(
        hertz, spread, rate, decibels, gender, "child" if gender == "child" else "adult", _pitch(hertz, gender),
        ranged, pace, loudness, _mood(whispered, ranged, pace, loudness),
    )  # fmt: skip


def _gender(hertz: float | None) -> str:
    if hertz is None:
        return "person"
    return "child" if hertz >= _CHILD else "woman" if hertz >= _PARTING else "man"


def _pitch(hertz: float | None, gender: str) -> str:
    """The nearest of the three pitches of a gender, in semitones."""
    if hertz is None or gender not in PITCH_HERTZ:
        return "middle" if hertz is None else "high"
    table = PITCH_HERTZ[gender]
    return min(table, key=lambda name: abs(np.log2(table[name] / hertz)))


def _ranged(spread: float) -> str:
    if spread < _LEVEL:
        return "level"
    return "very lively" if spread > _VERY_LIVELY else "lively" if spread > _LIVELY else "even"


def _mood(whispered: bool, ranged: str, pace: str, loudness: str) -> str:
    if whispered:
        return "whispered"
    if pace == "fast" and (ranged in ("lively", "very lively") or loudness == "loud"):
        return "excited"
    if pace == "slow" and ranged == "level":
        return "sad"
    return "calm" if pace == "slow" and loudness != "loud" else "neutral"


def _syllables(mel: np.ndarray, voiced: np.ndarray, speaks: np.ndarray) -> float:
    """Syllables a second of speech: peaks of level with a voice, pauses left out."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    level = gaussian_filter1d(0.5 * np.log(np.exp(2 * mel[:, _VOWELS].astype(np.float64)).mean(1) + 1e-10), 3.0)
    peaks, _ = find_peaks(level, prominence=_PEAK, distance=8)
    counted = [at for at in peaks if speaks[at] and voiced[max(0, at - 3) : at + 4].max() > 0.5]
    return len(counted) * MEL_RATE / max(int(speaks.sum()), 1)
