"""The languages that text can be pronounced in: their names in eSpeak NG, and their place in the model's table."""

from __future__ import annotations

import json

from generation.core.assets import asset

LANGUAGE_INDEX: dict[str, int] = {"en-us": 0, "en-gb": 0, "es": 1, "fr-fr": 2, "it": 3, "pt-br": 4}
"""Voice of eSpeak NG -> row of the language embedding; the accents of English share one, the phonemes tell them."""
N_LANGUAGES = 1 + max(LANGUAGE_INDEX.values())
LANGUAGES = tuple(LANGUAGE_INDEX)
LANGUAGE_NAMES = {
    "en-us": "English", "en-gb": "English", "es": "Spanish", "fr-fr": "French", "it": "Italian", "pt-br": "Portuguese",
}  # fmt: skip
ENGLISH = "en"
ESPEAK_NAMES = {"en-us": "en-us", "en-gb": "en-gb", "es": "es", "fr": "fr-fr", "it": "it", "pt": "pt-br"}
"""A language as people name it -> its voice of eSpeak NG; :data:`ENGLISH` is the speaker's own of the two accents."""
_MODELS = ("model/transformer", "durations")
"""Folders in the assets with the networks that know languages."""


def is_english(language: str) -> bool:
    """Whether a voice of eSpeak NG speaks English."""
    return language.startswith(ENGLISH)


def language_code(language: str) -> str:
    """``en``, ``es``, ``fr``, ``it`` or ``pt``: the language of a voice of eSpeak NG, whatever the accent."""
    return language[:2]


def espeak_name(wanted: str, accent: str = "en-us") -> str:
    """Voice of eSpeak NG for a language as people name it; ``accent`` is which English ``en`` is.

    Raises:
        ValueError: another language.
    """
    if wanted == ENGLISH:
        return accent
    if wanted not in ESPEAK_NAMES:
        raise ValueError(f"Language {wanted!r} is not supported; choose one of {', '.join((ENGLISH, *ESPEAK_NAMES))}.")
    return ESPEAK_NAMES[wanted]


def unknown_language(language: str, n_languages: int) -> str | None:
    """What keeps weights with so many languages from speaking one, in one sentence; None = nothing does."""
    if LANGUAGE_INDEX[language] < n_languages:
        return None
    return f"The weights do not speak {LANGUAGE_NAMES[language]}; they speak {known_names(n_languages)}."


def known_names(n_languages: int) -> str:
    """The languages of weights with so many, for a reader: ``English``, ``English, Spanish and French``."""
    names = list(
        dict.fromkeys(name for language, name in LANGUAGE_NAMES.items() if LANGUAGE_INDEX[language] < n_languages)
    )
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def shipped_languages() -> int:
    """How many languages the shipped weights know, the first of :data:`LANGUAGE_INDEX`; read without torch."""
    configs = (json.loads((asset(folder) / "config.json").read_text(encoding="utf-8")) for folder in _MODELS)
    return min(int(config.get("n_languages", 1)) for config in configs)
