"""Abbreviations, initials, streets and states, and Roman numerals."""

from __future__ import annotations

import re
from functools import cache

from generation.text.rules.numbers import ROMAN, cardinal, digits, ordinal, pairs, roman
from generation.text.rules.rule import JOINT, Rule, either, letters, one_of, rule
from generation.text.rules.tables import column, group, table_rows, words

_SENTENCE_START = re.compile(
    r"\s*$|\s+(?:I|He|She|It|We|You|They|The|This|That|These|Those|There|Then|An?|And|But|So|Or|If|In|On|At|To|For|From"
    r"|What|Why|How|When|Where|Who|Is|Are|Was|Were|Do|Does|Did|Can|Could|Will|Would|My|Your|His|Her|Our|Their|Not?|Yes"
    r"|Go|Let|As|After|Before|Now|Please)\b(?!\.)"
)
"""After a stop that ends an abbreviation, these words tell that it ended the sentence as well."""

_COMPASS = {
    "N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest", "SE": "Southeast",
    "SW": "Southwest",
}  # fmt: skip


def _ends(match: re.Match[str]) -> str:
    """A full stop where the one of the abbreviation ended the sentence as well."""
    return "." if match[0].endswith(".") and _SENTENCE_START.match(match.string, match.end()) else ""


@cache
def _spoken() -> dict[str, str]:
    return {row["written"].casefold(): row["spoken"] for row in table_rows("abbreviations")}


@cache
def _streets() -> dict[str, str]:
    return {row["written"].casefold(): row["spoken"] for row in table_rows("streets")}


def _of(when: str) -> str:
    names = [row["written"] for row in table_rows("abbreviations") if row["when"] == when]
    return either(
        {*names, *(name[0].upper() + name[1:] for name in names), *(name.lower() for name in names if when != "name")}
    )


def _initials(match: re.Match[str]) -> str:
    said = letters(re.sub(r"'?s$", "", match[0]))
    own = "'s" if match[0].endswith("s") and "." in match[0] else ""
    return said + own + _ends(match)


def _house(text: str) -> str:
    letter = text.lstrip("0123456789")
    figures = text.removesuffix(letter)
    return pairs(figures) + (f" {letter.upper()}" if letter else "")


def _street(match: re.Match[str]) -> str:
    side = f"{_COMPASS[match['side']]} " if match["side"] else ""
    name = re.sub(r"^St\.? ", "saint ", match["name"])
    numbered = re.match(r"(\d{1,3})(?i:st|nd|rd|th)?$", name)
    if numbered:
        name = ordinal(int(numbered[1])) if not name.isdigit() else cardinal(int(name))
    end = f" {_COMPASS[match['end']]}" if match["end"] else _ends(match)
    return f"{_house(match['house'])} {side}{name} {_streets()[match['kind'].casefold()]}{end}"


def address_rules() -> list[Rule]:
    """Streets with house numbers, numbered streets, states before their zip codes."""
    kinds = either(_streets())
    named = r"(?P<name>(?:[A-Z][a-z'’]{1,20}\.?|\d{1,3}(?i:st|nd|rd|th))(?: [A-Z][a-z']{1,20}){0,3}?)"
    states = either(row["written"] for row in table_rows("states"))
    full = {row["written"]: row["spoken"] for row in table_rows("states")}

    def state(match: re.Match[str]) -> str:
        return f"{match[1]}{full[match[2]]}" + (f" {digits(match[3])}" if match[3] else "") + (
            f", {digits(match[4])}" if match[4] else "")  # fmt: skip

    return [
        rule(r"\bNo\.\s(?=\d)", "number "),
        rule(r"\b[Vv]s\.(?=\s)", "versus"),
        rule(rf"(?<![\w.,$£€/-])(?P<house>\d{{1,5}}[A-Za-z]?) (?:(?P<side>[NSEW]|[NS][EW])\.? )?{named} "
             rf"(?P<kind>(?i:{kinds}))\b\.?(?: (?P<end>NW|NE|SW|SE|[NSEW](?![\w'’.])(?! [A-Z][a-z]))\b)?"
             r"(?!['’\w])", _street),
        rule(r"(?<![\w.])(?P<house>\d{1,5}[A-Za-z]?) (?P<side>[NSEW]|[NS][EW])\.? "
             r"(?=\d{1,3}(?i:st|nd|rd|th)\b|[A-Z][a-z])",
             lambda m: f"{_house(m['house'])} {_COMPASS[m['side']]} "),
        rule(rf"(?<![\w.,$£€/-])(\d{{3,5}}[A-Za-z]?)(?= (?:[A-Z][a-z]{{1,20}} ){{1,3}}"
             rf"(?:{either(group('street names'))})\b)",
             lambda m: _house(m[1])),
        rule(rf"(?<![\w.])([NSEW]|[NS][EW])\.? (?=(?:\d{{1,3}}(?i:st|nd|rd|th)|[A-Z][a-z]{{1,20}}) "
             rf"(?i:{kinds}|street|avenue|road)\b)",
             lambda m: f"{_COMPASS[m[1]]} "),
        rule(rf"\b([A-Z][a-z]{{1,20}},? )({states})(?:,? (\d{{5}})(?:-(\d{{4}}))?)(?!\w)", state),
        rule(rf"\b([A-Z][a-z]{{1,20}}, )({states})()()\b(?![\w'])(?!\.\w)", state),
        rule(rf"(?<=[a-z\d] )({kinds})\.(?= (?:[a-z]|[A-Z][a-z]{{1,20}}\.? (?:St|Ave)))"
             rf"|(?<=(?:\dst|\dnd|\drd|\dth) )({kinds})\b\.?",
             _kind),
    ]  # fmt: skip


