"""Descriptions of voices: what they ask for, which voices are offered, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from generation.voices.design import candidates
from generation.voices.vocabulary import WantedVoice, read_description

ROOT = Path(__file__).resolve().parents[3]
WRITTEN_BEFORE = ROOT / "scripts" / "evaluation" / "workbench" / "descriptions.tsv"
PRESETS = {
    "Maya": "American woman, high and level, even pace",
    "Ruth": "American woman, low and lively, even pace",
    "Ivy": "American woman, low and hushed, very slow",
    "Edith": "British woman, middle pitch, even pace",
    "Marcus": "American man, very low and level, even pace",
    "Felix": "American man, high and very lively, brisk",
}


def test_descriptions_that_were_written_before_the_vocabulary() -> None:
    rows = [row.split("\t") for row in WRITTEN_BEFORE.read_text(encoding="utf-8").splitlines() if row[0] != "#"]
    assert len(rows) == 60
    right = [0, 0, 0]
    for text, *expected in rows:
        wanted = read_description(text)
        found = (wanted.pitch or "middle", wanted.pace or "middle", wanted.gender)
        right = [n + (one == other) for n, one, other in zip(right, found, expected, strict=True)]
    assert min(right) >= 0.95 * len(rows)


def test_all_that_a_description_says() -> None:
    text = "A slow, LOW, sad old woman; soft-spoken, lively"
    assert read_description(text) == WantedVoice("woman", "low", "slow", "lively", ("weary", "shy"), "old", "soft")
    assert read_description("a high-pitched tenor").gender == "man"
    assert read_description("shadow of a manly highway, fast").gender is None, "parts of words are no words"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("purple", "^No word of 'purple' is known for a voice; try slow, low, sad woman.$"),
        ("a high, deep man", "^The description asks for high and low pitch; keep one of them.$"),
        ("a fast and unhurried man", "^The description asks for fast and slow pace; keep one of them.$"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_description(text)


def test_candidates_are_of_the_gender_and_nearest_in_pitch_first() -> None:
    low = candidates(read_description("low sad woman"), PRESETS, ["weary"], 3)
    assert [one.voice for one in low] == ["Ruth", "Edith", "Ivy"], "the hushed one comes late"
    assert all(one.gender == "woman" and one.styles == {"weary": 0.8} for one in low)
    assert candidates(read_description("high man"), PRESETS, [], 2)[0].voice == "Felix"
    either = candidates(read_description("low"), PRESETS, [], 6)
    assert [one.gender for one in either] == ["woman", "man"] * 3
    assert either[-1].voice == "Marcus + Felix", "blends where there are no more presets"
