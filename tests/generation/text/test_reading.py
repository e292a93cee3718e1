"""How written lines are read: tables of written and spoken, directions, interjections, homographs, other languages."""

from __future__ import annotations

import csv
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from reading_comparison import folded, holds

from generation.text.phonemizer import EspeakPhonemizer, display_text, phonemize
from generation.text.reading import read_text
from generation.text.rules.tables import table_rows

TABLES = Path(__file__).parent / "tables"


def table(name: str) -> list[dict[str, str]]:
    with (TABLES / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


EXCEPTIONS = {row["written"]: row["said"] or "" for row in table("exceptions")}


@pytest.mark.parametrize("name", ["text_normalization", "more_normalization"])
def test_numbers_dates_and_the_rest_are_read_as_the_table_has_them(name: str) -> None:
    asked = [row for row in table(name) if row["written"] not in EXCEPTIONS]
    wrong = [row["written"] for row in asked if folded(read_text(row["written"]).words) != folded(row["spoken"] or "")]
    assert len(wrong) <= 0.05 * len(asked), wrong


def test_exceptions_are_few_and_are_read_as_they_say() -> None:
    written = {row["written"] for row in table("text_normalization")}
    assert set(EXCEPTIONS) <= written and len(EXCEPTIONS) <= len(written) / 10
    assert {text: read_text(text).words for text in EXCEPTIONS} == EXCEPTIONS


@pytest.mark.parametrize("name", ["script_lines", "more_lines"])
def test_everyday_script_lines_are_read_as_they_should(name: str) -> None:
    wrong = [r["written"] for r in table(name) if not holds(read_text(r["written"]).words, r["must"], r["never"] or "")]
    assert len(wrong) <= 0.05 * len(table(name)), wrong


@pytest.mark.parametrize(
    ("text", "words", "directions"),
    [
        ("[laughs]", "", ("laughs",)),
        ("*whispers* Come here.", "Come here.", ("whispers",)),
        ("(sighs) I am tired.", "I am tired.", ("sighs",)),
        ("I am tired (sighs).", "I am tired.", ("sighs",)),
        ("No! (laughing, softly) Not again.", "No! Not again.", ("laughing, softly",)),
        ("[whispering, sad] Hello there.", "Hello there.", ("whispering, sad",)),
        ("Well, [clears throat] I know.", "Well, I know.", ("clears throat",)),
        ("*takes off his hat* Good day.", "Good day.", ("takes off his hat",)),
        ("I *really* mean it.", "I really mean it.", ()),
        ("He said (softly) no.", "He said, softly, no.", ()),
        ("I saw (22) ducks.", "I saw, twenty-two, ducks.", ()),
        ("(And I mean it.)", "And I mean it.", ()),
        ("(Quietly there, the man at the door laughs)", "Quietly there, the man at the door laughs", ()),
        ("2 * 3 * 4", "two times three times four", ()),
    ],
)
def test_directions_are_left_out_and_told(text: str, words: str, directions: tuple[str, ...]) -> None:
    reading = read_text(text)
    assert (reading.words, reading.directions) == (words, directions)


def test_a_reader_sees_no_directions() -> None:
    assert display_text("[laughs] Ask {Siobhan|ʃɪvˈɔːn} (softly) now.") == "Ask Siobhan (softly) now."


def test_interjections_are_sounds_and_never_letters() -> None:
    words = [row["written"] for row in table_rows("interjections")]
    assert len(words) >= 60
    for word in words:
        sounds = phonemize(f"{word.capitalize()}, go.").split(",")[0].replace("ˈ", "").replace("ˌ", "")
        assert not any(name in sounds for name in ("eɪtʃ", "ɛm", "ɛs", "ɛf", "dʌbəl", "ziːz")), (word, sounds)


@pytest.mark.parametrize("language", ["en-us", "en-gb"])
def test_no_two_letters_of_an_interjection_are_named_one_after_the_other(language: str) -> None:
    names = {row["letter"].casefold(): row[language] for row in table_rows("letters")}
    for row in table_rows("interjections"):
        word = row["written"]
        sounds = phonemize(f"Well, {word}.", language).split(",")[1].replace("ˈ", "").replace("ˌ", "")
        spelt = [names[a] + names[b] for a, b in pairwise(word) if a in names and b in names]
        assert not any(pair in sounds for pair in spelt), (word, sounds)


@pytest.mark.parametrize(
    ("drawn", "plain"),
    [
        ("Noooo", "No"),
        ("sooooo", "so"),
        ("Whaaaat", "What"),
        ("goooood", "good"),
        ("Shhhhhh", "Shh"),
        ("Hmmmmm", "Hmm"),
    ],
)
def test_drawn_out_letters_sound_like_the_word(drawn: str, plain: str) -> None:
    assert phonemize(f"{drawn}!") == phonemize(f"{plain}!")


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("He read it.", "ɹˈɛd"), ("Did he read it?", "ɹˈiːd"), ("I read it yesterday.", "ɹˈɛd"),
        ("I read a lot.", "ɹˈiːd"), ("A lead pipe.", "lˈɛd"), ("Take the lead.", "lˈiːd"),
        ("Please close it.", "klˈoʊz"), ("He is close.", "klˈoʊs"), ("Stay close to me.", "klˈoʊs"),
        ("Close the door.", "klˈoʊz"), ("Let's record it.", "ɹᵻkˈɔːɹd"), ("A new record.", "ɹˈɛkɚd"),
        ("We go live at five.", "lˈaɪv"), ("I live here.", "lˈɪv"), ("Wind it up.", "wˈaɪnd"),
        ("The wind is up.", "wˈɪnd"), ("Don't tear it up.", "tˈɛɹ"), ("A tear in her eye.", "tˈɪɹ"),
        ("There is a tear in my shirt.", "tˈɛɹ"), ("Take a bow.", "bˈaʊ"), ("A bow and arrow.", "bˈoʊ"),
        ("Every minute detail.", "maɪnˈuːt"), ("One minute, please.", "mˈɪnɪt"), ("He wound it up.", "wˈaʊnd"),
        ("The wound is deep.", "wˈuːnd"), ("Excuse me.", "ɛkskjˈuːz"), ("No excuse.", "ɛkskjˈuːs"),
        ("She dove into the lake.", "dˈoʊv"), ("A white dove.", "dˈʌv"), ("Caught a bass.", "bˈæs"),
        ("He plays bass.", "bˈeɪs"), ("Send me your resume.", "ɹˈɛzuːmˌeɪ"), ("Please resume.", "ɹᵻzˈuːm"),
    ],
)  # fmt: skip
def test_homographs_follow_their_context(text: str, sound: str) -> None:
    assert sound in phonemize(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Ich weiß nicht, was du von mir willst.", "de"),
        ("Je ne sais pas ce que tu veux dire.", "fr"),
        ("No sé qué es lo que quieres de mí.", "es"),
        ("Non so che cosa vuoi da me.", "it"),
        ("Ik weet niet wat je van mij wilt.", "nl"),
        ("Jag vet inte vad du vill ha.", "sv"),
        ("Nie wiem, czego ode mnie chcesz, ale jest dobrze.", "pl"),
        ("I do not know what you want from me.", None),
        ("He said bonjour and left for the Champs-Élysées.", None),
        ("Die, monster! You don't belong in this world.", None),
        ("Man is mortal, war is hell.", None),
        ("Bonjour!", None),
        ("Come to me, Mario.", None),
    ],
)
def test_another_language_is_noticed(text: str, language: str | None) -> None:
    assert read_text(text).other_language == language


