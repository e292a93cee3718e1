"""The languages that text can be pronounced in: their names in eSpeak NG, and their place in the model's table."""

from __future__ import annotations

LANGUAGE_INDEX: dict[str, int] = {"en-us": 0, "en-gb": 0, "es": 1, "fr-fr": 2, "it": 3, "pt-br": 4}
"""Voice of eSpeak NG -> row of the language embedding; the accents of English share one, the phonemes tell them."""
N_LANGUAGES = 1 + max(LANGUAGE_INDEX.values())
LANGUAGES = tuple(LANGUAGE_INDEX)
LANGUAGE_NAMES = {
    "en-us": "English", "en-gb": "English", "es": "Spanish", "fr-fr": "French", "it": "Italian", "pt-br": "Portuguese",
}  # fmt: skip


def is_english(language: str) -> bool:
    """Whether a voice of eSpeak NG speaks English."""
    return language.startswith("en")
