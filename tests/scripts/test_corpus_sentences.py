"""Sentences of other languages for training, and those that are held out."""

from __future__ import annotations

import re

import pytest

from generation.data.corpus_builder import NATIVE_VOICES, TRAINING_VOICES, draw_recipe, tidy_texts
from scripts.build_corpus import LANGUAGES, SENTENCES
from scripts.corpus_sentences import sentences, word_rows
from scripts.evaluation.inputs import language_sentences


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_distinct_filled_and_apart_from_those_held_out(language: str) -> None:
    drawn, held_out = sentences(language, SENTENCES), language_sentences(language)
    assert len(set(drawn)) == SENTENCES and len(set(held_out)) == 60
    assert not [text for text in drawn if re.search(r"[{}\[\]_\d]|  ", text)]
    assert not set(tidy_texts(drawn)) & set(tidy_texts(held_out))
    assert sentences(language, 60) == drawn[:60] != sentences(language, 60, seed=1)


@pytest.mark.parametrize("language", NATIVE_VOICES)
def test_presets_speak_each_language_with_an_accent_that_the_model_is_not_told(language: str) -> None:
    texts = ["Ciao a tutti."]
    recipes = [draw_recipe(0, index, texts, language) for index in range(200)]
    natives, presets = ([r for r in recipes if bool(r.accent) == kind] for kind in (False, True))
    assert {name for r in natives for name in r.voices} == {*NATIVE_VOICES[language]}
    assert {name for r in presets for name in r.voices} == {*TRAINING_VOICES}
    assert all(r.spoken == r.voices for r in natives) and all(list(r.voices.values()) == [1.0] for r in recipes)
    for recipe in presets:  # as much English is taken away as is put in of the native voices
        assert sum(recipe.spoken.values()) == pytest.approx(1)
        assert sum(recipe.spoken[native] for native in NATIVE_VOICES[language]) == pytest.approx(recipe.accent)
    assert {recipe.lang for recipe in recipes} == {language} and recipes[7] == draw_recipe(0, 7, texts, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_rows_of_words_are_distinct_and_of_the_language(language: str) -> None:
    pytest.importorskip("wordfreq")
    rows = word_rows(language, 300)
    words = {word for row in rows for word in re.findall(r"\w+", row.casefold())}
    assert len(set(rows)) == 300 and len(words) > 800 and not words & {"the", "and", "with"}
