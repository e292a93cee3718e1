"""Reads a line of script: words to speak, stage directions, and pronunciations given in IPA."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from generation.text.directions import take_directions
from generation.text.ipa import VOWELS, possessive, read_ipa
from generation.text.languages import is_english, language_code

INLINE = re.compile(r"\{([^{}|]+)\|([^{}|]+)\}('s\b)?")
PLACE = "vobzik"
"""A word that eSpeak NG reads alike in every context: it holds the place, and the stress, of a word given in IPA."""
VOWEL_PLACE = "obzivik"
"""The same for a word that begins with a vowel: the words before it sound otherwise (thee apple, for apples)."""


@dataclass(frozen=True)
class Reading:
    """A line as it is read aloud.

    Attributes:
        words: what is said, for people to read.
        spoken: the same for the pronouncer, with :data:`PLACE` or :data:`VOWEL_PLACE` for a word whose sound is given.
        sounds: IPA of those words, in order.
        directions: what stood in the text as a direction, in order; none of it is spoken.
        other_language: code of the language that the line seems to be in, if that is not the one it is read in.
    """

    words: str
    spoken: str
    sounds: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    other_language: str | None = None


def display_text(text: str) -> str:
    """The text as a reader sees it: ``{name|IPA}`` is shown as ``name``, directions are left out."""
    shown = INLINE.sub(lambda m: m[1].strip() + (m[3] or ""), text)
    return take_directions(shown)[0]


def _placed(text: str, lexicon: Mapping[str, str], language: str) -> tuple[str, list[tuple[str, str]]]:
    """The text with a placeholder for each word given in IPA, and those words with their IPA in order.

    Raises:
        ValueError: braces that are no ``{name|IPA}``, or an unknown symbol.
    """
    if set("{}") & set(INLINE.sub("", text)):
        raise ValueError(f"Braces in {text!r} are not closed or have no pronunciation; write {{name|IPA}}.")
    given = {word.casefold(): read_ipa(ipa, word, language) for word, ipa in lexicon.items() if word.strip()}
    words = "|".join(re.escape(word) for word in sorted(given, key=len, reverse=True))
    pattern = re.compile(INLINE.pattern + (rf"|(?<!\w)({words})('s\b)?(?!\w)" if given else ""), re.IGNORECASE)
    found: list[tuple[str, str]] = []

    def place(match: re.Match[str]) -> str:
        inline = match[1] is not None
        word = match[1].strip() if inline else match[4]
        ipa = read_ipa(match[2], word, language) if inline else given[word.casefold()]
        own = match[3 if inline else 5]
        found.append((word + (own or ""), possessive(ipa) if own else ipa))
        return f" {PLACE} " if inline else PLACE

    text = text.replace("\u2019", "'")
    return re.sub(rf"(?<={PLACE})\s+(?=[\w'-]*[,.!?;:])", " ", pattern.sub(place, text)), found


def read_text(text: str, language: str = "en-us", lexicon: Mapping[str, str] | None = None) -> Reading:
    """Reads a line of script.

    Args:
        text: as written; ``{name|IPA}`` gives the pronunciation of one word in place.
        language: one of :data:`generation.text.languages.LANGUAGES`.
        lexicon: word or phrase -> IPA, matched whole and without regard to case, also before ``'s``; it goes before
            every rule of our own.

    Raises:
        ValueError: braces that are no ``{name|IPA}``; a pronunciation with an unknown symbol (named).
    """
    # Late: the rules are compiled and the tables read when the first line is read.
    from generation.text.language_guess import other_language
    from generation.text.normalization import plain_words, spoken_form
    from generation.text.pronunciations import given_sounds
    from generation.text.rules.romance import spoken_romance

    placed, given = _placed(text, lexicon or {}, language)
    placed, directions = take_directions(placed)
    english = is_english(language)
    said = spoken_form(placed, language) if english else spoken_romance(placed, language)
    words: list[str] = []
    spoken: list[str] = []
    sounds: list[str] = []
    waiting = iter(given)
    at = 0
    own = [(match.start(), match.end(), None) for match in re.finditer(rf"\b{PLACE}\b", said)]
    for start, stop, ipa in sorted(
        [*own, *(given_sounds(said, language) if english else ())], key=lambda span: span[0]
    ):
        word, sound = (said[start:stop], ipa) if ipa else next(waiting, (PLACE, ""))
        words += (said[at:start], word)
        spoken += (said[at:start], VOWEL_PLACE if sound.lstrip("ˈˌ")[:1] in VOWELS else PLACE)
        sounds.append(sound)
        at = stop
    tail = said[at:]
    return Reading(
        words=plain_words("".join((*words, tail))),
        spoken="".join((*spoken, tail)),
        sounds=tuple(sounds),
        directions=directions,
        other_language=other_language(placed.replace(PLACE, " "), language_code(language)),
    )
