"""Lyrics on notes: syllables of phonemes, each vowel from its note's beginning on, and the melody at each 10 ms.

A vowel lasts as long as its note leaves it, consonants keep their lengths: those before a vowel are sung before the
beat, as singers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from generation.core.clock import MEL_RATE, MELS_PER_FRAME
from generation.singing.notes import Note
from generation.text.ipa import NASAL, VOWELS

DIPHTHONGS = frozenset({"aɪ", "aʊ", "eɪ", "oʊ", "əʊ", "ɔɪ", "iə", "eə", "ʊə", "ɛə"})
_LENGTHENING = frozenset(f"ː{NASAL}")
_MARKS = frozenset("ˈˌ")
_SILENT = frozenset(" .,!?;:")
_LEAST_CONSONANT, _LEAST_VOWEL, _MOST_CONSONANT = 3, 6, 14
"""Mel frames (10 ms)."""
_REST = 6
"""Mel frames between two notes from which nobody sings."""
_LEAD, _TAIL = 12, 24
"""Mel frames of silence before the first sound and after the last."""
_GLIDE, _SCOOP, _SCOOP_TIME = 2.5, 0.8, 6.0
"""Mel frames of the Gaussian over which one note passes into the next; semitones from below in which a note begins
after a rest, and how long."""
_VIBRATO_AFTER, _VIBRATO_RISE, _VIBRATO_HERTZ, _VIBRATO_DEPTH = 35, 25, 5.5, 0.25
"""Mel frames of a note without vibrato, and in which it comes; its rate, and its depth in semitones."""


@dataclass(frozen=True)
class Syllable:
    """Symbols of a syllable, first and the one after the last: before its vowel, the vowel, and after it."""

    start: int
    vowel: int
    after: int
    stop: int


@dataclass(frozen=True)
class Sung:
    """Phonemes on their notes.

    Attributes:
        phonemes: a pause at both ends included.
        durations: mel frames of each symbol; they sum to a multiple of 4.
        numbers: (M,) float32 MIDI number at each mel frame, with glides and vibrato.
    """

    phonemes: str
    durations: tuple[int, ...]
    numbers: np.ndarray


def lyrics(ipa: str) -> str:
    """IPA of a text as it is sung: without its punctuation, single pauses between words, one at both ends."""
    return f" {' '.join(''.join(' ' if symbol in _SILENT else symbol for symbol in ipa).split())} "


def syllables(phonemes: str) -> list[Syllable]:
    """Syllables of phonemes as of :func:`lyrics`: one for each vowel or diphthong.

    Consonants between two vowels of a word belong to the later one, but for the first of several.
    """
    nuclei: list[tuple[int, int]] = []
    at = 0
    while at < len(phonemes):
        if phonemes[at] not in VOWELS:
            at += 1
            continue
        stop = at + 1 + (phonemes[at : at + 2] in DIPHTHONGS)
        while stop < len(phonemes) and phonemes[stop] in _LENGTHENING:
            stop += 1
        nuclei.append((at, stop))
        at = stop
    bounds = [0]
    for (_, stop), (start, _) in pairwise(nuclei):
        between = phonemes[stop:start]
        if " " in between:
            bounds.append(stop + between.rindex(" "))
        else:
            consonants = [i for i, symbol in enumerate(between) if symbol not in _MARKS]
            bounds.append(stop + (consonants[1] if len(consonants) > 1 else 0))
    bounds.append(len(phonemes))
    return [Syllable(a, *vowel, b) for (a, b), vowel in zip(pairwise(bounds), nuclei, strict=True)]


def grouped(notes: Sequence[Note]) -> list[list[Note]]:
    """Notes by the syllable that they are sung on."""
    groups: list[list[Note]] = []
    for note in notes:
        if note.tied and groups:
            groups[-1].append(note)
        else:
            groups.append([note])
    return groups


def misfit(phonemes: str, notes: Sequence[Note]) -> str | None:
    """Why lyrics do not fit notes, and the repair; None where they do."""
    sung, groups = syllables(phonemes), grouped(notes)
    if len(sung) != len(groups):
        words = f"the words have {len(sung)} syllable{'s' * (len(sung) != 1)}"
        fix = "tie notes of one syllable with ~" if len(groups) > len(sung) else "add notes, or take words away"
        return f"{words}, and there are notes for {len(groups)}; {fix}"
    starts = [group[0].start for group in groups]
    for number, (syllable, group) in enumerate(zip(sung, groups, strict=True)):
        after = [sung[number + 1].vowel - syllable.after] if number + 1 < len(sung) else [0]
        free = starts[number + 1] - starts[number] if number + 1 < len(sung) else group[-1].stop - group[0].start
        least = (_LEAST_VOWEL + _LEAST_CONSONANT * after[0]) / MEL_RATE
        if free < least:
            note = f"note {number + 1} ({group[0].name}) lasts {free:.2f} s"
            return f"{note}, and its syllable takes {least:.2f} s; make it longer, or the tempo slower"
    return None


def on_notes(phonemes: str, spoken: Sequence[int], notes: Sequence[Note]) -> Sung:
    """Lyrics sung on notes.

    Args:
        phonemes: as of :func:`lyrics`.
        spoken: mel frames of each symbol where it is spoken.
        notes: which they fit, see :func:`misfit`; the first begins the line.
    """
    sung, groups = syllables(phonemes), grouped(notes)
    lengths = [_consonant(symbol, n) for symbol, n in zip(phonemes, spoken, strict=True)]
    lead = _LEAD + sum(lengths[1 : sung[0].vowel])
    onsets = [lead + round(MEL_RATE * (group[0].start - notes[0].start)) for group in groups]
    ends = [lead + round(MEL_RATE * (group[-1].stop - notes[0].start)) for group in groups]
    lengths[0] = _LEAD
    for number, syllable in enumerate(sung):
        last = number + 1 == len(sung)
        following = len(phonemes) - 1 if last else sung[number + 1].vowel
        between = range(syllable.after, following)
        room = (ends[number] if last else onsets[number + 1]) - onsets[number]
        gap = 0 if last else onsets[number + 1] - ends[number]
        pauses = [i for i in between if phonemes[i] == " "]
        if gap >= _REST and pauses:
            lengths[pauses[0]] = max(1, gap - sum(lengths[i] for i in between if i > pauses[0]))
        _fit(lengths, between, room - _LEAST_VOWEL)
        _share(lengths, spoken, range(syllable.vowel, syllable.after), room - sum(lengths[i] for i in between))
    lengths[-1] = _TAIL
    lengths[-1] += -sum(lengths) % MELS_PER_FRAME
    return Sung(phonemes, tuple(lengths), melody(notes, lead, sum(lengths)))


def _consonant(symbol: str, spoken: int) -> int:
    if symbol in _MARKS or symbol == " ":
        return 1
    return min(max(spoken, _LEAST_CONSONANT), _MOST_CONSONANT)


def _fit(lengths: list[int], places: Sequence[int], room: int) -> None:
    """Shorten symbols until they fit, the longest first."""
    while places and sum(lengths[i] for i in places) > max(room, len(places)):
        longest = max(places, key=lambda i: lengths[i])
        lengths[longest] -= 1


def _share(lengths: list[int], spoken: Sequence[int], vowel: Sequence[int], mels: int) -> None:
    """A vowel over so many mel frames: the second half of a diphthong keeps its length, the first takes the rest."""
    rest = mels
    for i in list(vowel)[:0:-1]:
        lengths[i] = max(1, min(spoken[i], 12, rest - 1))
        rest -= lengths[i]
    lengths[vowel[0]] = max(1, rest)


def melody(notes: Sequence[Note], lead: int, n_mels: int) -> np.ndarray:
    """MIDI number at each of so many mel frames, (n_mels,) float32; the first note begins after ``lead`` of them."""
    edges = [lead + round(MEL_RATE * (note.start - notes[0].start)) for note in notes]
    stops = [lead + round(MEL_RATE * (note.stop - notes[0].start)) for note in notes]
    steps = np.full(n_mels, notes[0].number, np.float64)
    for note, edge in zip(notes, edges, strict=True):
        steps[edge:] = note.number
    made = gaussian_filter1d(steps, _GLIDE, mode="nearest")
    for number, (edge, stop) in enumerate(zip(edges, stops, strict=True)):
        following = edges[number + 1] if number + 1 < len(edges) else n_mels
        stop = min(stop, following)
        at = np.arange(stop - edge)
        if number == 0 or edge - stops[number - 1] >= _REST:
            made[edge:stop] -= _SCOOP * np.exp(-at / _SCOOP_TIME)
            made[max(0, edge - _MOST_CONSONANT) : edge] -= _SCOOP
        rise = ((at - _VIBRATO_AFTER) / _VIBRATO_RISE).clip(0, 1)
        made[edge:stop] += _VIBRATO_DEPTH * rise * np.sin(2 * np.pi * _VIBRATO_HERTZ / MEL_RATE * at)
    return made.astype(np.float32)
