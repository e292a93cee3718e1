"""Dates, years, weekdays and the time of day."""

from __future__ import annotations

import re

from generation.text.rules.numbers import cardinal, decade, digits, ordinal, year
from generation.text.rules.rule import JOINT, Rule, either, letters, one_of, rule

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
SHORT_MONTHS = ("Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sept", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT_DAYS = ("Mon", "Tues", "Tue", "Weds", "Wed", "Thurs", "Thur", "Thu", "Fri", "Sat", "Sun")
_MONTH = f"(?i:{'|'.join((*MONTHS, *SHORT_MONTHS))})"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:1\d{3}|2[01]\d\d)"
_ZONES = ("EST EDT ET CST CDT CT MST MDT MT PST PDT PT GMT UTC BST CET CEST IST JST AEST HST AKST").split()
_ZONE = rf"(?:\s?\(?(?P<zone>(?i:{'|'.join(rf'[.{JOINT}]?'.join(zone) for zone in _ZONES)}))\b\)?)?"
_HALF = r"(?P<half>[AaPp]\.\s?[Mm]\b\.?|[AaPp][Mm]\b)"


def _month(text: str) -> str:
    return next(month for month in MONTHS if month[:3].casefold() == text[:3].casefold())


def _weekday(text: str) -> str:
    return next((day for day in DAYS if day[:3].casefold() == text[:3].casefold()), text)


def _stop(match: re.Match[str]) -> str:
    """The stop of ``p.m.`` where it ends the sentence as well."""
    after = match.string[match.end() :]
    return "." if match[0].endswith(".") and re.match(r"\s*$|\s+[A-Z][a-z']*\b(?![.])", after) else ""


def _half(text: str | None) -> str:
    return f" {letters(text[0] + 'M')}" if text else ""


def _zone(match: re.Match[str]) -> str:
    return (", " if match["half"] else " ") + letters(match["zone"]) if match["zone"] else ""


def _year_words(text: str) -> str:
    number = int(text)
    if len(text) == 2:
        return f"oh {cardinal(number)}" if number < 10 else cardinal(number)
    return year(number)


def _clock(match: re.Match[str]) -> str:
    hour, minute, half = int(match["hour"]), int(match["minute"]), match["half"]
    zone = _zone(match)
    if minute == 0:
        written_late = hour == 0 or hour > 12
        exact = "" if half else " hundred" if written_late else " o'clock"
        said = "zero" if hour == 0 else cardinal(hour)
        return f"{said}{exact}{_half(half)}{zone}{_stop(match)}"
    return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}{_half(half)}{zone}{_stop(match)}"


def _hour(match: re.Match[str]) -> str:
    zone = _zone(match)
    return f"{cardinal(int(match['hour']))}{_half(match['half'])}{zone}{_stop(match)}"


def _long_clock(match: re.Match[str]) -> str:
    counts = [(int(match["hour"]), "hour"), (int(match["minute"]), "minute"), (int(match["second"]), "second")]
    words = [f"{cardinal(n)} {unit}{'' if n == 1 else 's'}" for n, unit in counts]
    zone = _zone(match)
    return f"{words[0]} {words[1]} and {words[2]}{_half(match['half'])}{zone}{_stop(match)}"


def _military(match: re.Match[str]) -> str:
    hour, minute = match[1][:2], match[1][2:]
    first = digits(hour).replace("zero", "oh") if hour.startswith("0") else cardinal(int(hour))
    return f"{first} {'hundred' if minute == '00' else cardinal(int(minute))}"


def _month_day(match: re.Match[str]) -> str:
    said = match["year"]
    return f"{_month(match['month'])} {ordinal(int(match['day']))}" + (f", {_year_words(said)}" if said else "")


def _day_month(match: re.Match[str]) -> str:
    said = f"the {ordinal(int(match['day']))} of {_month(match['month'])}"
    return said + (f" {_year_words(match['year'])}" if match["year"] else "")


def _days(match: re.Match[str]) -> str:
    first, last = ordinal(int(match["first"])), ordinal(int(match["last"]))
    tail = f", {year(int(match['year']))}" if match["year"] else ""
    return f"{_month(match['month'])} {first} to {last}{tail}"


def _named(month: int, day: int, said: str, british: bool, last: bool) -> str:
    name = MONTHS[month - 1]
    words = _year_words(said)
    if british or last:
        return f"the {ordinal(day)} of {name} {words}"
    return f"{name} {ordinal(day)}, {words}"


