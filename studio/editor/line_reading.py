"""What the Script page shows of how a line will be read, where that is not what is written."""

from __future__ import annotations

import re
from functools import lru_cache

from generation.text.phonemizer import display_text, read_text

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def shown_reading(text: str, language: str, lexicon: dict[str, str]) -> str:
    """The words of a line as they are said; empty where they are those that are written.

    Args:
        text: the line.
        language: in which it is read.
        lexicon: word: IPA in that language; corrected words are shown with their sounds.
    """
    return _shown(text, language, tuple(sorted(lexicon.items())))


@lru_cache(maxsize=2000)
def _shown(text: str, language: str, lexicon: tuple[tuple[str, str], ...]) -> str:
    try:
        reading = read_text(text, language, dict(lexicon))
    except ValueError:
        return ""  # the check says why
    words = reading.words
    for word, ipa in lexicon:
        escaped = ipa.replace("\\", r"\\")
        pattern = rf"(?i)(?<!\w){re.escape(word)}(?!\w)"
        words = re.sub(pattern, rf"\g<0> /{escaped}/", words)
    unread = bool(reading.directions) and not words
    same = not reading.directions and _plain(words) == _plain(display_text(text))
    return "" if same else "nothing" if unread else words


def _plain(text: str) -> list[str]:
    return [word.casefold().replace("’", "'") for word in _WORD.findall(text)]
