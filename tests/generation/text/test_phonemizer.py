"""Text to phonemes: what is said for what is written, pronunciations by hand, and sentences for what cannot be said."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from generation.text.ipa import ENGLISH_SYMBOLS
from generation.text.phonemizer import (
    LANGUAGES,
    SYMBOL_INDEX,
    SYMBOLS,
    EspeakPhonemizer,
    display_text,
    normalise,
    phonemize,
    read_ipa,
)

SPOKEN = {
    "I have 12,345 fish.": "I have twelve thousand three hundred forty-five fish.",
    "The 1st, 22nd and 100th.": "The first, twenty-second and one hundredth.",
    "In 1984, 2005 and 2024.": "In nineteen eighty-four, two thousand five and twenty twenty-four.",
    "In 1905 and 1900.": "In nineteen oh five and nineteen hundred.",
    "The 1980s and the '90s.": "The nineteen eighties and the nineties.",
    "It cost $1,234.50.": "It cost one thousand two hundred thirty-four dollars and fifty cents.",
    "£1, €0.50, $3.5 million": "one pound, fifty cents, three point five million dollars",
    "£2.01 or ¥500": "two pounds and one penny or five hundred yen",
    "5% of it": "five percent of it",
    "At 3:30 pm, 12:00 or 7:05.": "At three thirty P M, twelve o'clock or seven oh five.",
    "At 9 a.m. We left at 5 p.m. sharp.": "At nine A M. We left at five P M sharp.",
    "May 5, 2024": "May fifth, twenty twenty-four",
    "2024-05-01": "May first, twenty twenty-four",
    "½ cup, 3/4, 2 1/2 and 2/3": "one half cup, three quarters, two and one half and two thirds",
    "3.14 and 0.5": "three point one four and zero point five",
    "-5 °C, 10 km, 1 kg, 60 mph": "minus five degrees Celsius, ten kilometers, one kilogram, sixty miles per hour",
    "5-10 items": "five to ten items",
    "Call 555-1234.": "Call five five five, one two three four.",
    "Agent 007": "Agent zero zero seven",
    "Dr. Who met Mrs. O'Neil vs. Mr. T.": "doctor Who met missus O'Neil versus mister T.",
    "St. John's St.": "saint John's street.",
    "e.g. this, etc.": "for example, this, et cetera.",
    "J. K. Rowling and Samuel L. Jackson": "J K Rowling and Samuel L Jackson",
    "In the U.S. they do. In the U.S. They do.": "In the U S they do. In the U S. They do.",
    "World War II, Apollo XI and Henry VIII": "World War two, Apollo eleven and Henry the eighth",
    "No. 5 is #1. No. I won't.": "number five is number one. No. I won't.",
    "Tom & Ann @ home": "Tom and Ann at home",
    "bob@example.com": "bob at example dot com",
    "It is 5'11\" tall.": "It is five foot eleven tall.",
    "“Well…” he said — (softly) no.": "Well... he said, softly, no.",
    "HELLO THERE IT IS ME": "hello there it is me",
    "fun! \U0001f642": "fun!",
    "COVID-19 and R2-D2": "COVID nineteen and R two D two",
}


@pytest.mark.parametrize(("written", "spoken"), SPOKEN.items())
def test_written_becomes_spoken(written: str, spoken: str) -> None:
    assert normalise(written) == spoken


def test_plain_words_stay_as_they_are() -> None:
    text = "I won't stop, will you? The well-known rock 'n' roll; it's five o'clock: go!"
    assert normalise(text) == text


@pytest.mark.parametrize("number", [0, 7, 13, 40, 99, 100, 101, 999, 1001, 12345, 10**6, 10**9 + 1, 10**15, 10**18])
def test_any_number_leaves_no_digit(number: int) -> None:
    assert not re.search(r"[\d,]", normalise(f"about {number:,} things"))


def test_inventory_is_the_corpus_inventory() -> None:
    assert (
        len(ENGLISH_SYMBOLS) == 54
        and SYMBOLS[:54] == ENGLISH_SYMBOLS
        and len(SYMBOLS) == len(SYMBOL_INDEX)
        and " " in SYMBOL_INDEX
    )


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("en-us", "You are not supposed to be in here.", "juː ɑːɹ nˌɑːt səpˈoʊzd təbi ɪn hˈɪɹ."),
        ("en-gb", "You are not supposed to be in here.", "juː ɑː nˌɒt səpˈəʊzd təbi ɪn hˈiə."),
    ],
)
def test_pronunciation_keeps_stress_and_punctuation(lang: str, text: str, expected: str) -> None:
    assert phonemize(text, lang) == expected == EspeakPhonemizer(lang)(text)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_only_known_symbols_come_out(lang: str) -> None:
    ipa = phonemize("Bonjour, Łódź! The bottle's “button”: a café… naïve? (yes) 50 % — ok; l'œuvre.", lang)
    assert set(ipa) <= set(SYMBOLS) and "  " not in ipa and ipa == ipa.strip()


def test_inline_pronunciation_and_lexicon() -> None:
    ipa = phonemize("Ask {Siobhan|ʃɪvˈɔːn}, not ANYA; Anya's cat.", lexicon={"anya": "ˈɑːnjə"})
    assert ipa.startswith("ˈæsk ʃɪvˈɔːn, ") and ipa.count("ˈɑːnjə") == 2 and "ˈɑːnjəz kˈæt" in ipa
    assert phonemize("Anyanka") != phonemize("Anyanka", lexicon={"any": "ˈɑː"}) or "ˈɑːnka" not in ipa
    assert phonemize("Anyanka", lexicon={"any": "ˈɑː"}) == phonemize("Anyanka")


def test_pronunciation_leaves_its_neighbours_alone() -> None:
    around = phonemize("I want to {x|wɪn} the prize.").split(" wɪn ")
    assert around[0] == "aɪ wˈɔnt tə" and around[1] == phonemize("x the prize.").split(" ", 1)[1]


def test_possessive_follows_the_last_sound() -> None:
    said = [phonemize("{a|" + ipa + "}'s") for ipa in ("kˈæt", "dˈɑːɡ", "bˈʌs")]
    assert said == ["kˈæts", "dˈɑːɡz", "bˈʌsᵻz"]


def test_usual_spellings_of_ipa_are_read() -> None:
    assert read_ipa("/ˈt͡ʃɝ.g'l̩/", "x") == "ˈtʃɜːɡˈl"


def test_reader_sees_names_without_markup() -> None:
    assert display_text("Ask {Siobhan|ʃɪvˈɔːn}'s friend.") == "Ask Siobhan's friend."


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "nothing to say"),
        ("... !?", "nothing to say"),
        ("\U0001f642", "nothing to say"),
        ("你好", "你"),
        ("привет", "п"),
        ("{Bob}", "{name|IPA}"),
        ("Hi {Bob|bɒb", "{name|IPA}"),
        ("{Bob|}", "{name|IPA}"),
        ("{Bob|  }", "'Bob' is empty"),
        ("{Bob|ˈˌ}", "'Bob' is empty"),
        ("{Bob|b☃b}", "☃"),
        ("{Bob|bɒb!}", "'!'"),
    ],
)
def test_what_cannot_be_said_is_named(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=re.escape(part)):
        phonemize(text)


def test_bad_lexicon_and_language_are_named() -> None:
    with pytest.raises(ValueError, match=r"'Anya'.*U\+0071"):
        phonemize("hello", lexicon={"Anya": "qx"})
    with pytest.raises(ValueError, match="de.*en-us"):
        phonemize("guten Tag", "de")


def test_another_phonemizer_can_take_over() -> None:
    assert phonemize("any word 2", phonemizer=lambda text: text.replace("w", "ʔ")) == "an ʔord tʔo"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no paths of that length")
def test_espeak_finds_its_data_under_a_long_path(tmp_path: Path) -> None:
    """Its library ends the process there, so that a process of its own is asked."""
    import espeakng_loader

    long = tmp_path / "/".join(["installed" * 5] * 4)
    shutil.copytree(Path(espeakng_loader.get_data_path()).parent, long / "espeakng_loader")
    code = "from generation.text.phonemizer import phonemize; import sys; sys.stdout.write(ascii(phonemize('hello')))"
    paths = os.pathsep.join([str(long), str(Path(__file__).resolve().parents[3])])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths}
    )
    assert (done.returncode, done.stdout) == (0, ascii("həlˈoʊ")), done.stderr
