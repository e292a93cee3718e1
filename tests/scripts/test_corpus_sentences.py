"""Sentences of other languages for training, and those that are held out."""

from __future__ import annotations

import re

import pytest

from generation.data.corpus_builder import NATIVE_VOICES, TRAINING_VOICES, draw_recipe, tidy_texts
from scripts.build_corpus import LANGUAGES, SENTENCES
from scripts.corpus_sentences import sentences
from scripts.evaluation.inputs import language_sentences


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_distinct_filled_and_apart_from_those_held_out(language: str) -> None:
    drawn, held_out = sentences(language, SENTENCES), language_sentences(language)
    assert len(set(drawn)) == SENTENCES and len(set(held_out)) == 60
    assert not [text for text in drawn if re.search(r"[{}\[\]_\d]|  ", text)]
    assert not set(tidy_texts(drawn)) & set(tidy_texts(held_out))
    assert sentences(language, 60) == drawn[:60] != sentences(language, 60, seed=1)


@pytest.mark.parametrize("language", NATIVE_VOICES)
def test_presets_and_native_voices_speak_each_language_alone_and_blended(language: str) -> None:
    texts = ["Ciao a tutti."]
    recipes = [draw_recipe(0, index, texts, language) for index in range(200)]
    pairs = [tuple(recipe.voices) for recipe in recipes]
    assert {voice for pair in pairs for voice in pair} == {*NATIVE_VOICES[language], *TRAINING_VOICES}
    assert {len(pair) for pair in pairs} == {1, 2} and all(abs(sum(r.voices.values()) - 1) < 1e-9 for r in recipes)
    assert {recipe.lang for recipe in recipes} == {language} and recipes[7] == draw_recipe(
        0, 7, ["Ciao a tutti."], language
    )