def _figures(british: bool) -> list[Rule]:
    def first(match: re.Match[str]) -> str:
        a, b = int(match["a"]), int(match["b"])
        month, day = (b, a) if a > 12 or (british and b <= 12) else (a, b)
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return match[0]
        return _named(month, day, match["year"], british, a > 12)

    def year_first(match: re.Match[str]) -> str:
        month, day = int(match["month"]), int(match["day"])
        return _named(month, day, match["year"], british, False)

    separated = r"(?P<sep>[-/.])"
    return [
        rule(rf"(?<![\w/.-])(?P<year>\d{{4}}){separated}(?P<month>0?[1-9]|1[0-2])(?P=sep)(?P<day>{_DAY})"
             r"(?:T(?=\d\d:))?(?![\w/-]|\.\d)", year_first),
        rule(rf"(?<![\w/.-])(?P<a>{_DAY}){separated}(?P<b>{_DAY})(?P=sep)(?P<year>{_YEAR}|(?<![.])\d\d)"
             r"(?![\w/-]|\.\d)", first),
        rule(r"(?i:\b(on|by|until|since|before|after|due|dated|born)) (?P<a>1[0-2]|0?[1-9])/(?P<b>3[01]|[12]\d|0?[1-9])"
             r"(?![\w/-]|\.\d)", lambda m: f"{m[1]} " + (
                 f"the {ordinal(int(m['a']))} of {MONTHS[int(m['b']) - 1]}" if british and int(m["b"]) <= 12
                 else f"{MONTHS[int(m['a']) - 1]} {ordinal(int(m['b']))}")),
    ]  # fmt: skip


def _year_range(match: re.Match[str]) -> str:
    return f"{year(int(match[1]))} to {_year_words(match[2])}"


def clock_rules() -> list[Rule]:
    """Times of day, spans of time of day, and lengths of time with colons."""
    minutes = r"(?P<minute>[0-5]\d)"
    half = rf"(?:\s?{_HALF})?"
    short = r"(?<![\d:.,/-])"
    days = either((*DAYS, *_SHORT_DAYS))
    return [
        rule(r"\b([Nn]oon|[Mm]idnight)\s?[-–]\s?(?=\d)", r"\1 to "),
        rule(r"(?<=[\dMm])\s?[-–]\s?(?=(?:noon|midnight)\b)", " to "),
        rule(rf"\b({days})\b\.?\s?[-–]\s?({days})\b\.?(?![\w'])", lambda m: f"{_weekday(m[1])} to {_weekday(m[2])}"),
        rule(r"(?<![\w:.])(\d{1,2}(?::[0-5]\d)?\s?(?:[AaPp]\.?[Mm]\b\.?)?)\s?[-–]\s?"
             r"(?=\d{1,2}(?::[0-5]\d)?\s?[AaPp]\.?[Mm]\b)", r"\1 to "),
        rule(r"(?<![\w:.])(\d{1,2}:[0-5]\d)\s?[-–]\s?(?=\d{1,2}:[0-5]\d\b)", r"\1 to "),
        rule(r"(?<=[Ff]rom )(\d{1,2})\s?[-–]\s?(?=\d{1,2}(?![\w:/-]|[.,]\d))", lambda m: f"{cardinal(int(m[1]))} to "),
        rule(rf"(?<![\d:.])(?P<hour>\d{{1,3}}):{minutes}:(?P<second>[0-5]\d)(?![:\d]){half}{_ZONE}", _long_clock),
        rule(rf"(?<![\d:.])(?P<hour>[01]?\d|2[0-4]):{minutes}(?![:\d]){half}{_ZONE}", _clock),
        rule(rf"{short}(?P<hour>0?[1-9]|1[0-2])\.{minutes}\s?{_HALF}{_ZONE}", _clock),
        rule(rf"{short}(?P<hour>0?\d|1\d|2[0-4])\s?{_HALF}{_ZONE}", _hour),
        rule(r"(?<![\w:.])([01]?\d|2[0-4])h([0-5]\d)\b",
             lambda m: cardinal(int(m[1])) + (" hundred" if m[2] == "00" else f" {cardinal(int(m[2]))}")),
        rule(r"(?<![\w:.,])((?:[01]\d|2[0-4])[0-5]\d)(?=\s(?i:hours|hrs)\b)", _military),
        rule(r"(?<=\bat )(0[0-9][0-5]\d)\b(?![-.,]\d)", _military),
        rule(r"(?<![\w.])(\d{1,2}):(\d{1,2})(?![:\d])", lambda m: f"{cardinal(int(m[1]))} to {cardinal(int(m[2]))}"),
    ]  # fmt: skip


