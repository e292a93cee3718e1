"""Grapheme-to-phoneme by eSpeak NG: text to the model's phoneme symbols, with pronunciations from the tables."""

from __future__ import annotations

import atexit
import logging
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Protocol

from generation.text.ipa import ENGLISH_SYMBOLS, PUNCTUATION, SYMBOL_INDEX, SYMBOLS, VOWELS, read_ipa
from generation.text.languages import LANGUAGE_NAMES, LANGUAGES, is_english
from generation.text.normalization import normalise
from generation.text.reading import PLACE, VOWEL_PLACE, display_text, read_text

__all__ = [
    "LANGUAGES", "SYMBOLS", "SYMBOL_INDEX", "EspeakPhonemizer", "Phonemizer", "display_text", "ipa_of_sound",
    "normalise", "phonemize", "read_ipa", "read_text",
]  # fmt: skip

_DATA = "espeak-ng-data"
_DICTIONARIES = frozenset(f"{language[:2]}_dict" for language in LANGUAGES)
_LONGEST_DATA_PATH = 120
"""Bytes; names of voices and dictionaries follow behind it."""
_ACCENTED = frozenset("áàâãäéèêëíìîïóòôõöúùûüçñœ")
"""Letters of Spanish, French, Italian and Portuguese that are not in ASCII."""
_PLACES = {"es": "fopsik"}
"""In place of :data:`PLACE` where its first sound depends on the word before it, as that of Spanish v does."""
_RESPELT = {"pt-br": {ord("y"): "i"}}
"""Symbols that eSpeak NG uses in one language for another sound than IPA: Brazil's final e is no rounded vowel."""


class Phonemizer(Protocol):
    """Pronounces plain words."""

    def __call__(self, text: str) -> str:
        """IPA of normalised text, stress marks and punctuation included."""
        ...


