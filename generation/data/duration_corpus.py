"""Training data of the duration predictor: durations in recordings, and the teacher's for synthetic sentences."""

from __future__ import annotations

import json
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice, pairwise
from pathlib import Path

import numpy as np

from generation.core.clock import HOP, MEL_RATE
from generation.data.corpus import UNIT_SAMPLES, SpeechCorpus
from generation.data.corpus_builder import (
    BLEND_SHARE,
    MORE_VOICES,
    SYMBOLS_ALLOWED,
    TRAINING_VOICES,
    Splits,
    accent,
    blend,
    foreign_voices,
    read_manifest,
    tidy_texts,
    with_accent,
)
from generation.data.kokoro import LengthTeacher
from generation.text.phoneme_sequence import PAUSE
from generation.text.phonemizer import phonemize
from generation.text.timed_phonemes import CORPUS_DELAY_SECONDS

logger = logging.getLogger(__name__)
FILE = "lengths.jsonl"
"""Beside a corpus's manifest."""
_KNOWN_SHARE, _PRESET_SHARE = 0.35, 0.5
_LONGEST = 28
"""Words of an invented sentence."""
_CHUNK = 250
_SHORTEST = 0.3
"""Mel frames; the first symbol is the shorter by the corpus's delay."""


@dataclass(frozen=True)
class DurationExample:
    """One sentence: L symbols with a pause at both ends, mel frames of each at speed 1, voice name -> weight."""

    phonemes: str
    durations: tuple[float, ...]
    voices: dict[str, float]
    language: str = "en-us"


def recorded_durations(features: SpeechCorpus) -> list[DurationExample]:
    """Durations of the training recordings."""
    rows = features.split("train")
    return [DurationExample(u.phonemes, tuple(d * u.speed for d in u.durations), u.voices, u.language) for u in rows]


def read_teacher_durations(corpus: Path) -> list[DurationExample]:
    """Those that :func:`build_teacher_durations` wrote into the folder of a corpus; none if it did not."""
    rows = read_manifest(corpus / FILE)
    return [
        DurationExample(
            PAUSE + r["phonemes"] + PAUSE, tuple(on_mel_clock(r["lengths"])), r["voices"], r.get("lang", "en-us")
        )
        for r in rows
    ]


def on_mel_clock(units: Sequence[float]) -> np.ndarray:
    """The teacher's lengths, whole or not, in units of 25 ms -> mel frames, as recordings have them: without the delay.

    A sound of less than a unit lasts one, as it does in the teacher's speech.
    """
    boundaries = np.cumsum(np.maximum(units, 1)) * UNIT_SAMPLES / HOP
    boundaries[:-1] -= CORPUS_DELAY_SECONDS * MEL_RATE
    return np.diff(boundaries.clip(1), prepend=0).clip(_SHORTEST)


class WordChain:
    """Invents sentences in which each word follows the one before it in some sentence that is known.

    Args:
        texts: sentences with their marks, of :func:`generation.data.corpus_builder.tidy_texts`.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._following: dict[str | None, list[str | None]] = defaultdict(list)
        for text in texts:
            for word, following in pairwise((None, *text.split(), None)):
                self._following[word].append(following)

    def sentence(self, rng: random.Random) -> str:
        """A synthetic sentence of 2 to 28 words."""
        while True:
            words: list[str] = []
            while (word := rng.choice(self._following[words[-1] if words else None])) and len(words) <= _LONGEST:
                words.append(word)
            if 2 <= len(words) <= _LONGEST:
                return tidy_texts([" ".join(words)])[0]


def build_teacher_durations(
    out: Path,
    teacher: LengthTeacher,
    texts: Sequence[str],
    splits: Splits,
    seed: int,
    wanted: int,
    workers: int,
    stopped: Callable[[], bool],
    language: str | None = None,
) -> None:
    """Adds rows to ``lengths.jsonl`` until this seed has ``wanted``, or ``stopped()``; goes on where it was stopped.

    Args:
        out: folder of the corpus.
        teacher: who knows the lengths.
        texts: sentences; a third of the rows are such, the others invented from their words.
        splits: only training sentences are taken, and nothing is invented from others.
        seed: of who says what; another one adds to the same file.
        wanted: rows of this seed.
        workers: sentences at a time.
        stopped: asked after every 250 sentences.
        language: of the texts where it is not English, by its name in eSpeak NG.

    Raises:
        ValueError: no text is a training sentence.
    """
    usable = [text for text in texts if splits.of(text) == "train"]
    if not usable:
        raise ValueError(f"None of the {len(texts)} texts is a training sentence; give other ones.")
    path = out / FILE
    mine = [row["id"] for row in read_manifest(path) if row["id"].startswith(f"r{seed}-")]
    drawn = _sentences(seed, usable, splits, 1 + int(mine[-1].partition("-")[2]) if mine else 0, language)
    have = len(mine)

    def measured(row: dict) -> dict:
        lengths = teacher.lengths(row["phonemes"], with_accent(row["voices"], row["lang"], row["accent"]))
        return row | {"lengths": [round(float(n), 2) for n in lengths]}

    with ThreadPoolExecutor(workers) as pool, path.open("a", encoding="utf-8") as file:
        while have < wanted and not stopped():
            rows = list(pool.map(measured, islice(drawn, min(_CHUNK, wanted - have))))
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            file.flush()
            have += len(rows)
            logger.info("lengths of %d sentences", have)


def _sentences(seed: int, texts: list[str], splits: Splits, first: int, language: str | None) -> Iterator[dict]:
    """What is said in which voice, without end; each depends on seed and number alone."""
    chain = WordChain(texts)
    for number in count(first):
        rng = random.Random(f"{seed}/{number}")
        text = rng.choice(texts) if rng.random() < _KNOWN_SHARE else chain.sentence(rng)
        strength = 0.0
        if language:
            voices, strength = foreign_voices(rng, language)
        elif rng.random() < BLEND_SHARE:
            voices = blend(rng)
        else:
            known = rng.random() < _PRESET_SHARE
            voices = {rng.choice(TRAINING_VOICES if known else TRAINING_VOICES + MORE_VOICES): 1.0}
        try:
            phonemes = phonemize(text, lang := language or accent(voices))
        except ValueError:
            continue
        if len(phonemes) in range(2, SYMBOLS_ALLOWED.stop) and splits.of(text) == "train":
            yield {
                "id": f"r{seed}-{number:06d}", "text": text, "lang": lang, "phonemes": phonemes, "voices": voices,
                "accent": strength,
            }  # fmt: skip
