"""When each word is heard: plain words, numbers, words that are drawn together, recordings."""

from __future__ import annotations

import pytest

from generation.core.performance import Line
from generation.text.phonemizer import phonemize
from studio.timeline.word_timing import word_times


def spoken(text: str, mels: int = 8) -> Line:
    """The line with every symbol equally long, its last one filled up to a whole frame."""
    phonemes = f" {phonemize(text)} "
    durations = [mels] * len(phonemes)
    durations[-1] += -sum(durations) % 4
    return Line("a", 0, 0, sum(durations) // 4, phonemes, tuple(durations))


@pytest.mark.parametrize(
    "text",
    ["I asked for a small coffee, and they brought me a bucket with a handle.", "In the foam of the cup!",
     "In 1999 I had 23 of them.", "Go!", "Wait ... what?"],
)  # fmt: skip
def test_words_follow_each_other_and_fill_the_line(text: str) -> None:
    line = spoken(text)
    words = word_times(line, text)
    assert " ".join(word.text for word in words) == text
    assert all(word.start < word.stop for word in words)
    assert all(before.stop <= after.start + 0.01 for before, after in zip(words, words[1:], strict=False))
    assert words[0].start == pytest.approx(0.08, abs=0.01)  # after the pause at the beginning
    assert words[-1].stop <= sum(line.durations) / 100 - 0.08 + 0.01


def test_a_number_takes_as_long_as_it_is_spoken() -> None:
    by_text = {word.text: word.stop - word.start for word in word_times(spoken("In 1999 I left."), "In 1999 I left.")}
    assert by_text["1999"] > 3 * by_text["In"]


def test_words_drawn_together_are_told_apart() -> None:
    text = "I asked for a coffee."
    line = spoken(text)
    assert "fɚɹə" in line.phonemes.replace("ˌ", ""), "eSpeak NG says both words as one"
    by_text = {word.text: word for word in word_times(line, text)}
    assert by_text["for"].stop == by_text["a"].start and by_text["a"].stop - by_text["a"].start == pytest.approx(0.08)


def test_a_recording_shares_its_time_out_and_no_text_has_no_words() -> None:
    line = Line("a", 0, 0, 50, " ", (200,))
    assert [(w.text, w.start, w.stop) for w in word_times(line, "one two")] == [("one", 0, 1), ("two", 1, 2)]
    assert word_times(line, "") == []
