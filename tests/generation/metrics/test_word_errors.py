"""Word errors and their bootstrap interval."""

from __future__ import annotations

import numpy as np
import pytest

from generation.metrics.word_errors import bootstrap, word_alignment, word_errors


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a b c", "a b b c", 1),
        ("a b c", "", 3),
        ("", "a", 1),
        ("one two three four", "two three five four", 2),
    ],
)
def test_word_errors(said: str, heard: str, errors: int) -> None:
    pytest.importorskip("jiwer")
    assert word_errors(said.split(), heard.split()) == errors


def test_errors_are_those_of_the_alignment() -> None:
    pytest.importorskip("jiwer")
    rng = np.random.default_rng(0)
    for _ in range(300):
        said, heard = (rng.choice(list("abcdefg"), rng.integers(0, 12)).tolist() for _ in range(2))
        pairs = word_alignment(said, heard)
        assert word_errors(said, heard) == sum(i is None or j is None or said[i] != heard[j] for i, j in pairs)


def test_a_misheard_word_is_a_substitution_where_that_costs_no_more() -> None:
    assert word_alignment("x a".split(), "a y".split()) == [(0, 0), (1, 1)]


def test_word_alignment_names_what_is_missing_and_added() -> None:
    assert word_alignment("a b c".split(), "a c".split()) == [(0, 0), (1, None), (2, 1)]
    assert word_alignment("a c".split(), "a b c".split()) == [(0, 0), (None, 1), (1, 2)]
    assert word_alignment("a b".split(), "a x".split()) == [(0, 0), (1, 1)]


def test_bootstrap_surrounds_the_ratio_and_narrows_with_more_sentences() -> None:
    rng = np.random.default_rng(1)
    errors = rng.binomial(10, 0.1, 400)
    low, high = bootstrap(errors, np.full(400, 10))
    assert low < errors.sum() / 4000 < high and high - low < 0.03
    few_low, few_high = bootstrap(errors[:20], np.full(20, 10))
    assert few_high - few_low > 2 * (high - low)
