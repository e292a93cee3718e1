"""Text to the IPA symbols that the model was trained on: normalised, pronounced, filtered, and corrected by hand."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Protocol

from generation.text.normalization import normalise

__all__ = [
    "LANGUAGES", "SYMBOLS", "SYMBOL_INDEX", "EspeakPhonemizer", "Phonemizer", "display_text", "normalise", "phonemize",
    "read_ipa",
]  # fmt: skip

SYMBOLS: tuple[str, ...] = tuple(" !,.:;?abdefhijklmnoprstuvwxzæðŋɐɑɒɔəɚɛɜɡɪɹɾʃʊʌʒʔˈˌːθᵻ")
"""The 54 symbols of the training corpus; whatever else eSpeak NG gives is dropped, as it was there."""
SYMBOL_INDEX: dict[str, int] = {symbol: index for index, symbol in enumerate(SYMBOLS)}
LANGUAGES = ("en-us", "en-gb")

_PUNCTUATION = frozenset("!,.:;?")
_IPA_SPELLINGS = {
    "g": "ɡ", "'": "ˈ", "ʼ": "ˈ", "ʤ": "dʒ", "ʧ": "tʃ", "ɝ": "ɜː", "ɫ": "l", "ɨ": "ᵻ", "ɘ": "ə", "ɵ": "ə",
    ":": "ː", "ˑ": "ː", ".": "", "/": "", "[": "", "]": "", "‿": "", "\u0361": "", "\u035c": "", "\u0329": "",
}  # fmt: skip
"""Usual ways to write a sound that the inventory writes otherwise."""

_INLINE = re.compile(r"\{([^{}|]+)\|([^{}|]+)\}('s\b)?")
# A word that eSpeak NG reads alike in every context: it holds the place, and the stress, of a word given in IPA.
_PLACE = "vobzik"


class Phonemizer(Protocol):
    """Pronounces plain words."""

    def __call__(self, text: str) -> str:
        """IPA of normalised text, stress marks and punctuation included."""
        ...


class EspeakPhonemizer:
    """eSpeak NG through phonemizer, with stress marks and punctuation kept, as the corpus was made.

    Args:
        lang: "en-us" or "en-gb".

    Raises:
        ValueError: another language.
    """

    def __init__(self, lang: str = "en-us") -> None:
        if lang not in LANGUAGES:
            raise ValueError(f"Language {lang!r} is not supported; choose one of {', '.join(LANGUAGES)}.")
        # Late: the library is loaded when something is said, so that checking a scene's grammar needs no eSpeak NG.
        import espeakng_loader
        from phonemizer.backend import EspeakBackend
        from phonemizer.backend.espeak.wrapper import EspeakWrapper

        EspeakWrapper.set_library(espeakng_loader.get_library_path())
        EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
        quiet = logging.getLogger("generation.text.phonemizer.espeak")
        quiet.setLevel(logging.ERROR)
        self._backend = EspeakBackend(
            lang, preserve_punctuation=True, with_stress=True, language_switch="remove-flags", logger=quiet
        )

    def __call__(self, text: str) -> str:
        """Phonemes of one text."""
        return self._backend.phonemize([text])[0].strip()


@cache
def _espeak(lang: str) -> EspeakPhonemizer:
    return EspeakPhonemizer(lang)


def read_ipa(ipa: str, word: str) -> str:
    """IPA as people write it, in the corpus' symbols (``r``-coloured vowels, tie bars and ``g`` respelt).

    Args:
        ipa: sounds and stress marks, with or without slashes.
        word: what is pronounced, for the message.

    Raises:
        ValueError: nothing there, or a symbol outside the inventory (named).
    """
    spelt = "".join(_IPA_SPELLINGS.get(c, c) for c in unicodedata.normalize("NFD", ipa.strip()))
    unknown = [c for c in spelt if c not in SYMBOL_INDEX or c in _PUNCTUATION]
    if unknown:
        names = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in dict.fromkeys(unknown))
        known = "".join(s for s in SYMBOLS if s not in _PUNCTUATION and s != " ")
        raise ValueError(f"The pronunciation of {word!r} has a symbol that is not known: {names}; use {known}")
    if not any(c.isalpha() for c in spelt if c not in "ˈˌː"):
        raise ValueError(f"The pronunciation of {word!r} is empty; write sounds in IPA, as in {{Siobhan|ʃɪvˈɔːn}}.")
    return spelt


def _possessive(ipa: str) -> str:
    """IPA of a word with the 's of English after it."""
    last = ipa.rstrip("ˈˌː ")[-1]
    if last in "szʃʒ":
        return ipa + "ᵻz"
    return ipa + ("s" if last in "ptkfθ" else "z")