def _kind(match: re.Match[str]) -> str:
    text = match[1] or match[2]
    before = match.string[: match.start()].split()
    named = before and (before[-1][0].isupper() or before[-1][0].isdigit())
    if not named or (match[1] and not match[1][0].isupper()):
        return match[0]
    return _streets()[text.casefold()] + _ends(match)


def _abbreviation(match: re.Match[str]) -> str:
    counted = re.search(r"\d\s?$", match.string[max(0, match.start() - 3) : match.start()])
    if counted and match[1] in column("units", "written", "unit"):
        return match[0]  # 10 min. is ten minutes, no minimum
    number = re.match(r"\s?\d", match.string[match.end() : match.end() + 2])
    name = match[1].istitle() and match[1].casefold() in words("given_names") and not number
    before = match.string[: match.start()].rsplit(None, 1)[-1:]
    if name and not counted and not (before and before[0].casefold() in group("before months")):
        return match[0]  # Max and Jan are people as well
    return _spoken()[re.sub(r"\s+", " ", match[1]).casefold()].replace("N A", letters("NA")) + _ends(match)


def abbreviation_rules() -> list[Rule]:
    """Titles, Latin, months and weekdays, and letters with stops between them."""
    latin = [
        rule(r"\b[Ee]\.\s?g\.,?", "for example,"),
        rule(r"\b[Ii]\.\s?e\.,?", "that is,"),
        rule(r"\b[Aa]\.?[Kk]\.?[Aa]\b\.?", "also known as"),
        rule(r"\b[Aa]\.[Ss]\.[Aa]\.[Pp]\b\.?", "ASAP"),
        rule(r"\b[Pp][Hh]\.\s?D\b\.?", letters("PHD")),
        rule(r"(?<![\w.])[Nn]os?\.\s?(?=\d)|(?<!\w)#\s?(?=\d)", lambda m: "numbers " if "os" in m[0] else "number "),
        rule(r"\bSt\.(?=\s+[A-Z])", "saint"),
        rule(r"\bSt\.(?=\s*$)", "street."),
        rule(r"\bSt\.", "street"),
        rule(r"\bSte\.(?=\s[A-Z])", "saint"),
        rule(r"(?<=[a-z] )Dr\.(?=\s(?![A-Z])|\s*$|,)", lambda m: "drive" + _ends(m)),
        rule(r"\b(?:[Ss]q)\.?\s(?:[Ff]t)\b\.?", "square feet"),
        rule(r"(?<=\d(?:st|nd|rd|th) )(?:c|fl)\.(?=\s|,|$)",
             lambda m: ("century" if m[0][0] == "c" else "floor") + _ends(m)),
        rule(r"\b(?:Hwy|Rte)\.?\s(?=\d)", lambda m: "highway " if m[0][0] == "H" else "route "),
    ]  # fmt: skip
    return [
        *latin,
        rule(rf"(?<![\w.])({_of('number')})\.?\s?(?=(?:\d|(?<![Nn]o\. )(?:[VX]|[IVXLC]{{2,7}})\b))(?<![A-Za-z]\d)",
             _numbered),
        rule(rf"(?<![\w.'-])({_of('name')})(?:\.\s?(?=\w)|\s(?=[A-Z][a-z']))",
             lambda m: _spoken()[m[1].casefold()] + " "),
        rule(rf"(?<![\w.'-])({_of('name')})\.(?=\s|,|$)", _abbreviation),
        rule(rf"(?<![\w.'])({_of('stop')})\.(?=\s|[,;:)!?]|$)", _abbreviation),
        rule(rf"(?<![\w.'/])(?<!\d )({_of('bare')})(?:\.(?=\s*$)|\.(?![\w.])|(?<![/])(?![\w'/.]))", _abbreviation),
        rule(r"(?<=w/)(?=\w)", " "),
        rule(r"(?<![\w/])w/ (?=\w)", "with "),
        rule(r"\b(?:[A-Za-z]\.\s?){1,6}[A-Za-z]\.(?:'?s\b)?(?![a-z])|\b[a-z]\.[a-z]\.(?:[a-z]\.){0,4}", _initials),
        rule(r"\b(?:[A-Z]\.){1,6}[A-Z]\b(?!\.\w)", _initials),
        rule(r"(?<=[a-z] )(?!I\.)[A-Z]\.(?= [A-Z])|(?:(?<=^)|(?<=[\"(]))[A-Z]\.(?= [A-Z][a-z])", _initials),
    ]  # fmt: skip