def date_rules(british: bool) -> list[Rule]:
    """Dates in figures and with names of months, weekdays, years, decades, quarters and seasons.

    Args:
        british: the day comes before the month.
    """
    year_after = rf"(?:,?\s(?P<year>{_YEAR})(?![\d%]|[.,]\d|-\d|:\d))?"
    short = either(_SHORT_DAYS)
    return [
        *_figures(british),
        rule(rf"\b({short})\b(?:\.,?|,)?(?=\s(?:the \d|\d{{1,2}}\b|{_MONTH}\.?\s\d))",
             lambda m: _weekday(m[1]) + ","),
        rule(rf"\b(?P<month>{_MONTH})\b\.?\s?(?P<first>{_DAY})(?:st|nd|rd|th)?\s?[-–]\s?(?P<last>{_DAY})"
             rf"(?:st|nd|rd|th)?\b(?![:.]\d){year_after}", _days),
        rule(rf"(?<![\d.,/$£€-])(?P<day>{_DAY})(?i:st|nd|rd|th)?\s?[-–]\s?(?P<last>{_DAY})(?i:st|nd|rd|th)?"
             rf"\s(?P<month>{_MONTH})\b\.?{year_after}",
             lambda m: f"the {ordinal(int(m['day']))} to the {ordinal(int(m['last']))} of {_month(m['month'])}"
             + (f" {year(int(m['year']))}" if m["year"] else "")),
        rule(rf"(?<![\d.,/$£€])(?:(?i:the) )?(?P<day>{_DAY})(?i:st|nd|rd|th)?(?: (?:day )?(?i:of))?[\s-]"
             rf"(?P<month>(?!may\b){_MONTH})\b\.?(?![a-z])(?! \d{{1,2}}\b(?! \d))(?:[,-]?\s?(?P<year>{_YEAR})"
             r"(?![\d%]|[.,]\d|:\d))?", _day_month),
        rule(rf"\b(?P<month>{_MONTH})\b\.?\s(?P<day>{_DAY})(?:st|nd|rd|th)?\s?[-–,]\s(?={_MONTH}\b\.?\s{_DAY}\b)",
             lambda m: f"{_month(m['month'])} {ordinal(int(m['day']))}" + (", " if "," in m[0] else " to ")),
        rule(r"(?<![\w.,$£€/-])(0[1-9]|1[0-2])/((?:19|20)\d\d)(?![\w/-]|\.\d)",
             lambda m: f"{MONTHS[int(m[1]) - 1]} {year(int(m[2]))}" if m[1][0] == "0" else m[0]),
        rule(r"(?<![\w.,$£€/-])((?:19|20)\d\d)/(\d\d)(?![\w/-]|\.\d)",
             lambda m: f"{year(int(m[1]))} {_year_words(m[2])}" if int(m[2]) == (int(m[1]) + 1) % 100 else m[0]),
        rule(rf"\b(?P<month>{_MONTH})\b(?:\.\s?|\s|-)(?P<day>{_DAY})(?i:st|nd|rd|th)?\b(?![:.]\d|%|\s?{_HALF}){year_after}",
             _month_day),
        rule(rf"\b(?P<month>(?!May\b|may\b|mar\b|Mar\b){_MONTH})\b\.?\s'?(?P<year>{_YEAR})\b(?![-.,]\d)",
             lambda m: f"{_month(m['month'])} {year(int(m['year']))}"),
        rule(rf"\b((?!may\b|march\b){_MONTH})\s?[-–]\s?({_MONTH})\b(?!\.?\s?\d)",
             lambda m: f"{_month(m[1])} to {_month(m[2])}"),
        rule(rf"\b(?P<month>{'|'.join(SHORT_MONTHS)})\b\.?\s?[-–]\s?(?P<to>{_MONTH})\b\.?",
             lambda m: f"{_month(m['month'])} to {_month(m['to'])}"),
        rule(rf"(?<![\d.,$£€])(1\d{{3}}|2[01]\d\d)\s?[-–/]\s?(\d\d)(?=\s{one_of('season')})",
             lambda m: f"{year(int(m[1]))} {_year_words(m[2])}"),
        rule(r"(?<![\w.,$£€/-])(1\d{3}|2[01]\d\d)\s?[-–]\s?(1\d{3}|2[01]\d\d|\d\d)(?![\w,/-]|\.\d)(?!\s?(?:%|[a-z]{1,4}\b\.?\d))",
             _year_range),
        rule(r"\bFY\s?'?(\d{4}|\d\d)\b", lambda m: f"{letters('FY')} {_year_words(m[1])}"),
        rule(r"\bQ([1-4])\b", lambda m: f"Q {cardinal(int(m[1]))}"),
        rule(r"(?<![\w.,])(\d{1,4})s?\s?(?=(?:A\.?D|B\.?C|B\.?C\.?E|C\.?E)\b)", lambda m: f"{year(int(m[1]))} "),
        rule(r"(?<=\b[Yy]ear )(\d{3,4})\b(?![.,]\d)", lambda m: year(int(m[1]))),
        rule(rf"\b(A(?:\.?|{JOINT})D\.?) (\d{{1,4}})\b", lambda m: f"{letters('AD')} {year(int(m[2]))}"),
        rule(r"(?<![\w.,$£€])(?:')?(\d{3}0|\d0)'?s\s?[-–]\s?'?(\d{3}0|\d0)'?s\b",
             lambda m: f"{decade(m[1])} to {decade(m[2])}"),
        rule(r"(?<![\d.,$£€])(?:(?<!\w)')?(?<![a-zA-Z])([12]\d\d0|[1-9]0)'?s\b", lambda m: decade(m[1])),
        rule(r"(?:(?<=^)|(?<=[\s(]))'(\d\d)(?![\w'])", lambda m: _year_words(m[1])),
    ]  # fmt: skip