def display_text(text: str) -> str:
    """The text as a reader sees it: ``{name|IPA}`` is shown as ``name``."""
    return _INLINE.sub(lambda m: m[1].strip() + (m[3] or ""), text)


def _place_pronunciations(text: str, lexicon: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with a placeholder for each word given in IPA, and those words' IPA in order.

    Raises:
        ValueError: braces that are no ``{name|IPA}``, or an unknown symbol.
    """
    if set("{}") & set(_INLINE.sub("", text)):
        raise ValueError(f"Braces in {text!r} are not closed or have no pronunciation; write {{name|IPA}}.")
    given = {word.casefold(): read_ipa(ipa, word) for word, ipa in lexicon.items() if word.strip()}
    words = "|".join(re.escape(word) for word in sorted(given, key=len, reverse=True))
    pattern = re.compile(_INLINE.pattern + (rf"|(?<!\w)({words})('s\b)?(?!\w)" if given else ""), re.IGNORECASE)
    found: list[str] = []

    def place(match: re.Match[str]) -> str:
        inline = match[1] is not None
        ipa = read_ipa(match[2], match[1].strip()) if inline else given[match[4].casefold()]
        found.append(_possessive(ipa) if match[3 if inline else 5] else ipa)
        return f" {_PLACE} " if inline else _PLACE

    text = text.replace("\u2019", "'")
    return re.sub(rf"(?<={_PLACE})\s+(?=[\w'-]*[,.!?;:])", " ", pattern.sub(place, text)), found


def _check_letters(text: str) -> None:
    foreign = [c for c in text if c.isalnum() and not unicodedata.name(c, "").startswith(("LATIN ", "DIGIT "))]
    if foreign:
        names = " ".join(dict.fromkeys(foreign[:8]))
        raise ValueError(f"English pronunciation cannot read {names}; write it as {{{foreign[0]}|IPA}}.")


def phonemize(
    text: str,
    lang: str = "en-us",
    lexicon: Mapping[str, str] | None = None,
    phonemizer: Phonemizer | None = None,
) -> str:
    """Pronounces a line of script.

    Args:
        text: English as written; ``{name|IPA}`` gives the pronunciation of one word in place.
        lang: "en-us" or "en-gb".
        lexicon: word or phrase -> IPA, matched whole and without regard to case, also before ``'s``.
        phonemizer: what pronounces the rest; eSpeak NG of that language if not given.

    Returns:
        IPA with stress, spaces and punctuation, one character of :data:`SYMBOLS` a symbol.

    Raises:
        ValueError: unsupported language; nothing in the text that can be said; letters of another script; a
            pronunciation with an unknown symbol (named); braces that are no ``{name|IPA}``.
    """
    placed, given = _place_pronunciations(text, lexicon or {})
    spoken = normalise(placed)
    if not any(c.isalnum() for c in spoken):
        raise ValueError(f"There is nothing to say in {text!r}; write at least one word.")
    _check_letters(spoken)
    say = phonemizer or _espeak(lang)
    ipa = say(spoken)
    if given:
        held = re.compile("[ˈˌ]?" + re.escape(say(_PLACE).lstrip("ˈˌ")))
        pieces = held.split(ipa)
        if len(pieces) != len(given) + 1:
            raise ValueError(f"A pronunciation in {text!r} touches another word; put spaces around it.")
        ipa = pieces[0] + "".join(word + after for word, after in zip(given, pieces[1:], strict=True))
    ipa = re.sub(r"\s+", " ", "".join(c for c in ipa if c in SYMBOL_INDEX)).strip()
    if not any(c not in _PUNCTUATION and c != " " for c in ipa):
        raise ValueError(f"There is nothing to say in {text!r}; write at least one word.")
    return ipa
