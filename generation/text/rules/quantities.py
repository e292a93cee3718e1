"""Money, measures, ranges, fractions, scores and arithmetic."""

from __future__ import annotations

import re
from functools import cache

from generation.text.rules.numbers import cardinal, fraction, number, ordinal, pairs
from generation.text.rules.rule import NUMBER, Rule, either, letters, one_of, rule
from generation.text.rules.tables import group, table_rows

_SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "mil": "million",
    "mm": "million", "MM": "million", "b": "billion", "B": "billion", "bn": "billion", "Bn": "billion",
    "t": "trillion", "T": "trillion", "tn": "trillion", "trn": "trillion",
}  # fmt: skip
_SCALE = r"(?:hundred|thousand|million|billion|trillion|quadrillion|dozen|lakh|crore)"
_LETTERS = r"(?:K|k|M|mn|mil|MM|B|bn|Bn|b|m|T|tn|trn|t)"
_AMOUNT = r"(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,30})?(?:\.\d{1,20})?"
_PER = {
    "mo": "month", "month": "month", "yr": "year", "year": "year", "wk": "week", "week": "week", "hr": "hour",
    "h": "hour", "hour": "hour", "day": "day", "d": "day", "lb": "pound", "kg": "kilogram", "oz": "ounce",
    "gal": "gallon", "min": "minute", "person": "person", "night": "night", "ea": "each", "each": "each",
    "sqft": "square foot", "unit": "unit", "mile": "mile", "mi": "mile", "piece": "piece", "user": "user",
    "ft": "foot", "sec": "second",
}  # fmt: skip


def _counted(text: str, one: str, many: str) -> str:
    return f"{number(text)} {one if text in ('1', '1.00', '01') else many}"


def _amount(text: str, currency: dict[str, str]) -> str:
    """Words of an amount in a currency: two decimals are cents, more are read as digits."""
    whole, _, part = text.replace(",", "").partition(".")
    if len(part) > 2:
        part = part.rstrip("0")
    if part and (len(part) > 2 or not currency["part"]):
        return f"{number(f'{whole}.{part}')} {currency['units']}"
    coins = int(part.ljust(2, "0")) if part else 0
    small = f"{cardinal(coins)} {currency['part'] if coins == 1 else currency['parts']}"
    if coins and not int(whole or "0"):
        return small
    large = f"{cardinal(int(whole or '0'))} {currency['unit'] if int(whole or '0') == 1 else currency['units']}"
    return large + (f" and {small}" if coins else "")


