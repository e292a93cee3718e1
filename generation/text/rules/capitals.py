"""Words in capitals: spelt letter by letter, read as words, or left to a later rule."""

from __future__ import annotations

import re

from generation.text.rules.calendar import DAYS, MONTHS, SHORT_MONTHS
from generation.text.rules.numbers import ROMAN
from generation.text.rules.rule import letters
from generation.text.rules.tables import column, group, table_rows, words

_TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")


def _spellable(word: str) -> bool:
    """Whether a word cannot be said but letter by letter: no vowel, or a beginning that English does not have."""
    onset = re.split("[aeiouy]", word, maxsplit=1)[0]
    return len(onset) == len(word) or (len(onset) > 1 and onset not in group("onsets"))


def _ambiguous(word: str, before: str, after: str, shouting: bool) -> bool:
    """Whether an acronym that is a common word as well (US, IT, WHO) is meant as an acronym here."""
    if word == "IT":
        if after in group("after IT") or (before in ("in", "the", "our", "an") and not after):
            return True
        return not shouting and before in ("in", "the", "our", "an", "from", "and", "hr") and after != "is"
    if word == "US":
        if before in ("in", "from", "across", "outside"):
            return not shouting
        return before in ("the", "a") or after in ("army", "navy", "dollars", "president", "government", "and")
    if word == "WHO":
        return before == "the" and not shouting
    return not shouting


def spell_capitals(text: str) -> str:
    """The text with its words in capitals resolved.

    An acronym becomes the names of its letters; a shouted word is written small; abbreviations, months, names and
    Roman numerals of a shouted line get the letters that other rules know them by; units, currencies, states and the
    halves of the day stay.
    """
    if not re.search(r"[A-Z]{2}", text):
        return text
    found = list(_TOKEN.finditer(text))
    plain = [m[0] for m in found if len(m[0]) > 1 and (m.start() == 0 or not text[m.start() - 1].isdigit())]
    shouting = len(plain) >= 3 and all(word.isupper() for word in plain)
    out: list[str] = []
    at = 0
    for index, match in enumerate(found):
        out.append(text[at : match.start()])
        at = match.end()
        before = found[index - 1][0].lower() if index else ""
        after = found[index + 1][0].lower() if index + 1 < len(found) else ""
        out.append(_resolved(text, match, before, after, shouting))
    out.append(text[at:])
    said = "".join(out)
    return re.sub(r"(\d)(ST|ND|RD|TH)\b", lambda m: m[1] + m[2].lower(), said) if shouting else said


def _resolved(text: str, match: re.Match[str], before: str, after: str, shouting: bool) -> str:
    token = match[0]
    plural = re.fullmatch(r"([A-Z]{2,6})('?s)", token)
    word = plural[1] if plural else re.sub(r"'[A-Z]+$", "", token)
    tail = token[len(word) :]
    if not word.isupper() or (len(word) < 2 and not shouting):
        return token
    if len(word) == 1:
        return token if word == "I" or not (word == "A" and shouting) else "a"
    left = text[max(0, match.start() - 2) : match.start()]
    right = text[match.end() : match.end() + 2]
    if word in ("NE", "NW", "SE", "SW") and (left.strip()[-1:].isdigit() or before in _streets()):
        return token
    if word.capitalize() in SHORT_MONTHS and re.match(r"\.?\s\d", text[match.end() : match.end() + 3]):
        return word.capitalize() + tail.lower()
    if _kept(word, left, right, text[match.end() : match.end() + 8]):
        small = word.lower()
        return small + tail if shouting and small in column("units", "written", "unit") else token
    small = word.lower()
    how = column("acronyms", "written", "how").get(word, "")
    known = small in words("words") or small in column("interjections", "written", "en-us")
    if re.fullmatch(ROMAN, word) and (
        before in group("numbered in Roman") or before.capitalize() in group("rulers") or before in words("given_names")
    ):
        return token
    if how == "letters" and (not known or plural or _ambiguous(word, before, after, shouting)):
        return letters(word) + (f"'{tail.lstrip(chr(39)).lower()}" if tail else "")
    if how == "word":
        return token if not tail else word + tail.lower()
    if shouting:
        return _shouted(word, tail, small, right, before, after)
    if known:
        return token.lower()
    if (len(word) <= 3 or (len(word) <= 5 and _spellable(small))) and not re.fullmatch(ROMAN, word):
        return letters(word) + (f"'{tail.lstrip(chr(39)).lower()}" if tail else "")
    return token


def _streets() -> set[str]:
    return {name.casefold() for name in column("streets", "written", "spoken")}


def _kept(word: str, left: str, right: str, ahead: str) -> bool:
    """Units, currencies, halves of the day, zones and states beside figures belong to other rules."""
    if right[:1] == "$" or right[:1].isdigit() or left[-1:].isdigit():
        return True
    beside = bool(re.search(r"\d[\s:.]?$", left)) or bool(re.match(r"\.?\s?\d", right))
    if beside and (word in ("AM", "PM", "AD", "BC", "BCE", "CE") or word in column("currencies", "written", "unit")
                   or word in column("units", "written", "unit")):  # fmt: skip
        return True
    return word in column("states", "written", "spoken") and (left == ", " or bool(re.match(r",? \d{5}", ahead)))


def _shouted(word: str, tail: str, small: str, right: str, before: str, after: str) -> str:
    stopped = right[:1] == "."
    titles = {row["written"].casefold(): row["when"] for row in table_rows("abbreviations")}
    streets = _streets()
    if small in ("mr", "mrs", "ms", "dr") or (stopped and (titles.get(small) == "name" or small in streets)):
        return small.capitalize() + tail.lower()
    dated = small.capitalize() in (*MONTHS, *DAYS) and small not in ("may", "march")
    # The name after a title is written as names are: the rule for the title looks for it.
    saint = before == "st" and small not in words("words")
    titled = saint or before in ("mr", "mrs", "ms", "dr") or titles.get(before) == "name"
    numeral = bool(after) and bool(re.fullmatch(ROMAN, after.upper())) and len(after) > 1
    if (
        dated
        or titled
        or small in words("given_names")
        or (numeral and (small in group("numbered in Roman") or small.capitalize() in group("rulers")))
    ):
        return small.capitalize() + tail.lower()
    if len(word) > 1 and _spellable(small) and small not in words("words") and small not in titles and len(small) <= 5 \
            and small not in column("interjections", "written", "en-us"):  # fmt: skip
        return letters(word) + tail.lower()
    return small + tail.lower()
