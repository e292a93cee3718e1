"""Written Spanish, French, Italian and Portuguese as they are said; what differs stands in ``data/romance*.tsv``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

from generation.text.rules import tables
from generation.text.rules.numbers import ROMAN, roman
from generation.text.rules.rule import Rule, apply, either, rule

_CODES = {"es": "es", "fr-fr": "fr", "it": "it", "pt-br": "pt"}
"""Voice of eSpeak NG -> column of the tables."""
_NUM2WORDS = {"es": "es", "fr": "fr", "it": "it", "pt": "pt_BR"}
_GREATEST = 15
"""Digits of the longest whole number that is said as one."""
_ORDINALS = 10
"""Kings and Spanish centuries above this are counted, not ranked: Felipe sexto, Luis catorce."""
_NOON = 12
_HARD_START = re.compile("s[^aeiou]|z|gn|ps|x|y")
"""Of Italian words that are counted with uno in place of un."""
_NUMBER = (
    r"(?<![\d.,])\d{1,3}(?:[.\u00a0]\d{3})+(?:,\d{1,9})?(?![\d.,]?\d)|(?<![\d.,])\d{1,30}(?:[.,]\d{1,9})?(?![.,]?\d)"
)
_SPACES = dict.fromkeys(map(ord, "\u2009\u202f\u2007"), "\u00a0")
_QUOTES = {ord(c): plain for c, plain in zip("‘’ʼ´`“”„«»‹›¿¡…‐‑", ["'"] * 5 + [""] * 9 + ["..."] + ["-"] * 2)}


@cache
def _cells(kind: str, code: str) -> dict[str, str]:
    return {row["written"]: row[code] for row in tables.table_rows("romance") if row["kind"] == kind}


def _word(name: str, code: str) -> str:
    return _cells("word", code)[name].strip()


def _joined(*words: str) -> str:
    return " ".join(word for word in words if word)


def cardinal(number: int, code: str, gender: str = "", counts: bool = False) -> str:
    """Words of a whole number.

    Args:
        number: not negative.
        code: es, fr, it or pt.
        gender: "f" where it counts something feminine.
        counts: whether a noun follows, before which Spanish and Italian cut off the last vowel of one.
    """
    # Late: the library takes a third of a second to load, and most lines hold no number.
    from num2words import num2words

    words = num2words(number, lang=_NUM2WORDS[code]).replace(",", "")
    if code == "es":
        words = words.replace("veintiuno mil", "veintiún mil").replace("y uno mil", "y un mil")
        if gender == "f":
            words = re.sub(r"uno$", "una", re.sub(r"(?<=[cn]ient)os|(?<=quinient)os", "as", words))
        elif counts:
            words = re.sub(r"veintiuno$", "veintiún", re.sub(r"\buno$", "un", words))
    elif code == "pt" and gender == "f":
        words = re.sub(r"(?<=[zn]ent)os|(?<=quinhent)os", "as", words)
        words = re.sub(r"\bum$", "uma", re.sub(r"\bdois$", "duas", words))
    elif code == "fr" and gender == "f":
        words = re.sub(r"\bun$", "une", words)
    elif code == "it" and number == 1:
        words = "una" if gender == "f" else "un" if counts else words
    elif code == "it":
        words = re.sub("(?<=[aio])tre$", "tré", words)
    return words.replace("catorze", "quatorze") if code == "pt" else words


def ordinal(number: int, code: str, gender: str = "") -> str:
    """Words of an ordinal number; ``gender`` "f" is feminine."""
    from num2words import num2words

    words = num2words(number, lang=_NUM2WORDS[code], to="ordinal")
    if code == "fr":
        return "première" if number == 1 and gender == "f" else words
    return " ".join(re.sub("o$", "a", word) for word in words.split()) if gender == "f" else words


def _digits(text: str, code: str) -> str:
    return " ".join(cardinal(int(digit), code) for digit in text if digit.isdigit())


def _whole(text: str, code: str, gender: str = "", counts: bool = False) -> str:
    """Words of the digits of a whole number; one with leading zeros, or a very long one, digit by digit."""
    if (len(text) > 1 and text[0] == "0") or len(text) >= _GREATEST:
        return _digits(text, code)
    return cardinal(int(text), code, gender, counts)


def _parts(text: str) -> tuple[str, str]:
    """Whole digits and decimals of a number as written: 1.234,5 -> 1234, 5; a point but before three figures is one."""
    text = text.replace("\u00a0", "")
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?", text):
        text = text.replace(".", "")
    whole, _, decimals = text.replace(",", ".").partition(".")
    return whole, decimals


def number(text: str, code: str, gender: str = "", counts: bool = False) -> str:
    """Words of a number as written, with marks of thousands and decimals."""
    whole, decimals = _parts(text)
    if not decimals:
        return _whole(whole, code, gender, counts)
    after = _digits(decimals, code) if decimals[0] == "0" or len(decimals) > 2 else cardinal(int(decimals), code)
    return f"{_whole(whole, code)} {_word('comma', code)} {after}"


def _counted(text: str, cell: str, code: str) -> str:
    """A number with a unit of a table: ``one|many|gender``."""
    one, many, gender = cell.split("|")
    whole, decimals = _parts(text)
    single = whole in ("0", "1") if code == "fr" else whole == "1" and not decimals
    return f"{number(text, code, gender, counts=True)} {one if single else many}"


def _money_rules(code: str) -> list[Rule]:
    signs, cents, great = (_cells(kind, code) for kind in ("currency", "cents", "great"))
    sign, scales = either(signs), either({name for cell in great.values() for name in cell.split("|")})

    def amount(text: str, written: str) -> str:
        whole, decimals = _parts(text)
        if len(decimals) == 1:
            decimals += "0"
        if len(decimals) != 2:
            return f" {_counted(text, signs[written], code)} "
        units = f" {_counted(whole, signs[written], code)} "
        if decimals == "00":
            return units
        small = f"{_counted(decimals.lstrip('0'), cents.get(written, cents['*']), code)} "
        return f" {small}" if whole == "0" else f"{units}{_joined(_word('cents', code), small)}"

    def millions(text: str, scale: str, written: str) -> str:
        plain = "" if scale in great["thousand"].split("|") else f"{_word('of', code)} "
        many = signs[written].split("|")[1]
        if plain == "de " and code == "fr" and many[0] in "aeiouéh":
            plain = "d'"
        return f" {number(text, code, counts=True)} {scale} {plain}{many} "

    return [
        rule(rf"({sign})\s?({_NUMBER})\s({scales})\b", lambda m: millions(m[2], m[3], m[1])),
        rule(rf"({_NUMBER})\s({scales})\s(?:d[ei]\s|d')?({sign})(?!\w)", lambda m: millions(m[1], m[2], m[3])),
        rule(rf"({sign})\s?({_NUMBER})", lambda m: amount(m[2], m[1])),
        rule(rf"({_NUMBER})\s?({sign})(?!\w)", lambda m: amount(m[1], m[2])),
    ]


def _time_rules(code: str) -> list[Rule]:
    hour_word = _cells("unit", code)["h"]

    def clock(match: re.Match[str]) -> str:
        hour, minute = int(match[1]), int(match[2] or 0)
        if hour > 24 or minute > 59:
            return match[0]
        gender = "" if code == "it" and hour != 1 else "f"
        said = cardinal(hour, code, gender)
        if code == "fr" or (not minute and "h" in match[0]):
            said = _counted(str(hour), hour_word, code)
        between = {"es": "y" if hour <= _NOON else "", "fr": ""}.get(code, "e")
        return f" {_joined(said, between if minute else '', cardinal(minute, code) if minute else '')} "

    return [
        rule(r"(?<![\d:.,])(\d{1,2})\s?[hH]\s?([0-5]\d)(?![\d\w])", clock),
        rule(r"(?<![\d:.,])(\d{1,2}):([0-5]\d)(?::\d\d)?(?:\s?h\b)?(?![\d:])", clock),
        rule(r"(?<![\d:.,])(\d{1,2})\s?h()(?!\w)", clock),
    ]


def _date_rules(code: str) -> list[Rule]:
    months, of = _cells("month", code), _word("date of", code)

    def date(match: re.Match[str]) -> str:
        day, month, year = int(match["day"]), match["month"].lstrip("0"), match.groupdict().get("year")
        if month not in months or not 1 <= day <= 31:
            return match[0]
        first = _word("first", code) if day == 1 else cardinal(day, code)
        when = _joined(first, of, months[month])
        return f" {_joined(when, of, cardinal(int(year), code)) if year else when} "

    rules = [
        rule(r"(?<![\d/.-])(?P<day>\d{1,2})(?P<mark>[/.-])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})(?![\d/])", date),
        rule(r"(?<![\d/.-])(?P<day>\d{1,2})/(?P<month>0[1-9]|1[0-2])(?![\d/%])", date),
    ]
    if code != "es":
        named = rf"(?<![\d.,])(?:1|1er|1[º°])\s((?:de )?(?:{either(months.values())}))\b"
        rules.append(rule(named, lambda m: f"{_word('first', code)} {m[1]}"))
    return rules


def _ordinal_rules(code: str) -> list[Rule]:
    centuries = either(_cells("century", code)["words"].split())

    def ranked(value: int, gender: str = "") -> str:
        if code in ("es", "pt") and value > _ORDINALS or code == "fr" and value > 1:
            return cardinal(value, code)
        return ordinal(value, code, gender)

    def century(text: str) -> str:
        value = roman(text)
        return ordinal(value, code) if code in ("fr", "it") or value <= _ORDINALS else cardinal(value, code)

    suffixed = {
        "es": r"(\d{1,3})\.?(?:º|er)|(\d{1,3})\.?ª",
        "fr": r"(\d{1,3})(?:er|e|ème|nd)\b|(\d{1,3})(?:re|ère|nde)\b",
        "it": r"(\d{1,3})(?:º|°(?!\s?C))|(\d{1,3})ª",
        "pt": r"(\d{1,3})\.?º|(\d{1,3})\.?ª",
    }[code]

    def suffix(match: re.Match[str]) -> str:
        said = ordinal(int(match[1] or match[2]), code, "" if match[1] else "f")
        return re.sub("(primer|tercer)o$", r"\1", said) if match[0].endswith("er") and code == "es" else said

    return [
        rule(rf"\b({centuries})\s({ROMAN})\b", lambda m: f"{m[1]} {century(m[2])}"),
        rule(rf"\b({ROMAN})(?:er|e|ème)?\s({centuries})\b", lambda m: f"{century(m[1])} {m[2]}"),
        rule(rf"(?<=[a-zà-ÿ]\s)(?:({ROMAN})(?<=[IVX]{{2}})\b|Ier\b)", lambda m: ranked(roman(m[1] or "I"))),
        rule(rf"(?<![\d.,])(?:{suffixed})(?!\w)", suffix),
    ]


def _figure_rules(code: str) -> list[Rule]:
    """What is left of figures: units, fractions, telephone numbers, ranges, counted things, plain numbers."""
    units = _cells("unit", code)
    feminine = {name: cell.split() for name, cell in _cells("feminine", code).items()}
    endings, but, only = tuple(feminine["endings"]), frozenset(feminine["but"]), frozenset(feminine["words"])

    def counting(match: re.Match[str]) -> str:
        noun = match[2].casefold()
        # Endings tell the gender, mostly; in French, none does.
        guess = noun in only or (noun not in but and noun.endswith(endings))
        if code == "it" and match[1] == "1" and _HARD_START.match(noun):
            return f"uno {match[2]}"
        return f"{number(match[1], code, 'f' if guess else '', counts=True)} {match[2]}"

    def grouped(match: re.Match[str]) -> str:
        return f" {_joined(*(_zeros(part, code) for part in re.split(r'[^0-9]+', match[0]) if part))} "

    fractions = {
        "1/2": "half",
        "1/4": "quarter",
        "3/4": "three quarters",
        "½": "half",
        "¼": "quarter",
        "¾": "three quarters",
    }
    return [
        rule(rf"(?<![\d/])({either(fractions)})(?![\d/])", lambda m: _word(fractions[m[1]], code)),
        rule(r"(?<![\d.,])\+?\d{2,3}(?:[\s.-]\d{2,3}){2,6}(?![\d.,]\d|\d)", grouped),
        rule(r"(?<=\d)\s?[-–]\s?(?=\d)", f" {_word('to', code)} "),
        rule(r"(?<![\w)])[-−](?=\d)", f"{_word('minus', code)} "),
        rule(rf"({_NUMBER})\s?({either(units)})(?![\w²³/])", lambda m: f" {_counted(m[1], units[m[2]], code)} "),
        rule(r"(?<=\d)\s?[x×]\s?(?=\d)", f" {_word('times', code)} "),
        rule(rf"({_NUMBER})\s([^\W\d_]{{3,}})", counting),
        rule(rf"{_NUMBER}", lambda m: f" {number(m[0], code)} "),
        rule(r"\d+", lambda m: f" {_digits(m[0], code)} "),
    ]


def _zeros(part: str, code: str) -> str:
    """Words of a group of a telephone number: its leading zeros, then the rest."""
    zeros = len(part) - len(part.lstrip("0"))
    rest = part[zeros:].lstrip("+")
    return _joined(_digits("0" * zeros, code), cardinal(int(rest), code) if rest else "")


def _abbreviation_rules(code: str) -> list[Rule]:
    rules = []
    follows = {"name": r"(?=\s?[A-ZÀ-Ý])", "figure": r"(?=\s?\d)", "": r"(?!\w)"}
    rows = [row for row in tables.table_rows("romance_abbreviations") if row["language"] == code]
    for row in sorted(rows, key=lambda row: -len(row["written"])):
        first, rest = row["written"][0], re.escape(row["written"][1:]).replace(r"\ ", r"\s?")
        written = (first if first.isupper() else f"[{first}{first.upper()}]") + rest
        spoken = row["spoken"]
        end = f"{spoken}." if row["written"].endswith(".") else spoken
        rules.append(rule(rf"(?<![\w.]){written}(?=\s*$)", end))
        rules.append(rule(rf"(?<![\w.]){written}{follows[row['when']]}", f"{spoken} "))
    return rules


def _spelling_rules(code: str) -> list[Rule]:
    """Acronyms letter by letter: those without a vowel and those of the table."""
    names, spelt = _cells("letter", code), _cells("spelt", code)
    words, acronyms = spelt["words"].split(), spelt["acronyms"].split()

    def spelling(match: re.Match[str]) -> str:
        if match[0] in words:
            return match[0].lower()
        if match[0] in acronyms or not re.search("[AEIOU]", match[0]):
            return " ".join(names[letter] for letter in match[0])
        return match[0]

    return [rule(r"\b[A-Z]{2,6}\b", spelling)]


def _sign_rules(code: str) -> list[Rule]:
    word: Callable[[str], str] = lambda name: f" {_word(name, code)} "  # noqa: E731

    def address(match: re.Match[str]) -> str:
        bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", match[0])
        marks = {"@": "at", ".": "dot", "/": "slash", "-": "dash", "_": "dash"}
        return "".join(word(marks[c]) if c in marks else c for c in bare)

    return [
        rule(
            r"(?:https?://|www\.)[\w./-]*[\w/]|[\w.-]+@[\w-]+(?:\.[\w-]+)+",
            address,
        ),
        rule("&", word("and")),
        rule(r"#(?=\w)", word("hash")),
        rule(r"\s\+\s|(?<=\d)\+(?=\d)|\+(?=\d)", word("plus")),
        rule(r"\s?=\s?", word("equals")),
    ]


@cache
def _rules(code: str) -> list[Rule]:
    return [
        *_sign_rules(code)[:1],
        *_abbreviation_rules(code),
        *_money_rules(code),
        *_time_rules(code),
        *_date_rules(code),
        *_ordinal_rules(code),
        *_figure_rules(code)[:2],
        *_sign_rules(code)[1:],
        *_figure_rules(code)[2:],
        *_spelling_rules(code),
    ]


def spoken_romance(text: str, language: str) -> str:
    """Text as it is said: words and the punctuation ``! , . : ; ? - '``.

    Args:
        text: as written.
        language: "es", "fr-fr", "it" or "pt-br".
    """
    code = _CODES[language]
    text = unicodedata.normalize("NFC", text).translate(_SPACES).translate(_QUOTES)
    if code == "fr":  # plain spaces between thousands
        text = re.sub(r"(?<!\d)(?<!\d )[1-9]\d{0,2}(?: \d{3})+(?! ?\d)", lambda m: m[0].replace(" ", "\u00a0"), text)
    text = re.sub(r"(?<!\d)\s*(?:[—―]|--+)\s*|\s[–-]\s(?!\d)", ", ", text)
    text = apply(_rules(code), text.strip())
    text = re.sub(r"[^\w\s!,.:;?'-]|_", " ", text)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" (?=[,.!?;:])", "", re.sub(r"\b([dl]|[ad]all|dell|all)' ", r"\1'", text))
    text = re.sub(r"\.{2,}", "...", re.sub(r"([!?,;:])\1+", r"\1", text))
    return re.sub(r"(?:,\s?)+(?=[,.!?;:])|^[,\s]+|[,\s]+$", "", text).strip()
