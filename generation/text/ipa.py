"""Phoneme symbols of the model, and conversion of usual IPA spellings to them."""

from __future__ import annotations

import unicodedata

SYMBOLS: tuple[str, ...] = tuple(" !,.:;?abdefhijklmnoprstuvwxzæðŋɐɑɒɔəɚɛɜɡɪɹɾʃʊʌʒʔˈˌːθᵻ")
"""The 54 symbols of the training corpus; whatever else eSpeak NG gives is dropped, as it was there."""
SYMBOL_INDEX: dict[str, int] = {symbol: index for index, symbol in enumerate(SYMBOLS)}

PUNCTUATION = frozenset("!,.:;?")
VOWELS = frozenset("aeiouæɐɑɒɔəɚɛɜɪʊʌᵻ")
_SPELLINGS = {
    "g": "ɡ", "'": "ˈ", "ʼ": "ˈ", "ʤ": "dʒ", "ʧ": "tʃ", "ɝ": "ɜː", "ɫ": "l", "ɨ": "ᵻ", "ɘ": "ə", "ɵ": "ə",
    ":": "ː", "ˑ": "ː", ".": "", "/": "", "[": "", "]": "", "‿": "", "\u0361": "", "\u035c": "", "\u0329": "",
}  # fmt: skip
"""Usual ways to write a sound that the inventory writes otherwise."""


def read_ipa(ipa: str, word: str) -> str:
    """IPA as people write it, in the corpus' symbols (``r``-coloured vowels, tie bars and ``g`` respelt).

    Args:
        ipa: sounds and stress marks, with or without slashes.
        word: what is pronounced, for the message.

    Raises:
        ValueError: nothing there, or a symbol outside the inventory (named).
    """
    spelt = "".join(_SPELLINGS.get(c, c) for c in unicodedata.normalize("NFD", ipa.strip()))
    unknown = [c for c in spelt if c not in SYMBOL_INDEX or c in PUNCTUATION]
    if unknown:
        names = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in dict.fromkeys(unknown))
        known = "".join(s for s in SYMBOLS if s not in PUNCTUATION and s != " ")
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
