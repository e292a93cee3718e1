"""Scripts as plain text: reading, writing, and the round trip."""

from __future__ import annotations

import subprocess
import sys

import pytest

from studio.scene.schema import ScriptLine
from studio.scene.screenplay import parse, print_lines


def read(text: str) -> list[ScriptLine]:
    return [ScriptLine.model_validate(fields) for fields in parse(text)]


def test_a_screenplay_as_people_write_it() -> None:
    anna, bob, again = read(
        "# Act one\n\nANNA: Good morning: how are you?\n\n"
        "Bob Stone (speed 1.2, overlap 0.4):  Fine,\n    thank   you.\n"
        '(pause 1.5)\nANNA (recording "take (1), b.wav"):\n'
    )
    assert (anna.who, anna.text) == ("ANNA", "Good morning: how are you?")
    assert (bob.who, bob.text, bob.speed, bob.overlap) == ("Bob Stone", "Fine, thank you.", 1.2, 0.4)
    assert (again.recording, again.pause, again.text) == ("take (1), b.wav", 1.5, "")


@pytest.mark.parametrize(
    "line",
    [
        ScriptLine(who="ANNA", text="Hello."),
        ScriptLine(who="Zoë 🦊", text="Déjà vu (again): {Siobhan|ʃɪvˈɔːn} said # no."),
        ScriptLine(who="A", text="x", pause=0.0, speed=0.5),
        ScriptLine(who="A", text="x", overlap=0.123456789),
        ScriptLine(who="A", text="x", start=1e-7),
        ScriptLine(who="A", recording="a.wav"),
        ScriptLine(who="A", recording='od"d, (name) \\ ünï.wav', text="What is heard."),
        ScriptLine(who="A", recording="my folder/take 2.wav"),
        ScriptLine(who="A", recording="C:\\takes\\a.wav"),
        ScriptLine(who="A", recording=" edge "),
        ScriptLine(who="A", text="x", looks="Bob Stone, the (late)", take=2),
        ScriptLine(who="A", text="x", looks="away"),
        ScriptLine(who="A", text="x", styles={"whisper": 0.85, "a (b), c.safetensors": 1.5}),
        ScriptLine(who="A", text=""),
    ],
    ids=repr,
)
def test_round_trip(line: ScriptLine) -> None:
    assert read(print_lines([line])) == [line]
    assert print_lines(read(print_lines([line, line]))) == print_lines([line, line])


def test_all_unreadable_lines_are_reported_at_once() -> None:
    with pytest.raises(ValueError, match="no speaker") as error:
        parse("no speaker\nA: fine\nA (loudly): x\n\n(pause 2)\nB (start 1): x")
    places = [sentence.split(":")[0] for sentence in str(error.value).splitlines()]
    assert places == ["screenplay line 1", "screenplay line 3", "screenplay line 6"]


@pytest.mark.parametrize(
    "text", ["'Theo' + 50_000 * ' ' + 'hello'", "'A' + 50_000 * ' ' + '(pause 1)' + 50_000 * ' ' + 'x'"]
)
def test_long_lines_are_read_in_a_time_that_grows_with_their_length(text: str) -> None:
    """A pattern that tries every split of the spaces would take hours, so the limit says nothing of the machine."""
    code = f"""
from studio.scene.screenplay import parse, parse_head
for read in (parse, parse_head):
    try:
        read({text})
    except ValueError:
        pass
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_what_follows_a_quoted_value_is_told() -> None:
    expected = r'^screenplay line 1: option looks: "Bob" Stone should be one text in quotation marks$'
    with pytest.raises(ValueError, match=expected):
        parse('A (looks "Bob" Stone): x')
