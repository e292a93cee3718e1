"""Pronunciations that depend on context (homographs), of interjections, and of irregular names."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from generation.text.ipa import VOWELS, possessive
from generation.text.rules import tables
from generation.text.rules.rule import JOINT

_WORD = re.compile(rf"[^\W\d_]+(?:{JOINT}[A-Z](?![a-z]))*{JOINT}?(?:['-][^\W\d_]+)*")
_AROUND = 100
"""Letters before and after a word that decide how it is said."""


@cache
def _said(language: str) -> dict[str, str]:
    """Interjections without regard to case, names and acronyms as they are written."""
    return {
        **{row["written"]: row[language] for row in tables.table_rows("interjections")},
        **{row["written"]: row[language] for row in tables.table_rows("pronunciations")},
    }


@cache
def _homographs() -> dict[str, tuple[tuple[re.Pattern[str], re.Pattern[str], dict[str, str]], ...]]:
    found: dict[str, list] = {}
    for row in tables.table_rows("homographs"):
        # The context before a word is searched from its end: its last words decide.
        before = re.compile(row["before"] or r"\Z", re.IGNORECASE)
        found.setdefault(row["written"], []).append((before, re.compile(row["after"], re.IGNORECASE), row))
    return {word: tuple(entries) for word, entries in found.items()}


def _homograph(word: str, text: str, start: int, stop: int, language: str) -> str | None:
    entries = _homographs().get(word)
    if entries is None:
        return None
    before, after = text[max(0, start - _AROUND) : start], text[stop : stop + _AROUND]
    for left, right, row in entries:
        if (not row["before"] or left.search(before)) and right.match(after):
            return row[language] or None
    return None


def given_sounds(text: str, language: str) -> list[tuple[int, int, str]]:
    """Words of a text that are not left to the pronouncer: start, end and IPA, in order.

    Args:
        text: words as they are said, from :func:`generation.text.normalization.spoken_form`.
        language: "en-us" or "en-gb".
    """
    said = _said(language)
    found: list[tuple[int, int, str]] = []
    for match in _WORD.finditer(text):
        word = match[0]
        bare = word[:-2] if word.endswith("'s") else word
        ipa = (
            _named(bare, language)
            if JOINT in bare
            else said.get(bare)
            or _interjection(bare, language)
            or _homograph(word.casefold(), text, *match.span(), language)
        )
        if ipa:
            found.append((*match.span(), possessive(ipa) if bare != word else ipa))
    return found


def _named(word: str, language: str) -> str | None:
    """IPA of an acronym's letters as one word, the main stress on the last; None if it holds no plain letters."""
    names = tables.column("letters", "letter", language)
    sounds = [names[letter] for letter in unicodedata.normalize("NFD", word).upper() if letter in names]
    # The r of "R" is heard in British English before a vowel only.
    linked = [a + "ɹ" * (a == "ɑː" and b[0] in VOWELS) for a, b in zip(sounds, [*sounds[1:], " "])]
    return (
        None
        if not sounds
        else "".join(_stressed(sound, "ˈ" if i == len(linked) - 1 else "ˌ") for i, sound in enumerate(linked))
    )


def _stressed(sound: str, mark: str) -> str:
    at = next(i for i, symbol in enumerate(sound) if symbol in VOWELS)
    return sound[:at] + mark + sound[at:]


def _interjection(word: str, language: str) -> str | None:
    return tables.column("interjections", "written", language).get(word.casefold())