def _numbered(match: re.Match[str]) -> str:
    if not match[0].rstrip().endswith(".") and match[1].lower() in (
        "no",
        "c",
        "p",
        "ed",
        "art",
        "pt",
        "ext",
        "fl",
        "sec",
        "ep",
        "ca",
    ):
        return match[0] if match[1] != "p" else "page "
    return _spoken()[match[1].casefold()] + " "


def _roman(match: re.Match[str]) -> str:
    before, text = match["before"], match["roman"]
    value = roman(text)
    if before.casefold() in group("numbered in Roman"):
        return f"{before} {cardinal(value)}"
    names = re.search(r"([A-Za-z]+)\s$", match.string[max(0, match.start() - 30) : match.start()])
    named = before.title() in group("rulers") or before.casefold() in words("given_names") or (
        names is not None and names[1][0].isupper() and names[1].casefold() in words("given_names"))  # fmt: skip
    return f"{before} {f'the {ordinal(value)}' if named else cardinal(value)}"


def roman_rules() -> list[Rule]:
    """Roman numerals: numbers after chapters and sequels, ordinals after people's names."""
    counted = one_of("numbered in Roman")
    after = r"(?=[\s]*(?:[.,:;!?)\"]|$|and\b|or\b|of\b|to\b|is\b|was\b|in\b|by\b|with\b|scene\b|Scene\b|at\b|-))"
    return [
        rule(r"\b(?=[XVI]{1,7}\b)(X{0,3}(?:IX|IV|V?I{0,3}))(?= [Cc]entur(?:y|ies)\b)", lambda m: ordinal(roman(m[1]))),
        rule(r"(?<=\b[Tt]he )(?=[XVI]{2,7}\b)(X{0,3}(?:IX|IV|V?I{0,3}))(?= [A-Z][a-z])",
             lambda m: ordinal(roman(m[1]))),
        rule(rf"\b({counted})\s(?=[ivx]{{2,6}}\b)(x{{0,2}}(?:ix|iv|v?i{{0,3}}))\b(?!')",
             lambda m: f"{m[1]} {cardinal(roman(m[2].upper()))}"),
        rule(rf"\b(?P<before>{counted})\s(?P<roman>(?=[IVXLC]{{2,}}\b){ROMAN})\b(?!')", _roman),
        rule(rf"\b(?P<before>{counted})\s(?P<roman>[VX])\b(?!['{JOINT}]|\.\w)", _roman),
        rule(rf"\b(?P<before>{counted})\s(?P<roman>I)\b(?!'){after}", _roman),
        rule(rf"(?P<before>(?<={JOINT})[A-Z])\s(?P<roman>V|(?=[IVX]{{2,8}}\b)X{{0,3}}(?:IX|IV|V?I{{0,3}}))\b(?![-.]\w)",
             _roman),
        rule(rf"\b(?P<before>{either(group('rulers'))})\s(?P<roman>V|X|(?=[IVXLC]{{2,}}\b){ROMAN})\b", _roman),
        rule(r"(?:(?<=King )|(?<=Queen )|(?<=Pope )|(?<=Emperor )|(?<=Tsar )|(?<=Kaiser )|(?<=Sultan ))"
             r"(?P<before>[A-Z][a-z]{1,20})\s(?P<roman>I)\b"
             r"(?!'| (?:am|have|was|think|will|know|want|did|do|had|must|can)\b)", _roman),
        rule(r"\b(?P<before>(?!(?:The|And|But|As|That|If|So|Then|When)\b)[A-Z][a-z]{1,20})\s(?P<roman>(?=[IVX]{2,8}\b)X{0,3}(?:IX|IV|V?I{0,3}))\b(?!-)",
             _roman),
    ]  # fmt: skip