class EspeakPhonemizer:
    """eSpeak NG through phonemizer, with stress marks and punctuation kept, as the corpus was made.

    Args:
        lang: one of :data:`LANGUAGES`.

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
        EspeakWrapper.set_data_path(_reachable(espeakng_loader.get_data_path()))
        quiet = logging.getLogger("generation.text.phonemizer.espeak")
        quiet.setLevel(logging.ERROR)
        self._respelt = _RESPELT.get(lang, {})
        self._backend = EspeakBackend(
            lang, preserve_punctuation=True, with_stress=True, language_switch="remove-flags", logger=quiet
        )

    def __call__(self, text: str) -> str:
        """Phonemes of one text."""
        return self._backend.phonemize([text])[0].strip().translate(self._respelt)


@cache
def _reachable(data: str) -> str:
    """The data of eSpeak NG where its library finds them: it keeps their path in 160 bytes, else ends the process.

    Raises:
        RuntimeError: no short path can be had.
    """
    if len(data.encode()) <= _LONGEST_DATA_PATH:
        return data
    short = Path(tempfile.mkdtemp(prefix="espeak-"))
    atexit.register(shutil.rmtree, short, ignore_errors=True)
    if len(str(short / _DATA).encode()) > _LONGEST_DATA_PATH:
        what = f"eSpeak NG cannot read its data at {data}, a path of more than {_LONGEST_DATA_PATH} bytes"
        raise RuntimeError(f"{what}; install Parley at a shorter one, or set TMPDIR to one.")
    # a copy: phonemizer follows links, and Windows makes none; of all languages' data, those of ours are a tenth
    foreign = [path.name for path in Path(data).glob("*_dict") if path.name not in _DICTIONARIES]
    shutil.copytree(data, short / _DATA, ignore=shutil.ignore_patterns(*foreign))
    return str(short / _DATA)


@cache
def _espeak(lang: str) -> EspeakPhonemizer:
    return EspeakPhonemizer(lang)


def _check_letters(text: str, lang: str) -> None:
    foreign = [c for c in text if c.isalnum() and not unicodedata.name(c, "").startswith(("LATIN ", "DIGIT "))]
    if foreign:
        names = " ".join(dict.fromkeys(foreign[:8]))
        raise ValueError(f"{LANGUAGE_NAMES[lang]} pronunciation cannot read {names}; write it as {{{foreign[0]}|IPA}}.")


def ipa_of_sound(sound: str, word: str, lang: str = "en-us") -> str:
    """IPA of a word from what people write for its sound: IPA, or a spelling that sounds like it (``shi-vawn``).

    Args:
        sound: IPA where it stands between slashes or holds a letter that no spelling has in that language; else a
            spelling, with hyphens between syllables: one in capitals has the stress, else the last but one of three and
            more.
        word: whose sound it is, for the message.
        lang: in which language the spelling is read.

    Raises:
        ValueError: nothing there, or symbols that are not known.
    """
    sound = unicodedata.normalize("NFC", sound.strip())
    if sound.startswith("/") or not _is_spelling(sound, lang):
        return read_ipa(sound, word, lang)
    parts = [part for part in sound.split("-") if part.strip()]
    syllables = [_bare_sounds(phonemize(part.lower(), lang)) for part in parts]
    loud = [i for i, part in enumerate(parts) if part.isupper()]
    if len(syllables) < 2:
        return syllables[0] if syllables else read_ipa("", word, lang)
    if loud or len(syllables) > 2:
        at = loud[0] if loud else len(syllables) - 2
        plain = [syllable.replace("ˈ", "").replace("ˌ", "") for syllable in syllables]
        vowel = next((i for i, symbol in enumerate(plain[at]) if symbol in VOWELS), 0)
        plain[at] = f"{plain[at][:vowel]}ˈ{plain[at][vowel:]}"
        return "".join(plain)
    return _bare_sounds(phonemize(sound.lower(), lang))


def _is_spelling(sound: str, lang: str) -> bool:
    """Whether something written for a sound has letters of the language alone."""
    accented = "" if is_english(lang) else _ACCENTED
    return bool(sound) and all(c.isascii() or c.casefold() in accented for c in sound)


def _bare_sounds(ipa: str) -> str:
    return " ".join("".join(c for c in ipa if c not in PUNCTUATION).split())


def phonemize(
    text: str,
    lang: str = "en-us",
    lexicon: Mapping[str, str] | None = None,
    phonemizer: Phonemizer | None = None,
) -> str:
    """Pronounces a line of script.

    Args:
        text: as written; ``{name|IPA}`` gives the pronunciation of one word in place.
        lang: one of :data:`LANGUAGES`.
        lexicon: word or phrase -> IPA, matched whole and without regard to case, also before ``'s``.
        phonemizer: what pronounces the rest; eSpeak NG of that language if not given.

    Returns:
        IPA with stress, spaces and punctuation, one character of :data:`SYMBOLS` a symbol.

    Raises:
        ValueError: unsupported language; nothing in the text that can be said; letters of another script; a
            pronunciation with an unknown symbol (named); braces that are no ``{name|IPA}``.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"Language {lang!r} is not supported; choose one of {', '.join(LANGUAGES)}.")
    reading = read_text(text, lang, lexicon)
    if not any(c.isalnum() for c in reading.spoken):
        raise ValueError(f"There is nothing to say in {text!r}; write at least one word.")
    _check_letters(reading.spoken, lang)
    say = phonemizer or _espeak(lang)
    place = _PLACES.get(lang, PLACE)
    ipa = say(reading.spoken.replace(PLACE, place))
    if reading.sounds:
        places = "|".join(re.escape(say(word).lstrip("ˈˌ")) for word in (place, VOWEL_PLACE))
        held = re.compile(f"[ˈˌ]?(?:{places})")
        pieces = held.split(ipa)
        if len(pieces) != len(reading.sounds) + 1:
            raise ValueError(f"A pronunciation in {text!r} touches another word; put spaces around it.")
        ipa = pieces[0] + "".join(word + after for word, after in zip(reading.sounds, pieces[1:], strict=True))
    # The tilde of nasal vowels is a symbol of its own; no other sign falls apart.
    ipa = unicodedata.normalize("NFD", ipa)
    known = frozenset(ENGLISH_SYMBOLS if is_english(lang) else SYMBOLS)
    ipa = re.sub(r"\s+", " ", "".join(c for c in ipa if c in known)).strip()
    if not any(c not in PUNCTUATION and c != " " for c in ipa):
        raise ValueError(f"There is nothing to say in {text!r}; write at least one word.")
    return ipa
