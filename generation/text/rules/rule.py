"""The rule type, and helpers that several rule modules share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from generation.text.rules import tables
from generation.text.rules.numbers import digits

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

JOINT = "\ue000"
"""Stands between the letters of an acronym, and after a letter by itself: its name is said, not the word A or I."""
LETTER_A = "A" + JOINT

NUMBER = r"(?<![\d.,])(?:\d{1,3}(?:,\d{3}){1,6}(?![\d])|\d{1,30})"
"""A whole number, with or without thousands commas; bounded, so that no search takes long."""


def rule(pattern: str, spoken: str | Callable[[re.Match[str]], str]) -> Rule:
    """A pattern with what is said for it: a text, with group numbers as in `re.sub`, or a function of the match."""
    return re.compile(pattern), (lambda match: match.expand(spoken)) if isinstance(spoken, str) else spoken


def apply(rules: Iterable[Rule], text: str) -> str:
    """The text after every rule in order."""
    for pattern, spoken in rules:
        text = pattern.sub(spoken, text)
    return text


def either(words: Iterable[str]) -> str:
    """A pattern that matches one of some texts, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def one_of(group: str) -> str:
    """A pattern that matches one of the words of a group, without regard to case."""
    return f"(?i:{either(tables.group(group))})"


def lettered(group: str) -> str:
    """As :func:`one_of`; words that are named letter by letter are known as such as well: pin, or P I N."""
    words = tables.group(group)
    named = (JOINT.join(word.upper()) for word in words if word.isalpha() and len(word) <= 4)
    return f"(?:(?i:{either(words)})|{either(named)})"


def letters(text: str) -> str:
    """The names of letters one by one, joined by :data:`JOINT`, and of digits: CEO -> C E O."""
    runs = re.findall(r"[0-9]|[^\W\d_]+", re.sub(r"[^\w]|_", "", text))
    return " ".join(digits(run) if run.isdigit() else JOINT.join(run.upper()) + JOINT * (run in "aAiI") for run in runs)
