"""A melody, a timing and a course of loudness imposed on speech: PSOLA at a tracked pitch, and gains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from generation.audio.effects import overlap_add
from generation.audio.mel_bands import log_mel
from generation.audio.pitch import track_pitch
from generation.core.clock import HOP, MELS_PER_FRAME
from generation.singing.notes import Note
from generation.text.ipa import VOWELS

_VOICED = 0.5
_FARTHEST = 10.0
"""Semitones from a voice's middle beyond which a pitch is the tracker's mistake."""
WHISPERED = 0.15
"""Share of voiced frames among the loud ones below which a recording has no melody: it is whispered."""
_LOUD, _FAINTEST, _SMOOTH, _MOST_GAIN = 20.0, 40.0, 5.0, 9.0
"""dB below the loudest frames in which it is heard whether somebody whispers, and in which there is a pitch; mel frames
of the Gaussian over a level; dB of gain."""
_REST = 6
"""Mel frames from which a pause is silent: breath that is drawn out is a hum."""
_EDGE = 5
"""Mel frames at either end of a vowel that keep their time."""
_SHORTEST = 8
"""Mel frames of the shortest note that is heard in a recording."""
_STEP = 0.7
"""Semitones from which another pitch is another note."""


def pitch_of(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """MIDI numbers (M,) each 10 ms of a voice (240 M,), NaN where it has no pitch, and its level (M,) in dB."""
    mel = log_mel(waveform)
    track = track_pitch(mel)
    numbers = 69 + 12 * np.log2(track.hertz.astype(np.float64) / 440)
    level = 10 * np.log10(np.square(waveform[: len(mel) * HOP].reshape(-1, HOP)).mean(1) + 1e-10)
    loud = level > np.quantile(level, 0.95) - _LOUD
    voiced = (track.voiced_share > _VOICED) & loud
    if voiced.sum() < WHISPERED * loud.sum():
        return np.full(len(mel), np.nan), level
    middle = np.median(numbers[voiced])
    voiced = (track.voiced_share > _VOICED) & (level > np.quantile(level, 0.95) - _FAINTEST)
    return np.where(voiced & (np.abs(numbers - middle) < _FARTHEST), numbers, np.nan), level


def at_pitch(
    waveform: np.ndarray, numbers: np.ndarray, places: np.ndarray | None = None, sounding: np.ndarray | None = None
) -> np.ndarray:
    """A voice (S,) at another pitch, and in another time.

    Args:
        waveform: (240 M,) float32 at 24 kHz.
        numbers: (N,) MIDI number each 10 ms of what is made.
        places: (240 N,) sample of the waveform that is heard at each sample; None = its own time, N = M.
        sounding: (M,) bool, where it has a pitch even if none is tracked there, as in a creaking vowel.

    Returns:
        (240 N,) float32; a waveform without pitch is only brought to the time.
    """
    own, _ = pitch_of(waveform)
    known = np.isfinite(own)
    samples, middles = np.arange(len(waveform)), (np.arange(len(own)) + 0.5) * HOP
    filled = np.interp(np.arange(len(own)), np.flatnonzero(known), own[known]) if known.any() else np.full(len(own), 60)
    pitch = _above_hundred(np.interp(samples, middles, median_filter(filled, 3)))
    known = known if sounding is None or not known.any() else known | sounding
    voiced = np.interp(samples, middles, known.astype(float)) > 0.5
    wanted = np.interp(np.arange(len(numbers) * HOP), (np.arange(len(numbers)) + 0.5) * HOP, numbers)
    return overlap_add(waveform, pitch, voiced, _above_hundred(wanted), places)


def _above_hundred(numbers: np.ndarray) -> np.ndarray:
    return numbers - 69 + 12 * np.log2(4.4)


def with_melody_of(spoken: np.ndarray, recording: np.ndarray) -> np.ndarray:
    """Speech (S,) with the melody and the course of loudness of a recording (S,) of the same words in the same time.

    The melody is moved to the register of the speech, by their medians. One that is whispered has neither: then the
    speech keeps its own.
    """
    theirs, level = pitch_of(recording)
    own, _ = pitch_of(spoken)
    heard, sung = np.isfinite(theirs), np.isfinite(own)
    if not heard.any() or not sung.any():
        return spoken
    moved = theirs - np.median(theirs[heard]) + np.median(own[sung])
    made = at_pitch(spoken, np.interp(np.arange(len(moved)), np.flatnonzero(heard), moved[heard]))
    _, before = pitch_of(made)
    return _louder(made, _course(level) - _course(before))


def _course(level: np.ndarray) -> np.ndarray:
    """Level in dB over time, less that of its loud frames, nothing so soft that it is a pause."""
    smooth = 10 * np.log10(gaussian_filter1d(10 ** (level / 10), _SMOOTH))
    return np.maximum(smooth - np.quantile(smooth, 0.9), -1.5 * _LOUD)


def _louder(waveform: np.ndarray, gain: np.ndarray) -> np.ndarray:
    each = gaussian_filter1d(gain.clip(-_MOST_GAIN, _MOST_GAIN), 2.0)
    samples = np.interp(np.arange(len(waveform)), (np.arange(len(each)) + 0.5) * HOP, each)
    made = waveform * (10 ** (samples / 20)).astype(np.float32)
    return (made / max(1.0, float(np.abs(made).max(initial=0.0)))).astype(np.float32)


def sung(
    spoken: np.ndarray, phonemes: str, lengths: Sequence[int], durations: Sequence[int], numbers: np.ndarray
) -> np.ndarray:
    """Speech sung: in other time and at given pitches.

    Args:
        spoken: (240 M,) float32 at 24 kHz.
        phonemes: its symbols.
        lengths: mel frames of each of them; they sum to M.
        durations: mel frames of each symbol as it is sung.
        numbers: (N,) MIDI number at each mel frame of what is made; N is the sum of ``durations``.
    """
    places = np.interp(np.arange(len(numbers) * HOP), *_time_map(lengths, durations))
    vowels = np.repeat([symbol in VOWELS or symbol == "ː" for symbol in phonemes], lengths)
    rests = np.repeat([symbol == " " and n > _REST for symbol, n in zip(phonemes, durations, strict=True)], durations)
    heard = np.repeat(gaussian_filter1d(1.0 - rests, 1.0), HOP).astype(np.float32)
    made = heard * at_pitch(spoken, numbers, places, vowels)
    return (made / max(1.0, float(np.abs(made).max(initial=0.0)))).astype(np.float32)


def _time_map(lengths: Sequence[int], durations: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Samples of what is sung, and of the speech heard there; of a long sound the middle is drawn out."""
    sung_at, spoken_at = [0], [0]
    came, went = 0, 0
    for length, duration in zip(lengths, durations, strict=True):
        edge = min(_EDGE, length // 3)
        if duration > length and edge:
            sung_at += [came + edge, came + duration - edge]
            spoken_at += [went + edge, went + length - edge]
        came, went = came + duration, went + length
        sung_at.append(came)
        spoken_at.append(went)
    return HOP * np.array(sung_at), HOP * np.array(spoken_at)


def heard_notes(recording: np.ndarray, count: int) -> tuple[Note, ...]:
    """Notes of whoever sings or hums in a recording (S,), tied so that they are sung on ``count`` syllables.

    Raises:
        ValueError: nobody sings in it, or fewer notes than syllables; one clause without its subject.
    """
    whole = recording[: len(recording) // (HOP * MELS_PER_FRAME) * HOP * MELS_PER_FRAME]
    numbers, level = pitch_of(whole)
    spans = _steady(numbers)
    if not spans:
        raise ValueError("holds no notes; choose one in which somebody sings or hums")
    notes = [Note(float(round(np.nanmedian(numbers[a:b]))), a / 100, (b - a) / 100) for a, b in spans]
    if len(notes) < count:
        raise ValueError(f"has {len(notes)} notes, and the words have {count} syllables; sing one for each syllable")
    dips = [_dip(level, numbers, one, other) for one, other in zip(spans, spans[1:], strict=False)]
    tied = set(np.argsort(dips)[: len(notes) - count] + 1) if len(notes) > count else set()
    return tuple(Note(n.number, n.start, n.seconds, i in tied) for i, n in enumerate(notes))


def _dip(level: np.ndarray, numbers: np.ndarray, one: tuple[int, int], other: tuple[int, int]) -> float:
    """How much a note is parted from the one before it: dB between them, and time without a voice."""
    least = level[one[1] - 3 : other[0] + 3].min()
    return float(min(level[slice(*one)].max(), level[slice(*other)].max()) - least) + (other[0] - one[1])


def _steady(numbers: np.ndarray) -> list[tuple[int, int]]:
    """Spans of mel frames in which one note is held: pitch without a jump, from its onset to where it ends."""
    spans: list[tuple[int, int]] = []
    begin = None
    smooth = numbers.copy()
    known = np.isfinite(numbers)
    for at in range(len(numbers) + 1):
        voiced = at < len(numbers) and known[at]
        if begin is not None:
            middle = np.median(smooth[begin : begin + max(_SHORTEST, at - begin)][: at - begin])
            left = not voiced and not (at + 3 < len(numbers) and known[at + 1 : at + 4].any())
            ahead = numbers[at : at + _SHORTEST]
            other = (
                voiced
                and len(ahead) >= _SHORTEST
                and abs(np.nanmedian(ahead) - middle) > _STEP
                and abs(numbers[at] - middle) > _STEP / 2
            )
            if left or other:
                if at - begin >= _SHORTEST:
                    spans.append((begin, at))
                begin = at if other else None
        elif voiced:
            begin = at
    return spans
