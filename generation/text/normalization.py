"""Written English to spoken English: numbers, dates, money, units, abbreviations, capitals and signs become words."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from generation.text.rules import tables
from generation.text.rules.numbers import cardinal, digits, number, ordinal, year
from generation.text.rules.rule import JOINT, LETTER_A, Rule, apply, either, letters, one_of, rule

__all__ = ["cardinal", "normalise", "number", "ordinal", "year"]

_LONGEST = 500
"""Letters that rules see at once: a text of any length takes time in proportion to it, whatever it holds."""

_KEPT_SIGNS = "¹²³⁰⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄₅₆₇₈₉…™℠ªº¨´¸¯"
_SIGNS = str.maketrans({"№": "No. ", "℃": "°C", "℉": "°F", "⁄": "/", "µ": "μ", "…": "..."})
_OPENING_QUOTE = re.compile(
    r"(?<!\w)'(?!(?:em|cause|til|tis|twas|twere|n|bout|round|cuz|cos|ere|neath|s|d|ll|m|re|ve)\b)(?=\w)"
)
_VULGAR = re.compile("[\u00bc-\u00be\u2150-\u215e]")


def _plain_characters(text: str) -> str:
    """The text in NFC with plain quotes, dashes, figures and ellipses, and pictographs dropped."""
    text = _VULGAR.sub(lambda m: " " + unicodedata.normalize("NFKC", m[0]) + " ", text)
    text = re.sub(r"(?<=/\d) (?=[A-Za-z,.;:!?])", lambda m: "" if m.string[m.end()] in ",.;:!?" else " ", text)
    text = (
        text.replace("№", "No. ")
        .replace("℃", "°C")
        .replace("℉", "°F")
        .replace("⁄", "/")
        .replace("µ", "μ")
        .replace("…", "...")
    )
    text = re.sub(r"\b[Nn][º°]\.?\s?(?=\d)", "No. ", text)
    text = re.sub(r"º(?=\s?[CF]\b)|(?<=\d)º", "°", text)
    text = "".join(
        unicodedata.normalize("NFKC", c) if ord(c) > 0x1FFF and c not in _KEPT_SIGNS and _folds(c) else c for c in text
    )
    text = re.sub(r"[\u2018\u2019\u02bc\u0060\u00b4\u2032]", "'", text)
    text = re.sub(r"[\u201c\u201d\u201e\u00ab\u00bb\u2033]", '"', text)
    text = re.sub(r"[\u2010\u2011]", "-", text)
    text = re.sub(r"(?<=\d)[\u2012\u2013\u2212](?=\d)", "–", text)
    text = text.replace("\u2012", "–")
    text = re.sub(r"(?<!\s)\s*(?:[—―]|--+)\s*|(?<!\s)\s+[-–]\s+(?![\d$£€.])(?=\S*[A-Za-z]{2})", ", ", text)
    text = unicodedata.normalize(
        "NFC", re.sub(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe0e\ufe0f\ufeff\u00ad]", "", text)
    )
    # Numbers, marks and letters of other scripts stay, so that whoever reads them out can name what it cannot say.
    dropped = (
        {c for c in text if unicodedata.category(c) in {"So", "Sk", "Cs", "Co", "Cc", "Cn"}}
        - set(_symbols())
        - set("^\n\t\r")
    )
    return re.sub(r"\s+", " ", "".join(" " if c in dropped else c for c in text)).strip()


def _folds(character: str) -> bool:
    """Whether a sign is another way to write plain letters or figures: fullwidth, bold, circled, ligatures, ㎏."""
    plain = unicodedata.normalize("NFKC", character)
    return plain != character and plain.isascii() and plain.strip() != ""


@cache
def _symbols() -> dict[str, str]:
    return {row["written"]: f" {row['spoken'].strip()} " if row["spoken"].strip(", ") else row["spoken"] or " "
            for row in tables.table_rows("symbols")}  # fmt: skip


@cache
def _first_rules() -> list[Rule]:
    """Emoticons, markup and runs of marks, before anything else looks at the text."""
    faces = either(tables.words("emoticons"))
    return [
        rule(rf"(?:(?<=^)|(?<=[\s.,!?]))(?:{faces})(?=[\s.,!?]|$)", " "),
        rule(r"</?[A-Za-z][^<>]{0,80}>", " "),
        rule(r"\.{4,}|(?:(?<!\.)\. ){2,}\.", "..."),
        rule(r"!{2,}", "!"),
        rule(r"\?{2,}", "?"),
        rule(r"[!?]{3,}", "?!"),
        rule(r"([,;:])\1+", r"\1"),
        rule(r"(?i)\b(h[aeio]|la|na|ya)(?:\1){3,}h?\b", r"\1\1\1"),
    ]


@cache
def _word_rules() -> list[Rule]:
    """Letters that stand alone, and slashes between words."""
    counted = one_of("lettered")
    return [
        rule(rf"\b({counted}) A(?=[\s]*(?:[.,;:!?)]|$| to | and | or | is ))", rf"\1 {LETTER_A}"),
        rule(r"\b([Ff]rom) A to ([B-Z])\b", rf"\1 {LETTER_A} to \2"),
        rule(r"\b([A-F])\+(?!\w)", lambda m: f"{LETTER_A if m[1] == 'A' else m[1]} plus"),
        rule(r"\b(A)-(?=\s|$|[.,!?])", f"{LETTER_A} minus"),
        rule(r"\b([B-F])-(?=\s|$|[.,!?])", r"\1 minus"),
        rule(r"(?<!\w)(AM|PM|AD|BC|BCE|CE|NE|NW|SE|SW)\b", lambda m: letters(m[1])),
        rule(r"\band/or\b", "and or"),
        rule(r"\b(he|she|his|her|him|hers|s?he|they|yes|this|true|either|him|Mr|boy|man|male)/(?=[a-z])", r"\1 or "),
        rule(r"(?<=[a-z\d])\s/\s(?=[a-zA-Z])|(?<=[a-z])/(?=[A-Za-z]{2})|(?<=[a-z])/ (?=[a-z])", " slash "),
        rule(r"(?<=\b[a-z])/(?=[a-z]\b)", " slash "),
        rule(r"(?<=[A-Za-z\d])\+\+(?!\w)", " plus plus"),
    ]


_IN_YEARS = re.compile(r"(?i)\b(?:in|since|by|until|till|from|of|to|year|before|after|during|around|and)\s$")
_THINGS = re.compile(r"\s(?:square|cubic|[a-z]{3,20}(?<![aiu])s)\b(?<!this)(?<!was)(?<!has)(?<!census)")


def _year(match: re.Match[str]) -> str:
    """Four figures as a year, but where they count things: 1984 was a year, 1984 people are so many."""
    counted = _THINGS.match(match.string, match.end()) and int(match[1]) % 100
    named = _IN_YEARS.search(match.string[max(0, match.start() - 12) : match.start()])
    return number(match[1]) if counted and not named else year(int(match[1]))


@cache
def _number_rules() -> list[Rule]:
    """What is left of figures, once every kind of number that has a rule is said."""
    return [
        rule(
            r"(\d{1,9})((?:\.\d{1,9}){2,6})(?!\d)",
            lambda m: " " + " point ".join(number(part) for part in m[0].split(".")),
        ),
        rule(r"(?<![\d,.])(1[1-9]\d\d|20\d\d|(?<=[Ii]n )10\d\d)(?!\d|[.,]\d|\s?%)", _year),
        rule(r"(?<!\d)\d{10,}(?![\d,])", lambda m: f" {digits(m[0])} "),
        rule(r"(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,30})(?:\.\d{1,30})?|\.\d{1,30}", lambda m: f" {number(m[0])} "),
        rule(r"\d+", lambda m: f" {digits(m[0])} "),
    ]


@cache
def _rules(language: str, figures: bool) -> list[Rule]:
    """All rules after those for links, in order; half of them have nothing to do in a text without figures."""
    from generation.text.rules import abbreviations, calendar, codes, quantities

    return [
        *(calendar.clock_rules() + codes.telephone_rules() if figures else []),
        *abbreviations.address_rules(),
        *abbreviations.abbreviation_rules(),
        *abbreviations.roman_rules(),
        *calendar.date_rules(language == "en-gb"),
        *(quantities.money_rules() if figures else []),
        *quantities.measure_rules(),
        *quantities.arithmetic_rules(),
        *(quantities.number_rules() + codes.serial_rules() if figures else []),
        *_word_rules(),
        *(_number_rules() if figures else []),
    ]


@cache
def _link_rules() -> list[Rule]:
    from generation.text.rules import codes

    return codes.link_rules()


def _drawn_out(match: re.Match[str]) -> str:
    """A word with letters drawn out, as it is usually written: Noooo -> No, goood -> good."""
    word = match[0]
    runs = [m.span() for m in re.finditer(r"(?i)([a-z])\1{2,}", word)][:3]
    best: list[str] = [word]
    for start, stop in reversed(runs):
        best = [w[:start] + w[start] * count + w[stop:] for w in best for count in (2, 1)]
    for candidate in best:
        if candidate.lower() in _known_words():
            return candidate
    short = best[-1]
    return best[0] if re.search(r"(?i)[^aeiou](?:oo|ee)[^aeiouw]", best[0]) else short


@cache
def _known_words() -> frozenset[str]:
    return tables.words("words") | frozenset(tables.column("interjections", "written", "en-us"))


def _pieces(text: str) -> list[str]:
    """The text cut into pieces of bounded length, after a sentence or at a space where there is one."""
    pieces = []
    while len(text) > _LONGEST:
        window = text[:_LONGEST]
        cut = max(window.rfind(mark) + 1 for mark in (". ", "! ", "? ")) or window.rfind(" ") + 1 or _LONGEST
        pieces.append(text[:cut])
        text = text[cut:]
    return [*pieces, text]


def normalise(text: str, language: str = "en-us") -> str:
    """English text as it is said: only words and the punctuation ``! , . : ; ? - '``.

    Handles what the tables of ``generation/text/data`` and the rules of ``generation/text/rules`` name: numbers,
    dates, times, money, units, links, telephone numbers, abbreviations, Roman numerals, capitals, signs. Text that is
    already plain words comes back unchanged but for white space and drawn-out letters.

    Args:
        text: as written.
        language: "en-us" or "en-gb", which differ in how figures of a date are read.
    """
    return plain_words(spoken_form(text, language))


def spoken_form(text: str, language: str = "en-us") -> str:
    """As :func:`normalise`, with :data:`~generation.text.rules.rule.JOINT` between letters that are named."""
    text = _plain_characters(text)
    return " ".join(said for piece in _pieces(text) if (said := _normalised(piece, language)))


def plain_words(spoken: str) -> str:
    """The words of :func:`spoken_form` as people write them, letters of an acronym with spaces between."""
    return re.sub(f"{JOINT}(?=[A-Z])", " ", spoken).replace(JOINT, "")


def _normalised(text: str, language: str) -> str:
    from generation.text.rules.capitals import spell_capitals

    text = apply(_first_rules(), text)
    text = apply(_link_rules(), text)
    text = spell_capitals(text)
    text = apply(_rules(language, any(c.isdigit() for c in text)), text)
    symbols = _symbols()
    text = "".join(symbols.get(character, character) for character in text)
    text = re.sub(r"\b[A-Za-z]*?([A-Za-z])(?:(?i:\1)){2,}[A-Za-z]*", _drawn_out, text)
    text = re.sub(f"{JOINT}(?=[A-Za-z]{{2}})", " ", text)
    text = re.sub(rf"\bA (?=[A-Z]{JOINT})", "a ", text)  # the article, no letter of the acronym
    text = _OPENING_QUOTE.sub("", text)
    text = re.sub(r"(?<=[\s(])'([A-MO-Za-mo-z])'(?!\w)", r"\1", text)
    text = re.sub(r"(?<=\w)-\s|\s-(?=\w)|(?<![\w.])'(?!\w)|(?<=\s)-(?=\s)", " ", text)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" (?=[,.!?;:](?!\.))", "", text)
    text = re.sub(r"(?:,\s?)+(?=[,.!?;:])|^[,\s]+|[,\s]+$", "", text)
    return text.strip()
