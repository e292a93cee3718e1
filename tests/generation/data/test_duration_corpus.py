"""Lengths without sound: invented sentences, whose they are, resuming, and the clock they are put on."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from corpora import TEXTS, synthetic_features

from generation.data.corpus import durations_on_grid
from generation.data.corpus_builder import MORE_VOICES, TRAINING_VOICES, Splits, tidy_texts
from generation.data.duration_corpus import (
    FILE,
    DurationExample,
    WordChain,
    build_teacher_durations,
    on_mel_clock,
    read_teacher_durations,
    recorded_durations,
)


class _Clock:
    """A teacher for whom every symbol lasts 2.4 units, and the start one 8."""

    def lengths(self, phonemes: str, voices: Mapping[str, float]) -> np.ndarray:
        return np.array([8.0, *[2.4] * (len(phonemes) + 1)], np.float32)


def _build(folder: Path, wanted: int, seed: int = 0, texts: list[str] = TEXTS, workers: int = 2) -> list[dict]:
    build_teacher_durations(folder, _Clock(), texts, Splits(), seed, wanted, workers, lambda: False)
    return [json.loads(line) for line in (folder / FILE).read_text(encoding="utf-8").splitlines()]


def test_invented_sentences_hold_known_pairs_of_words_and_are_new() -> None:
    texts = tidy_texts(["The cat sat on the mat", "A dog sat on a chair", "The dog ran to the mat", "Yes"])
    pairs = {pair for text in texts for pair in pairwise(text.split())}
    chain, rng = WordChain(texts), random.Random(1)
    made = [chain.sentence(rng) for _ in range(200)]
    assert all(set(pairwise(text.split())) <= pairs and len(text.split()) > 1 for text in made)
    assert set(made) - set(texts) and "Yes." not in made


def test_rows_go_on_where_they_stopped_and_depend_on_the_seed(tmp_path: Path) -> None:
    for name in ("whole", "halves"):
        (tmp_path / name).mkdir()
    whole = _build(tmp_path / "whole", 40)
    _build(tmp_path / "halves", 15, workers=1)
    with (tmp_path / "halves" / FILE).open("a") as file:
        file.write('{"id": "r0-0000')  # what a killed run leaves
    assert _build(tmp_path / "halves", 40) == whole and len({row["id"] for row in whole}) == 40
    assert _build(tmp_path / "halves", 40) == whole, "there is enough"
    more = _build(tmp_path / "halves", 10, seed=1)[40:]
    assert len(more) == 10 and not {row["text"] for row in more} & {row["text"] for row in whole[:10]}


def test_voices_are_those_of_training_in_their_own_pronunciation(tmp_path: Path) -> None:
    rows = _build(tmp_path, 300)
    assert {v for row in rows for v in row["voices"]} <= {*TRAINING_VOICES, *MORE_VOICES}
    kinds = Counter(len(row["voices"]) for row in rows)
    assert 30 < kinds[2] < 90 and kinds[1] + kinds[2] == 300
    for row in rows:
        if "number" in row["text"]:
            british = next(iter(row["voices"])).startswith("b")
            assert ("nˈʌmbə" in row["phonemes"], "nˈʌmbɚ" in row["phonemes"]) == (british, not british)


def test_no_sentence_that_is_kept_for_tests_is_asked(tmp_path: Path) -> None:
    splits = Splits()
    held_out = [text for text in TEXTS if splits.of(text) != "train"]
    assert len(held_out) > 5
    assert not {row["text"] for row in _build(tmp_path, 400)} & set(held_out)
    with pytest.raises(ValueError, match="give other ones"):
        _build(tmp_path, 1, texts=held_out)


def test_lengths_stand_on_the_clock_of_recordings() -> None:
    units = [8, 1, 3, 5, 2, 9]
    found = on_mel_clock(units)
    np.testing.assert_allclose(np.cumsum(found)[:-1], np.cumsum(durations_on_grid(units, 18))[:-1], atol=0.51)
    assert found[1:-1] == pytest.approx([2.5, 7.5, 12.5, 5.0]) and found[-1] == pytest.approx(9 * 2.5 + 6)
    assert on_mel_clock([8, 0.2, 3.3])[1] == pytest.approx(2.5), "less than a unit is one"
    assert on_mel_clock([1, 1, 4]).min() > 0


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_teacher_durations(tmp_path) == []
    row = _build(tmp_path, 3)[0]
    rhythm = read_teacher_durations(tmp_path)[0]
    assert rhythm.phonemes == f" {row['phonemes']} " and len(rhythm.durations) == len(rhythm.phonemes)
    assert rhythm.durations[1:-1] == pytest.approx([6.0] * len(row["phonemes"]), abs=0.01)
    assert rhythm.voices == row["voices"]


def test_recordings_are_taken_at_speed_one_and_only_those_of_training() -> None:
    corpus = synthetic_features()
    hurried = replace(corpus, utterances=(replace(corpus.utterances[0], speed=2.0), *corpus.utterances[1:]))
    found = recorded_durations(hurried)
    assert len(found) == 5 and found[0] == DurationExample(
        " həlˈoʊ ", (40.0, *[20.0] * 6, 160.0), {"af_a": 0.5, "bm_b": 0.5}
    )