def _european(text: str) -> str:
    """An amount with stops between thousands and a comma before cents, as in most of Europe, in the English way."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){0,6},\d{1,2}", text):
        return text.replace(".", "").replace(",", ".")
    return text


def _currency(symbol: str) -> dict[str, str]:
    row = next(row for row in table_rows("currencies") if row["written"] == symbol)
    return {key: value.replace("U S", letters("US")) for key, value in row.items()}


def _money(match: re.Match[str]) -> str:
    currency = _currency(match["symbol"])
    amount = _european(match["amount"])
    sign = "minus " if match["sign"] else ""
    scale = match["scale"] or _SCALES.get(match["letter"] or "", "")
    adjective = match["adjective"] is not None or _before_thing(match)
    tail = f" {match['adjective'].lstrip('-').replace('-', ' ')}" if match["adjective"] else ""
    if scale:
        unit = currency["unit"] if adjective else currency["units"]
        return f"{sign}{number(amount)} {scale} {unit}{tail}"
    said = _amount(amount, currency)
    if adjective and "." not in amount:
        said = f"{number(amount)} {currency['unit']}"
    return sign + said + tail


def _money_rules() -> list[Rule]:
    symbols = either(row["written"] for row in table_rows("currencies") if not row["written"].isalpha())
    codes = either(row["written"] for row in table_rows("currencies") if row["written"].isalpha())
    amount = rf"(?P<amount>\d{{1,3}}(?:\.\d{{3}}){{0,6}},\d\d(?!\d|,\d)|(?=\.?\d){_AMOUNT})"
    scale = rf"(?:[\s-]?(?P<scale>{_SCALE})s?\b|\s?(?P<letter>{_LETTERS})(?![\w'/]))?"
    adjective = (
        rf"(?P<adjective>-(?:a|per|an)-[a-z]{{1,20}}|-[a-z]{{1,20}}(?=\s[a-z])|(?<=\d)(?=\s{one_of('priced')}\b))?"
    )
    before = r"(?<![\w.,])(?P<sign>[-−+](?=[^\s])(?<![\w]-))?"
    per = either({*_PER, *group("paid for each")})
    money = rf"{before}(?P<symbol>{symbols})\s?{amount}{scale}{adjective}"
    written = rf"{before}(?P<symbol>{codes})\s?{amount}{scale}(?P<adjective>(?!))?(?!\w)"
    after = rf"{before}{amount}{scale}\s?(?P<symbol>{codes}|[€£₽₩¥])(?P<adjective>(?!))?(?![\w])"
    return [
        rule(rf"(?<![\w.,])({symbols})(\d{{1,6}})s\b", r"\1\2"),  # bills of $50s
        # $10-15, $10-$15: the unit is said once where the figures share it
        rule(rf"(?<![\w.,])(?P<sign>(?!))?(?P<symbol>{symbols})(?P<first>\d{{1,12}})\s?[-–]\s?(?P=symbol)?(?P<second>\d{{1,12}})"
             rf"(?![\d,]|\.\d)(?P<scale>\s{_SCALE}|{_LETTERS}(?!\w))?", _money_range),
        rule(rf"({'|'.join((symbols,))})(?<!\w)(?=\s?[\d.])\s?((?:{_AMOUNT}))\s?[-–]\s?(?=(?:{symbols})\d)",
             lambda m: f"{m[1]}{m[2]} to "),
        rule(rf"(?<=[\d.A-Za-z])/({per})\b\.?(?![\w/])", _per),
        rule(rf"{money}", _money),
        rule(written, _money),
        rule(after, _money),
        rule(rf"({NUMBER}|\.\d{{1,9}})\s?¢", lambda m: _counted(m[1], "cent", "cents")),
        rule(r"\b(144|240|360|480|720|1080|1440|2160)([pi])\b", lambda m: f"{pairs(m[1])} {letters(m[2])}"),
        rule(rf"(?<![\w.,])({NUMBER})p(?=[\s,.!?]|$)(?!\.\d)", lambda m: _counted(m[1], "penny", "pence")),
    ]  # fmt: skip


def _money_range(match: re.Match[str]) -> str:
    currency = _currency(match["symbol"])
    scale = (match["scale"] or "").strip()
    said = f" {_SCALES.get(scale, scale)}" if scale else ""
    first, second = (cardinal(int(match[part])) for part in ("first", "second"))
    if match[0].count(match["symbol"]) == 2 and match.string.strip() == match[0]:
        return f"{first} {currency['units']} to {second}{said} {currency['units']}"
    return f"{first} to {second}{said} {currency['units']}"


def _per(match: re.Match[str]) -> str:
    word = _PER.get(match[1], match[1])
    return f" {'' if word == 'each' else 'per '}{word}"


def _before_thing(match: re.Match[str]) -> bool:
    """Whether a quantity tells of which kind a thing is (a 2TB drive, a £500k house): its unit is singular."""
    before, after = match.string[max(0, match.start() - 4) : match.start()], match.string[match.end() : match.end() + 9]
    return bool(re.match(rf"\s(?!{one_of('no thing')}\b)[a-zA-Z]", after) and re.search(r"\b[Aa]n?\s$", before))


def _inches(match: re.Match[str]) -> str:
    """Inches, where the mark does not close a quotation."""
    if match.string[: match.start()].count('"') % 2:
        return match[0]
    return f"{number(match[1])} {'inch' if match[2] else 'inches'}"


def _measure(match: re.Match[str]) -> str:
    after = match.string[match.end() : match.end() + 20]
    if match["unit"] == "A" and not match["joint"] and not re.match(rf"\s{one_of('powered')}", after):
        return match[0]  # seat 12A, apartment 4A
    unit, units = _units()[_plain(match["unit"])]
    power = {"2": "square ", "²": "square ", "3": "cubic ", "³": "cubic "}.get(match["power"] or "", "")
    joined = match["joint"] == "-"
    if joined and unit == "pint":
        unit = "point"  # a 3-pt lead
    value = match["value"]
    thing = re.match(
        r"\s(?!(?:of|in|on|at|to|and|or|per|for|from|is|was|with|by|a|the|away|long|wide|tall|high|deep)\b)[a-zA-Z]",
        match.string[match.end() : match.end() + 9],
    )
    described = bool(thing) and bool(re.search(r"\b[Aa]n?\s$", match.string[max(0, match.start() - 4) : match.start()]))
    lone = (
        value in ("1", "1.0")
        or joined
        or described
        or bool(re.match(r"-[a-z]", match.string[match.end() : match.end() + 2]))
    )
    over = ""
    if match["over"]:
        raised = {"²": "square ", "³": "cubic "}.get(match["over"][-1], "")
        below = _units().get(_plain(match["over"].rstrip("²³")))
        over = f" per {raised}{below[0] if below else match['over']}"
    stop = "." if match[0].endswith(".") and re.match(r"\s*$|\s+[A-Z]", match.string[match.end() :]) else ""
    return f"{number(value)} {power}{unit if lone else units}{over}{stop}"


def _part(match: re.Match[str]) -> str:
    """A fraction of a unit: three quarters inch, one and one half teaspoons."""
    unit, units = _units()[_plain(match[4])]
    said = fraction(int(match[2]), int(match[3]))
    return f"{cardinal(int(match[1]))} and {said} {units}" if match[1] else f"{said} {unit}"


def _plain(unit: str) -> str:
    return re.sub(r"\s+", " ", unit.replace(".", "").replace("° ", "°"))


@cache
def _units() -> dict[str, tuple[str, str]]:
    return {row["written"]: (row["unit"], row["units"]) for row in table_rows("units")}


@cache
def _unit_pattern() -> str:
    """A unit as it is written, with or without stops."""
    spelt = sorted(_units(), key=len, reverse=True)
    pattern = "|".join(re.escape(unit).replace(r"\ ", r"\.?\s?").replace("°", r"°\s?") for unit in spelt)
    # "in" is a word as well: 1 in 5, three in the morning.
    inch = r"in(?=\.|,|;|\)|$|-|[²³]|\s?[x×]|\s(?:and|by|or|tall|wide|long|deep|thick|high|x|screen|pipe|of)\b)"
    return pattern.replace("|in|", f"|{inch}|")


def _measure_rules() -> list[Rule]:
    unit = _unit_pattern()
    value = r"(?<![\w.,])(?P<value>(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,30})(?:\.\d{1,20})?|\.\d{1,20})"
    end = r"(?![\w²³']|/(?!\d))"
    over = rf"(?:/(?P<over>{unit}|m[²³]|person|day|week|month|year|hour|minute|second|liter|litre|gallon))?"
    measured = rf"(?P<joint>\s?|-)(?P<unit>{unit})(?P<power>[²³]|(?<=m)[23](?!\d))?{over}(?:\.(?!\w))?{end}"
    figures = r"\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,12}"
    spelt = "|".join(
        sorted(re.escape(units) for _, units in set(_units().values()) if " " not in units and len(units) > 3)
    )
    return [
        # feet and inches
        rule(r"(?<![\w.])(\d{1,4})('|\")\s?[x×]\s?(?=\d)",
             lambda m: f"{cardinal(int(m[1]))} {'foot' if m[2] == chr(39) else 'inch'} by "),
        rule(r"(?<![\w.])(\d)'\s?(\d|1[01])(?:\"|''|(?!\w))",
             lambda m: f"{cardinal(int(m[1]))} foot {cardinal(int(m[2]))}"),
        rule(rf"(?<![\w.\"])({NUMBER}(?:\.\d{{1,9}})?)(?:\"|'')(?=\s?(?:{one_of('in inches')}|[,.;!?)]|$))",
             lambda m: _counted(m[1], "inch", "inches")),
        rule(rf"(?<![\w.])({NUMBER}(?:\.\d{{1,9}})?)'(?=\s?(?:x|by|wide|long|tall|high|deep|thick|[,.;!?)]|$))",
             lambda m: _counted(m[1], "foot", "feet")),
        rule(rf"(?<![\w.])({NUMBER}(?:\.\d{{1,9}})?)\"(?=( )[a-z])", _inches),
        # 9x13-inch, 2x8 m2, 1920x1080
        rule(rf"(?<![\w.,])({figures})(?:\.(\d{{1,9}}))?\s?[x×]\s?(?=\d{{1,9}}(?:\.\d)?[^=]{{0,40}}$|\d{{1,9}}\b(?![^=]{{0,12}}=))",
             lambda m: number(m[1] + (f".{m[2]}" if m[2] else "")) + " by "),
        # ranges that share a unit, years in words before them
        rule(rf"(?<![\w.,/-])({figures})(\.\d{{1,9}})?\s?[-–]\s?(?=(?:{figures})(?:\.\d{{1,9}})?[\s-]?(?:{unit})(?![\w'/]))",
             lambda m: f"{number(m[1] + (m[2] or ''))} to "),
        rule(rf"(?<![\w.,])[-−](?=(?:{figures})(?:\.\d{{1,9}})?\s?(?:{unit})(?![\w'/]))", "minus "),
        rule(rf"(?<![\w/.,-])(?:(\d{{1,6}})[\s-])?(\d{{1,4}})/(\d{{1,4}})[\s-]?({unit})(?![\w²³'/])"
             r"(?:\.(?=\s[a-z]))?", _part),
        rule(rf"{value}{measured}", _measure),
        rule(rf"{value}\s?/\s?(?P<unit>{unit})(?![\w/])",
             lambda m: f"{number(m['value'])} per {_units()[_plain(m['unit'])][0]}"),
        rule(rf"{value}-(?=(?:{spelt})\b)", lambda m: f"{number(m['value'])} "),
        rule(r"(?<![\w/.])(km|mi|kg|lb|kWh)/(day|week|month|year|hour|person|liter|litre|h|hr|s)\b",
             lambda m: f"{_units()[m[1]][1]} per {_units().get(m[2], (m[2],))[0]}"),
        rule(r"(?<![\w.,])(\d{1,9})\s?[-–]\s?(?=\d{1,9}x(?!\w))", lambda m: f"{number(m[1])} to "),
        rule(r"(?<![\w.,])(\d{1,9}(?:\.\d{1,9})?)x(?= (?:[a-z]{2,15}er|more|less|as|the)\b)",
             lambda m: f"{number(m[1])} times"),
        rule(rf"\b({spelt})\s[x×]\s(?=[a-z])", r"\1 by "),
        rule(rf"(?<![\w.,])({figures})(\.\d{{1,9}})?([MB])(?= (?!of\b|is\b|and\b|or\b|on\b|in\b)[a-z]{{3}})",
             lambda m: f"{number(m[1] + (m[2] or ''))} {_SCALES[m[3]]}"),
        rule(r"(?<![\w.,])(\d{1,9}(?:\.\d{1,9})?)x(?![\w])", lambda m: f"{number(m[1])} x"),
    ]  # fmt: skip


def _slashed(match: re.Match[str]) -> str:
    whole, over, under = match["whole"], int(match["over"]), int(match["under"])
    said = fraction(over, under)
    return f"{cardinal(int(whole))} and {said}" if whole else said


def _ratio_rules() -> list[Rule]:
    return [
        rule(r"\b24/7\b", "twenty-four seven"),
        rule(r"(?<![\w/.])(\d{2,3})/\1(?![\w/])", lambda m: f"{cardinal(int(m[1]))} {cardinal(int(m[1]))}"),
        rule(r"\b9/11\b", "nine eleven"),
        rule(r"\b20/20\b(?= (?:vision|hindsight))", "twenty twenty"),
        rule(r"(?i:\b(B\ue000P|blood pressure|pressure)\b)([^\d/]{0,20})(\d{2,3})/(\d{2,3})\b",
             lambda m: f"{m[1]}{m[2]}{pairs(m[3])} over {cardinal(int(m[4]))}"),
        rule(r"(?<![\w./])(\d{1,4}\.\d{1,3})\s?/\s?(\d{1,4})\b", lambda m: f"{number(m[1])} out of {number(m[2])}"),
        rule(r"(?<![\w./])(\d{1,3})/(10|5|100)(?=\s?(?:stars?|points?|marks)\b)",
             lambda m: f"{cardinal(int(m[1]))} out of {cardinal(int(m[2]))}"),
        rule(rf"\b({one_of('scored')})\b([^./]{{0,40}})(?<![\w./])(\d{{1,3}})/(10|5|100)(?![\w/])",
             lambda m: f"{m[1]}{m[2]}{cardinal(int(m[3]))} out of {cardinal(int(m[4]))}"),
        rule(r"(out of five[^./]{0,40})(?<![\w./])(\d{1,2})/(10|5)(?![\w/])",
             lambda m: f"{m[1]}{cardinal(int(m[2]))} out of {cardinal(int(m[3]))}"),
        rule(r"(?<![\w/.-])(\d{1,9})/(\d{1,9})/(\d{1,9})(?![\w/])",
             lambda m: " ".join(number(part) for part in m.groups())),
        rule(r"(?<![\w/.,-])(?:(?P<whole>\d{1,12})[\s-])?(?P<over>\d{1,12})\s?/\s?(?P<under>\d{1,12})"
             r"(?i:st|nd|rd|th)?s?(?![\w/]|\.\d)", _slashed),
        rule(r"(?<![\w/.])(\d{1,12})/([a-z])(?![\w/])", lambda m: f"{number(m[1])} per {m[2].upper()}"),
    ]  # fmt: skip


_POWERS = {"2": "squared", "3": "cubed"}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄₅₆₇₈₉", "0123456789-0123456789")


def _power(match: re.Match[str]) -> str:
    base = number(match[1]) if match[1].isdigit() else match[1]
    power = match[2].translate(_RAISED)
    sign = "minus " if power.startswith("-") else ""
    figure = power.lstrip("-")
    raised = _POWERS.get(power) or f"to the power of {sign}{number(figure) if figure.isdigit() else figure}"
    return f"{base} {raised}"


def _maths_rules() -> list[Rule]:
    term = r"(?:\d{1,12}(?:\.\d{1,9})?|\b[a-zA-Z]\b)"
    return [
        rule(r"(?<![\w.])(\d{1,12}|[a-zA-Z])(?:\^|\*\*)\(?(-?(?:\d{1,6}|[a-z]))\)?(?!\w)", _power),
        rule(r"(?<![.])\b(\d{1,12}|[a-zA-Z]{1,20})([⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6})", _power),
        rule(r"([a-zA-Z])([₀-₉]{1,6})", lambda m: f"{m[1]} {number(m[2].translate(_RAISED))}"),
        rule(r"√\s?(?=[\w(])", "the square root of "),
        rule(r"(?<=\d)!(?=\s?[=+×*/-])", " factorial "),
        rule(rf"({term})\s?==?\s?(?=[-−+√(]?\s?(?:{term}))", r"\1 equals "),
        rule(rf"(?<![\w])({term})\s?(?:×|(?<=[\s\d])x(?=[\s\d])|\*(?=\s?\d))\s?"
             r"(?=\d{1,12}[^=]{0,20}(?:=|equals))", r"\1 times "),
        rule(rf"(?<![\w,.-])({term})\s?[-−–]\s?(?=(?:{term})\s?(?:=|equals|[+×÷*]))", r"\1 minus "),
        rule(rf"(?<=equals )({term})\s?[-−–]\s?(?=(?:{term})\s*(?:[.,?!]|$))", r"\1 minus "),
        rule(rf"(?<!\w)({term})\s?\+\s?(?=(?:{term}))", r"\1 plus "),
        rule(rf"({term})\s?÷\s?(?=(?:{term}))", r"\1 divided by "),
        rule(r"(?<=\d)\s?/\s?(?=\d{1,12}\s?(?:=|equals))", " divided by "),
        rule(r"(?<=\d)\s?\*\s?(?=\d)", " times "),
        rule(r"(?<=\d)\s?×\s?(?=\d)", " times "),
        rule(r"(?<![\w])~\s?(?=\d)", "about "),
        rule(r"(?<![\w<])<\s?(?=\$?\d)", "less than "),
        rule(r"(?<=\d)\s?<\s?(?=\d)", " less than "),
        rule(r"(?<=\d)\s?>\s?(?=\d)", " greater than "),
        rule(r"(?<![\w>-])>\s?(?=\$?\d)", "more than "),
    ]  # fmt: skip


def _plain_rules() -> list[Rule]:
    figures = r"\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,30}"
    return [
        rule(rf"(?<![\w.,])({figures})(?i:st|nd|rd|th)\b", _ordinal),
        rule(rf"(?<![\w.,/-])({figures})(\.\d{{1,9}})?\s?[-–]\s?({figures})(\.\d{{1,9}})?(?![-\w])", _span),
        rule(r"(?:(?<=^)|(?<=[\s(=,\"]))[-−](?=\.?\d)|(?<=^)–(?=\d)", "minus "),
        rule(r"(?:(?<=^)|(?<=[\s(=]))\+(?=\d)", "plus "),
        rule(rf"(?<![\w.,-])(\d{{1,3}}(?:\.\d{{1,9}})?)(?:k|(?<=\d\d)K)(?![\w'])(?! {one_of('with K')})",
             lambda m: f"{number(m[1])} thousand"),
        rule(r"(?<![\w.,])(\d{1,12}(?:\.\d{1,9})?)(bn|mn|tn)\b", lambda m: f"{number(m[1])} {_SCALES[m[2]]}"),
    ]  # fmt: skip


def _span(match: re.Match[str]) -> str:
    """From one number to a greater one; a number with a smaller one after it is a score, or a code."""
    first, last = (match[at] + (match[at + 1] or "") for at in (1, 3))
    rising = float(first.replace(",", "")) < float(last.replace(",", ""))
    return f"{number(first)} {'to ' if rising else ''}{number(last)}"


def _ordinal(match: re.Match[str]) -> str:
    figures = match[1].replace(",", "")
    suffix = match[0][len(match[1]) :].casefold()
    value = int(figures)
    right = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    # A wrong ending is somebody's own way to write: it is said as it stands.
    return ordinal(value) if suffix == right else f"{cardinal(value)} {suffix}"


def money_rules() -> list[Rule]:
    """Amounts of money with their currency, scale, span and what they are paid for."""
    return _money_rules()


def measure_rules() -> list[Rule]:
    """Quantities with units, and dimensions."""
    return _measure_rules()


def arithmetic_rules() -> list[Rule]:
    """Powers, sums, ratios, scores and fractions."""
    return [*_maths_rules(), *_ratio_rules()]


def number_rules() -> list[Rule]:
    """Ordinals, ranges, signs and short scales of plain numbers."""
    return _plain_rules()
