"""Words that are replaced in a spoken line: which ones, with what sounds and lengths, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from durations import SevenEach

from generation.core.performance import Line
from generation.text.phonemizer import phonemize
from studio.acting.marks import NewWord
from studio.core.problems import DocumentError
from studio.editing.actions import read_line_action
from studio.editing.script_edits import apply_line_action
from studio.scene.schema import Scene
from studio.timeline.new_words import find_word, new_text, with_new_words
from studio.timeline.timeline import Speaker, build_timeline

TEXT = "We meet on Tuesday, not on Friday."


def of_its_kind(phonemes: str) -> Sequence[int]:
    """Lengths that differ from symbol to symbol."""
    return [3 + ord(symbol) % 5 for symbol in phonemes]


def spoken(text: str) -> Line:
    phonemes = f" {phonemize(text)} "
    durations = list(of_its_kind(phonemes))
    durations[-1] += -sum(durations) % 4
    return Line("a", 0, 0, sum(durations) // 4, phonemes, tuple(durations))


def replaced(text: str, *news: NewWord) -> tuple[Line, Line]:
    line = spoken(text)
    return line, with_new_words(line, text, news, phonemize, of_its_kind)


@pytest.mark.parametrize(
    ("to", "sounds"),
    [("Wednesday", "wˈɛnzdeɪ"), ("{Tuesday|tjˈuːzdi}", "tjˈuːzdi"), ("the ninth of May", "ðə nˈaɪnθ ʌv mˈeɪ")],
)
def test_a_word_is_replaced_and_all_other_sounds_keep_their_lengths(to: str, sounds: str) -> None:
    line, made = replaced(TEXT, NewWord(word="tuesday", to=to))
    first, stop = line.phonemes.index("tˈuːz"), line.phonemes.index(",")
    assert made.phonemes == line.phonemes[:first] + sounds + line.phonemes[stop:]
    assert made.durations[:first] == line.durations[:first]
    assert made.durations[first + len(sounds) :] == line.durations[stop:]
    (gap,) = made.gaps
    begin, end = sum(line.durations[:first]), sum(line.durations[:stop])
    assert (gap.first, gap.first + gap.former) == (begin // 4, -(-end // 4)), "the frames of the word, and no more"
    assert made.n_frames - line.n_frames == gap.stop - gap.first - gap.former
    assert sum(made.durations) == 4 * made.n_frames


def test_several_words_are_replaced_in_the_order_of_the_line() -> None:
    news = NewWord(word="Friday", to="Saturday afternoon"), NewWord(word="meet", to="go")
    line, made = replaced(TEXT, *news)
    assert made.phonemes.split()[1] == phonemize("We go on Tuesday.").split()[1]
    assert "sˈæɾɚdˌeɪ ˌæft" in made.phonemes and "fɹˈaɪdeɪ" not in made.phonemes and "tˈuːzdeɪ" in made.phonemes
    one, other = made.gaps
    assert one.stop < other.first
    assert made.n_frames - line.n_frames == sum(gap.stop - gap.first - gap.former for gap in made.gaps)
    assert new_text(TEXT, news) == "We go on Tuesday, not on Saturday afternoon."


def test_the_one_that_is_meant_of_several() -> None:
    words = TEXT.split()
    assert find_word(words, NewWord(word="on", to="by", which=2)) == (5, 6)
    assert find_word(words, NewWord(word="not on", to="by")) == (4, 6)
    assert new_text(TEXT, [NewWord(word="on", to="{by|bˈaɪ}", which=2)]) == "We meet on Tuesday, not by Friday."


@pytest.mark.parametrize(
    ("news", "said"),
    [
        ([{"word": "Tuseday", "to": "Monday"}], "'Tuseday' is not in the line; did you mean 'tuesday'?"),
        ([{"word": "on", "to": "by"}], "'on' is there 2 times; add the word beside it, or which: 1 to 2"),
        ([{"word": "on", "to": "by", "which": 3}], "'on' is there 2 times; which is 3"),
        ([{"word": "meet", "to": "go"}, {"word": "on", "to": "by", "which": 1}], "stand beside each other"),
        ([{"word": "Tuesday", "to": "{Tuesday|q}"}], "q"),
        ([{"word": "Tuesday", "to": "..."}], "can be said"),
    ],
)
def test_what_cannot_be_replaced_is_one_sentence(news: list[dict], said: str) -> None:
    script = [{"who": "ANNA", "text": TEXT, "words": news}]
    scene = Scene.model_validate({"picture": "p.png", "cast": [{"name": "ANNA"}], "script": script})
    with pytest.raises(DocumentError) as refused:
        build_timeline(scene, [Speaker(None)], SevenEach(), lambda line: np.zeros(1, np.float32))
    (problem,) = refused.value.problems
    assert said in str(problem) and "\n" not in str(problem)


def test_later_lines_move_with_a_longer_word_and_readers_see_it() -> None:
    def made(*news: dict) -> tuple[list[int], tuple[str, ...]]:
        script = [{"who": "ANNA", "text": TEXT, "words": news}, {"who": "BOB", "text": "Fine."}]
        cast = [{"name": "ANNA"}, {"name": "BOB"}]
        scene = Scene.model_validate({"picture": "p.png", "cast": cast, "script": script})
        timeline = build_timeline(scene, [Speaker(None)] * 2, SevenEach(), lambda line: np.zeros(1, np.float32))
        return [line.start for line in timeline.lines], timeline.texts

    (first, second), _ = made()
    (same, later), texts = made({"word": "Tuesday", "to": "the second of September"})
    assert first == same and later > second
    assert texts == ("We meet on the second of September, not on Friday.", "Fine.")


def test_the_page_replaces_a_word_and_takes_it_back() -> None:
    script = [{"who": "ANNA", "text": TEXT}]
    scene = Scene.model_validate({"picture": "p.png", "cast": [{"name": "ANNA"}], "script": script})

    def act(scene: Scene, word: str, to: str) -> Scene:
        message = {"kind": "replace", "index": 0, "line": "x", "n": 1, "word": word, "to": to}
        return apply_line_action(scene, read_line_action(message))[0]

    once = act(scene, "Tuesday", "Thursday")
    again = act(once, "tuesday", "Monday")
    assert again.script[0].words == (NewWord(word="tuesday", to="Monday"),) and again.script[0].text == TEXT
    assert act(again, "Monday", " ").script[0].words == ()
    with pytest.raises(ValueError, match=r"^The word 'Sunday' is not in the line"):
        act(scene, "Sunday", "Monday")
    other = {"kind": "text", "index": 0, "line": "x", "n": 1, "text": "Other words."}
    assert apply_line_action(again, read_line_action(other))[0].script[0].words == ()