def test_british_dates_and_letters_differ() -> None:
    assert read_text("On 03/04/2025.", "en-gb").words == "On the third of April twenty twenty-five."
    assert read_text("On 03/04/2025.").words == "On March fourth, twenty twenty-five."
    assert "zˈɛd" in phonemize("XYZ.", "en-gb") and "zˈiː" in phonemize("XYZ.")


def test_acronyms_sound_as_espeak_says_those_it_knows() -> None:
    for language in ("en-us", "en-gb"):
        for acronym in ("FBI", "CEO", "DNA", "TV", "NHS"):
            assert phonemize(f"The {acronym} is.", language) == EspeakPhonemizer(language)(f"The {acronym} is.")


def test_lexicon_goes_before_our_rules_and_is_shown_as_written() -> None:
    reading = read_text("Dr. Siobhan's NYC, hmm, {Anya|ˈɑːnjə}.", lexicon={"NYC": "nˈɪk", "hmm": "mˈɑː"})
    assert reading.words == "doctor Siobhan's NYC, hmm, Anya." and reading.sounds == ("nˈɪk", "mˈɑː", "ˈɑːnjə")


RUNS = (*"!\"#$%&'()*+,-./:;<=>?@[\\]^_`|~ aAI10é…—½²№", "a ", "A.", "1.", "1,", "1-", "1/", "1:", "$1", "a@", "[a",
        "(a", "*a", "<a", "ha", ". ", "IV ", "St. ", "=1", "http://", "1 1/2 ", "5pm", "AB ", "read ")  # fmt: skip


@pytest.mark.parametrize("run", RUNS)
def test_long_runs_are_read_piece_by_piece(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No rule sees more than a bounded piece of text, so that reading takes time in proportion to its length."""
    from generation.text import normalization

    longest = 0
    first = normalization._normalised

    def seen(text: str, language: str) -> str:
        nonlocal longest
        longest = max(longest, len(text))
        return first(text, language)

    monkeypatch.setattr(normalization, "_normalised", seen)
    read_text(f"Theo{run * (4000 // len(run))} hello")
    assert longest <= normalization._LONGEST


def test_reading_is_loaded_when_a_line_is_read_and_not_before() -> None:
    code = (
        "import sys, generation.text.phonemizer as p, generation.text.phoneme_sequence\n"
        "from generation.text.rules import tables\n"
        "assert 'num2words' not in sys.modules and 'generation.text.rules.quantities' not in sys.modules\n"
        "assert tables.table_rows.cache_info().currsize == 0\n"
        "p.read_text('It is 5 pm.'); assert 'num2words' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_film_of_recordings_alone_reads_no_text() -> None:
    code = (
        "import sys; from generation.core.performance import Line; from studio.export.subtitles import captions\n"
        "from studio.timeline.word_timing import word_times\n"
        "line = Line('a', 0, 0, 250, ' ', (1000,))\n"
        "text = 'Dr. Lee paid $5 for it. ' * 12\n"
        "assert len(captions([line], [text], ['ADA'])) > 2 and word_times(line, text)\n"
        "assert 'generation.text.rules.quantities' not in sys.modules and 'num2words' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
