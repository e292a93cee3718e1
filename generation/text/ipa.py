"""Phoneme symbols of the model, and conversion of usual IPA spellings to them."""

from __future__ import annotations

import unicodedata

from generation.text.languages import is_english

ENGLISH_SYMBOLS: tuple[str, ...] = tuple(" !,.:;?abdefhijklmnoprstuvwxzæðŋɐɑɒɔəɚɛɜɡɪɹɾʃʊʌʒʔˈˌːθᵻ")
"""The 54 symbols of English; whatever else eSpeak NG gives is dropped, as it was in the training corpus."""
NASAL = "\u0303"
"""Follows a vowel that is nasal."""
NEAREST_SYMBOLS: dict[str, str] = {
    "ɲ": "n", "ʎ": "l", "ʝ": "j", "β": "v", "ɣ": "ɡ", "ʁ": "ɹ", "y": "i", "ø": "ɜ", "œ": "ɜ", NASAL: "ŋ",
}  # fmt: skip
"""Symbols of Spanish, French, Italian and Portuguese beside those of English, each with the nearest of these."""
UNKNOWN_SYMBOL = len(ENGLISH_SYMBOLS)
"""Index that stands for speech whose words are not known, or were dropped, and fills up shorter sentences."""
SYMBOL_INDEX: dict[str, int] = {
    **{symbol: index for index, symbol in enumerate(ENGLISH_SYMBOLS)},
    **{symbol: index for index, symbol in enumerate(NEAREST_SYMBOLS, UNKNOWN_SYMBOL + 1)},
}
"""Row of each symbol in a model's table; row 54 is :data:`UNKNOWN_SYMBOL`."""
SYMBOLS = tuple(SYMBOL_INDEX)

PUNCTUATION = frozenset("!,.:;?")
VOWELS = frozenset("aeiouyæøœɐɑɒɔəɚɛɜɪʊʌᵻ")
_SPELLINGS = {
    "g": "ɡ", "'": "ˈ", "ʼ": "ˈ", "ʤ": "dʒ", "ʧ": "tʃ", "ɝ": "ɜː", "ɫ": "l", "ɨ": "ᵻ", "ɘ": "ə", "ɵ": "ə",
    ":": "ː", "ˑ": "ː", ".": "", "/": "", "[": "", "]": "", "‿": "", "\u0361": "", "\u035c": "", "\u0329": "",
}  # fmt: skip
"""Usual ways to write a sound that the inventory writes otherwise."""


def unknown_symbols(phonemes: str, n_symbols: int) -> str | None:
    """What keeps a model of so many symbols from saying some phonemes, in one sentence; None = nothing does."""
    unknown = [s for s in dict.fromkeys(phonemes) if SYMBOL_INDEX.get(s, n_symbols + 1) > n_symbols]
    if not unknown:
        return None
    names = " ".join(f"◌{s}" if s == NASAL else s for s in unknown)
    return f"These weights do not know the sounds {names}; choose a language that they were trained on."


def read_ipa(ipa: str, word: str, lang: str = "en-us") -> str:
    """IPA as people write it, in the corpus' symbols (``r``-coloured vowels, tie bars and ``g`` respelt).

    Args:
        ipa: sounds and stress marks, with or without slashes.
        word: what is pronounced, for the message.
        lang: of the line, by its name in eSpeak NG: English has fewer sounds than the others.

    Raises:
        ValueError: nothing there, or a symbol outside the inventory (named).
    """
    spelt = "".join(_SPELLINGS.get(c, c) for c in unicodedata.normalize("NFD", ipa.strip()))
    symbols = ENGLISH_SYMBOLS if is_english(lang) else SYMBOLS
    unknown = [c for c in spelt if c not in symbols or c in PUNCTUATION]
    if unknown:
        names = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in dict.fromkeys(unknown))
        known = "".join(s for s in symbols if s not in PUNCTUATION and s != " ")
        raise ValueError(f"The pronunciation of {word!r} has a symbol that is not known: {names}; use {known}")
    if not any(c.isalpha() for c in spelt if c not in "ˈˌː"):
        raise ValueError(f"The pronunciation of {word!r} is empty; write sounds in IPA, as in {{Siobhan|ʃɪvˈɔːn}}.")
    return spelt


def possessive(ipa: str) -> str:
    """IPA of a word with the 's of English after it."""
    last = ipa.rstrip("ˈˌː ")[-1]
    if last in "szʃʒ":
        return ipa + "ᵻz"
    return ipa + ("s" if last in "ptkfθ" else "z")
