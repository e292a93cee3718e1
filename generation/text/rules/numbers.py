"""Numbers in words by num2words, in the forms of speech: pairs, digits, years, decimals."""

from __future__ import annotations

import re

_SPELT = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_GREATEST = 15
"""Digits of the longest whole number that is said as one; longer ones are said digit by digit."""


def _words(number: int, form: str) -> str:
    # Late: the library takes a third of a second to load, and most lines hold no number.
    from num2words import num2words

    return num2words(number, to=form).replace(",", "").replace(" and ", " ")


def cardinal(number: int) -> str:
    """Words of a whole number, without ``and`` and commas: 1234 -> one thousand two hundred thirty-four."""
    if number < 0:
        return "minus " + cardinal(-number)
    return _words(number, "cardinal") if number < 10**_GREATEST else digits(str(number))


def ordinal(number: int) -> str:
    """Words of an ordinal number: 21 -> twenty-first."""
    return _words(number, "ordinal") if number < 10**_GREATEST else digits(str(number)) + " th"


def year(number: int) -> str:
    """Words of a year as it is said: 1984 -> nineteen eighty-four, 2005 -> two thousand five, 800 -> eight hundred."""
    if not 1000 < number < 10000 or number % 1000 < 10:
        return cardinal(number)
    century, rest = divmod(number, 100)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def decade(written: str) -> str:
    """Words of a decade: 1980 -> nineteen eighties, 90 -> nineties, 2000 -> two thousands."""
    number = int(written)
    words = year(number) if len(written) > 2 else cardinal(number)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def digits(text: str) -> str:
    """The digits of a text one by one."""
    return " ".join(_SPELT[int(digit)] for digit in text if digit in "0123456789")


def pairs(text: str) -> str:
    """Three or four digits as rooms, houses and flights are said: 101 -> one oh one, 1428 -> fourteen twenty-eight."""
    if text.startswith("0") or not 3 <= len(text) <= 4:
        return digits(text) if text.startswith("0") or len(text) > 4 else cardinal(int(text))
    head, tail = int(text[:-2]), int(text[-2:])
    if tail == 0:
        return cardinal(int(text)) if head % 10 == 0 else f"{cardinal(head)} hundred"
    return f"{cardinal(head)} {'oh ' if tail < 10 else ''}{cardinal(tail)}"


def number(text: str) -> str:
    """Words of digits as written, with thousands commas, decimals or leading zeros."""
    whole, point, decimals = text.replace(",", "").partition(".")
    if not whole:
        return f"point {digits(decimals)}"
    words = digits(whole) if len(whole) > 1 and whole.startswith("0") else cardinal(int(whole))
    return words + (f" point {digits(decimals)}" if point else "")


def fraction(over: int, under: int) -> str:
    """Words of a fraction: 3, 4 -> three quarters; 5, 16 -> five sixteenths; 1, 1 -> one over one."""
    if under < 2:
        return f"{cardinal(over)} over {cardinal(under)}"
    if under == 2:
        part = "half" if over == 1 else "halves"
    else:
        part = ("quarter" if under == 4 else ordinal(under)) + ("" if over == 1 else "s")
    return f"{cardinal(over)} {part}"


_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
ROMAN = r"(?=[IVXLCDM])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
"""Pattern of a Roman numeral up to 3999."""


def roman(text: str) -> int:
    """Value of a Roman numeral.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(ROMAN, text):
        raise ValueError(f"{text} is no Roman numeral")
    values = [_ROMAN[letter] for letter in text]
    return sum(-value if value < max(values[i:]) else value for i, value in enumerate(values))
