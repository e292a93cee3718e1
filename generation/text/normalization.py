"""Written English to spoken English: numbers, years, money, times, abbreviations, initials and symbols become words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_IRREGULAR_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_FRACTIONS = {2: "half", 4: "quarter"}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

_ABBREVIATIONS = {
    "Mr": "mister", "Mrs": "missus", "Ms": "miz", "Dr": "doctor", "Prof": "professor", "Sr": "senior", "Jr": "junior",
    "Gen": "general", "Col": "colonel", "Capt": "captain", "Lt": "lieutenant", "Sgt": "sergeant", "Rev": "reverend",
    "Hon": "honorable", "Sen": "senator", "Gov": "governor", "Pres": "president", "Mt": "mount", "Ave": "avenue",
    "Blvd": "boulevard", "Rd": "road", "Ltd": "limited", "Inc": "incorporated", "Corp": "corporation",
    "Co": "company", "Bros": "brothers", "Dept": "department", "dept": "department", "approx": "approximately",
    "vs": "versus", "Vol": "volume", "vol": "volume", "Fig": "figure", "fig": "figure", "est": "established",
    "Jan": "January", "Feb": "February", "Aug": "August", "Sept": "September", "Oct": "October", "Nov": "November",
    "Dec": "December",
}  # fmt: skip
"""Read out when a full stop follows; ``St``, ``No`` and those with inner stops have rules of their own."""

_BEFORE_NAMES = {
    "Mr", "Mrs", "Ms", "Dr", "Prof", "Gen", "Col", "Capt", "Lt", "Sgt", "Rev", "Hon", "Sen", "Gov", "Pres", "Mt",
}  # fmt: skip

_UNITS = {
    "km/h": "kilometer per hour", "mph": "mile per hour", "m/s": "meter per second", "km": "kilometer",
    "cm": "centimeter", "mm": "millimeter", "m": "meter", "ft": "foot", "mi": "mile", "kg": "kilogram", "g": "gram",
    "mg": "milligram", "lb": "pound", "lbs": "pound", "oz": "ounce", "l": "liter", "L": "liter", "ml": "milliliter",
    "s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "ms": "millisecond",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "KB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte", "W": "watt", "kW": "kilowatt", "V": "volt", "°C": "degree Celsius",
    "°F": "degree Fahrenheit", "°": "degree",
}  # fmt: skip
_CURRENCIES = {
    "$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", ""), "₹": ("rupee", "paisa"),
}  # fmt: skip
_UNCHANGED_PLURALS = {"yen", "hertz", "kilohertz", "megahertz", "gigahertz"}
_IRREGULAR_PLURALS = {"foot": "feet", "penny": "pence", "paisa": "paise"}
_SYMBOLS = {
    "&": " and ", "@": " at ", "+": " plus ", "=": " equals ", "×": " times ", "÷": " divided by ", "<": " less than ",
    ">": " greater than ", "±": " plus or minus ", "%": " percent ", "#": " hash ", "§": " section ", "°": " degrees ",
    "$": " dollars ", "£": " pounds ", "€": " euros ", "~": " about ", "/": " ", "\\": " ", "_": " ", "*": " ",
    "^": " ", "|": " ", "©": " ", "®": " ", "™": " ", "(": ", ", ")": ", ", "[": ", ", "]": ", ", '"': " ", "π": " pi ",
    "µ": " micro ", "μ": " micro ", "Ω": " ohm ", "√": " root ", "≈": " about ", "≤": " at most ", "≥": " at least ",
}  # fmt: skip
_REIGNING = {
    "Alexander", "Benedict", "Catherine", "Charles", "Edward", "Elizabeth", "Ferdinand", "Francis", "Frederick",
    "George", "Gregory", "Gustav", "Henry", "Innocent", "James", "John", "Leo", "Leopold", "Louis", "Ludwig", "Mary",
    "Napoleon", "Nicholas", "Paul", "Peter", "Philip", "Pius", "Ramesses", "Richard", "Robert", "Urban", "Victor",
    "Wilhelm", "William",
}  # fmt: skip
"""After these names a Roman numeral is an ordinal (Henry the eighth); elsewhere a number (World War two)."""

_SENTENCE_START = re.compile(
    r"\s*$|\s+(?:I|He|She|It|We|You|They|The|This|That|These|Those|There|Then|An?|And|But|So|Or|If|In|On|At|To|For|From"
    r"|What|Why|How|When|Where|Who|Is|Are|Was|Were|Do|Does|Did|Can|Could|Will|Would|My|Your|His|Her|Our|Their|Not?|Yes"
    r"|Go|Let|As|After|Before|Now|Please)\b(?!\.)"
)
"""After a stop that ends an abbreviation, these words tell that it ended the sentence as well."""

_NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"


def cardinal(number: int) -> str:
    """Words of a whole number, without ``and`` and commas: 1234 -> one thousand two hundred thirty-four."""
    if number < 0:
        return "minus " + cardinal(-number)
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    if number >= 10**15:
        return " ".join(_ONES[int(digit)] for digit in str(number))
    size, name = next(scale for scale in _SCALES if number >= scale[0])
    count, rest = divmod(number, size)
    return f"{cardinal(count)} {name}" + (f" {cardinal(rest)}" if rest else "")


def ordinal(number: int) -> str:
    """Words of an ordinal number: 21 -> twenty-first."""
    words = cardinal(number)
    head, last = re.fullmatch(r"(.*?)([a-z]+)", words).groups()
    if last in _IRREGULAR_ORDINALS:
        return head + _IRREGULAR_ORDINALS[last]
    return head + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(number: int) -> str:
    """Words of a year in 1000..2999 as it is said: 1984 -> nineteen eighty-four, 2005 -> two thousand five."""
    century, rest = divmod(number, 100)
    if number % 1000 < 10:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def _digits(text: str) -> str:
    return " ".join(_ONES[int(digit)] for digit in text if digit.isdigit())


def _plural(noun: str) -> str:
    head, space, tail = noun.partition(" ")
    if head in _UNCHANGED_PLURALS:
        return noun
    return _IRREGULAR_PLURALS.get(head, head + "s") + space + tail


def _number(text: str) -> str:
    """Words of digits as written, with thousands commas, decimals or leading zeros."""
    whole, point, decimals = text.replace(",", "").partition(".")
    words = _digits(whole) if len(whole) > 1 and whole.startswith("0") else cardinal(int(whole or "0"))
    return words + (f" point {_digits(decimals)}" if point else "")


def _counted(number: str, noun: str) -> str:
    return f"{_number(number)} {noun if number == '1' else _plural(noun)}"


def _money(match: re.Match[str]) -> str:
    unit, part = _CURRENCIES[match["symbol"]]
    amount, scale, cents = match["amount"], match["scale"], match["cents"]
    if scale:
        return f"{_number(amount + (cents or ''))} {scale} {_plural(unit)}"
    if not cents or len(cents) != 3 or not part:
        return _counted(amount + (cents or ""), unit)
    coins = int(cents[1:])
    small = f"{cardinal(coins)} {part if coins == 1 else _plural(part)}"
    if coins and not int(amount.replace(",", "")):
        return small
    return _counted(amount, unit) + (f" and {small}" if coins else "")


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    half = f" {'eigh' if match['half'][0] in 'aA' else 'P'} M" if match["half"] else ""
    if minute == 0:
        exact = match["minute"] and not half
        return cardinal(hour) + (" o'clock" if exact and 0 < hour <= 12 else " hundred" if exact else "") + half
    return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}{half}"


def _date(match: re.Match[str]) -> str:
    month = next((m for m in _MONTHS if m.startswith(match["month"][:3])), match["month"])
    return f"{month} {ordinal(int(match['day']))}"


def _iso_date(match: re.Match[str]) -> str:
    return f"{_MONTHS[int(match[2]) - 1]} {ordinal(int(match[3]))}, {year(int(match[1]))}"


def _fraction(match: re.Match[str]) -> str:
    over, under = int(match["over"]), int(match["under"])
    if not 1 < under <= 10 or over >= under:
        return f"{cardinal(over)} {cardinal(under)}"
    part = _FRACTIONS.get(under) or ordinal(under)
    words = f"{cardinal(over)} {part if over == 1 else _plural(part) if part != 'half' else 'halves'}"
    return f"{cardinal(int(match['whole']))} and {words}" if match["whole"] else words


def _decade(match: re.Match[str]) -> str:
    words = year(int(match[1])) if len(match[1]) == 4 else cardinal(int(match[1]))
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def _roman(match: re.Match[str]) -> str:
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in match["roman"]]
    total = sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))
    number = f"the {ordinal(total)}" if match["before"] in _REIGNING else cardinal(total)
    return f"{match['before']} {number}"


def _initials(match: re.Match[str]) -> str:
    letters = [letter for letter in match[0].upper() if letter.isalpha()]
    # A lone A would be read as the article; "eigh" is how eSpeak NG is made to say the letter's name.
    words = " ".join("eigh" if letter == "A" else letter for letter in letters)
    return words + ("." if _SENTENCE_START.match(match.string, match.end()) else "")


def _abbreviation(match: re.Match[str]) -> str:
    spoken = _ABBREVIATIONS[match[1]]
    # "Smith Jr. said", but "he left Smith Inc. They": a stop that also ends a sentence stays.
    ends = match[1] not in _BEFORE_NAMES and _SENTENCE_START.match(match.string, match.end())
    return spoken + ("." if ends else "")


def _range(match: re.Match[str]) -> str:
    return f"{match[1]} to {match[2]}"


_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
_MONTH_NAMES = "|".join(_MONTHS) + r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_RULES: tuple[_Rule, ...] = tuple(
    (re.compile(pattern), spoken)
    for pattern, spoken in (
        # letters
        (r"(?i)\bhttps?://(?:www\.)?|\bwww\.", ""),
        (r"(?<=\w)\.(?=(?:com|org|net|edu|gov|io|uk|eu|ai)\b)", " dot "),
        (r"(?<=[\w.])@(?=\w)", " at "),
        (r"\b[Ee]\.\s?g\.,?", "for example,"),
        (r"\b[Ii]\.\s?e\.,?", "that is,"),
        (r"\betc\.(?=\s*$)", "et cetera."),
        (r"\betc\b\.?", "et cetera"),
        (r"\ba\.?k\.?a\b\.?", "also known as"),
        (r"(\d\s?)([ap])\.\s?m\.(?=\s+[A-Z]|\s*$)", r"\1\2m."),
        (r"(\d\s?)([ap])\.\s?m\.", r"\1\2m"),
        (r"\b[ap]\.\s?m\.", _initials),
        (r"\bSt\.(?=\s+[A-Z])", "saint"),
        (r"\bSt\.(?=\s*$)", "street."),
        (r"\bSt\.", "street"),
        (r"\b[Nn]o\.\s*(?=\d)|#(?=\d)", "number "),
        (rf"\b({'|'.join(_ABBREVIATIONS)})\.(?=\s|,|$)", _abbreviation),
        (r"\b(?:[A-Z]\.\s?)+[A-Z]\.|(?<=[a-z] )(?!I\.)[A-Z]\.(?= [A-Z])|^[A-Z]\.(?= [A-Z][a-z])", _initials),
        (r"\b(?P<before>[A-Z][a-z]+|war|chapter|part|act|scene|volume) (?P<roman>(?=[IVX]{2,}\b|V\b)X{0,3}"
         r"(?:IX|IV|V?I{0,3}))\b", _roman),
        # numbers, from the most to the least particular
        (r"\b(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b", _iso_date),
        (rf"\b(?P<month>{_MONTH_NAMES})\.? (?P<day>[12]?\d|3[01])(?:st|nd|rd|th)?\b(?![:.]\d)", _date),
        (rf"(?P<symbol>[$£€¥₹])\s?(?P<amount>{_NUMBER})(?P<cents>\.\d+)?"
         r"(?:\s(?P<scale>hundred|thousand|million|billion|trillion)\b)?", _money),
        (r"\b(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?:\s?(?P<half>[ap]m|[AP]M)\b)?", _time),
        (r"\b(?P<hour>[01]?\d)(?P<minute>)\s?(?P<half>[ap]m|[AP]M)\b", _time),
        (r"\b24/7\b", "twenty-four seven"),
        (r"(?:\b(?P<whole>\d+) )?\b(?P<over>\d+)\s?/\s?(?P<under>\d+)\b", _fraction),
        (r"(?:\b|')(\d{4}|\d0)s\b", _decade),
        (rf"\b({_NUMBER})(?:st|nd|rd|th)\b", lambda m: ordinal(int(m[1].replace(",", "")))),
        (r"\b(?:(1)-)?(\d{3})-(\d{3,4})(?:-(\d{4}))?\b", lambda m: ", ".join(_digits(g) for g in m.groups() if g)),
        (r"\b(\d+(?:\.\d+)?)\s?[-–]\s?(\d+(?:\.\d+)?)(?!-)\b", _range),
        (r"\b([3-8])'(\d|1[01])(?:\"|''|(?!\w))", lambda m: f"{cardinal(int(m[1]))} foot {cardinal(int(m[2]))}"),
        (rf"(?<![\w.])[-−](?=(?:{_NUMBER}))", "minus "),
        (rf"((?:{_NUMBER})(?:\.\d+)?)\s?({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?![\w/])",
         lambda m: _counted(m[1], _UNITS[m[2]])),
        (r"(\d+)((?:\.\d+){2,})", lambda m: " " + " point ".join(_number(part) for part in m[0].split("."))),
        (r"(?<![\d,.])(1[1-9]\d\d|20\d\d|(?<=[Ii]n )10\d\d)(?!\d|[.,]\d|\s?%)", lambda m: year(int(m[1]))),
        (rf"(?:{_NUMBER})(?:\.\d+)?|\.\d+", lambda m: f" {_number(m[0])} "),
    )
)  # fmt: skip


def _plain_characters(text: str) -> str:
    """The text in NFC with plain quotes, dashes and ellipses, and pictographs dropped."""
    text = re.sub(r"[\u00bc-\u00be\u2150-\u215e]", lambda m: " " + unicodedata.normalize("NFKC", m[0]), text)
    text = text.replace("⁄", "/").replace("…", "...")
    text = re.sub(r"[\u2018\u2019\u02bc\u0060\u00b4]", "'", text)
    text = re.sub(r"[\u201c\u201d\u201e\u00ab\u00bb]", '"', text)
    text = re.sub(r"\s*(?:[—―]|--+)\s*|\s+[-–]\s+(?!\d)", ", ", text)
    text = unicodedata.normalize("NFC", re.sub(r"[\u200b-\u200f\u2060\ufe0e\ufe0f\ufeff\u00ad]", "", text))
    # Numbers, marks and letters of other scripts stay, so that whoever reads them out can name what it cannot say.
    dropped = {c for c in text if unicodedata.category(c) in {"So", "Sk", "Cs", "Co"}} - set(_SYMBOLS)
    return re.sub(r"\s+", " ", "".join(" " if c in dropped else c for c in text)).strip()


def _shouting(text: str) -> bool:
    words = re.findall(r"[A-Za-z]{2,}", text)
    return len(words) >= 3 and all(word.isupper() for word in words)


def normalise(text: str) -> str:
    """English text as it is said: only words and the punctuation ``! , . : ; ? - '``.

    Handles numbers, ordinals, decimals, fractions, years, dates, money, times, percent, units, ranges, telephone
    numbers, common abbreviations, initials, Roman numerals, symbols, quotes and brackets. Text that is already plain
    words comes back unchanged but for white space.
    """
    text = _plain_characters(text)
    if _shouting(text):
        text = text.lower()
    for pattern, spoken in _RULES:
        text = pattern.sub(spoken, text)
    text = "".join(_SYMBOLS.get(character, character) for character in text)
    text = re.sub(r"(?<=\w)-\s|\s-(?=\w)|(?<![\w.])'(?!\w)", " ", text)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" (?=[,.!?;:](?!\.))", "", text)
    text = re.sub(r"(?:,\s?)+(?=[,.!?;:])|^[,\s]+|[,\s]+$", "", text)
    return text.strip()
