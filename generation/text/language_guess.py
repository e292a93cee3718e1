"""Guesses whether a text is in another language than it is read in, by the most frequent words of each."""

from __future__ import annotations

import re
from functools import cache

from generation.text.rules.tables import table_rows

_LEAST_WORDS = 3
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


@cache
def _frequent() -> dict[str, frozenset[str]]:
    return {row["code"]: frozenset(row["words"].split()) for row in table_rows("languages")}


def language_name(code: str) -> str:
    """The English name of a language that :func:`other_language` can give."""
    return next(row["name"] for row in table_rows("languages") if row["code"] == code)


def other_language(text: str, own: str = "en") -> str | None:
    """Code of the language that a text seems to be in where that is not its own, else None.

    At least three words are needed, most of what is counted must be foreign, and a third of the words at least: a
    greeting in French inside an English sentence is no French.

    Args:
        text: as written.
        own: code of the language in which it is read.
    """
    found = [word.casefold().replace("’", "'") for word in _WORD.findall(text[:2000]) if len(word) > 1]
    if len(found) < _LEAST_WORDS:
        return None
    counts = {code: sum(word in frequent for word in set(found)) for code, frequent in _frequent().items()}
    known = counts.pop(own)
    best = max(counts, key=lambda code: counts[code])
    strange = sum(not word.isascii() for word in found) if own == "en" else 0
    enough = counts[best] >= 2 and counts[best] + strange >= len(found) / 3
    return best if enough and counts[best] + strange > 1.5 * known else None
