"""Scripts in the formats that people bring: what they are is told by what they hold, and nothing unspoken is spoken."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from generation.core.performance import Line
from generation.text.phonemizer import read_text
from studio import cli
from studio.core.problems import DocumentError
from studio.export.subtitles import captions, srt, vtt
from studio.formats.importing import read_script, read_script_file, scene_of_script, with_script
from studio.scene.document import load_scene
from studio.scene.schema import Character, Scene, ScriptLine
from studio.scene.screenplay import parse, print_lines

SCRIPTS = Path(__file__).parent / "scripts"
CAST = Scene(picture="a.png", cast=tuple(Character(name=name) for name in ("Nora", "Theo", "June")), script=())


def read(text: str, newcomers: str = "narrators") -> tuple[ScriptLine, ...]:
    return with_script(CAST, read_script(text, [member.name for member in CAST.cast]), newcomers).script


def said(name: str) -> list[tuple[str, str]]:
    """Who says which words, directions and notes left out, as the pronouncer gets them."""
    return [(line.who, read_text(line.text).words) for line in read((SCRIPTS / name).read_text(encoding="utf-8"))]


NORA, THEO = ("NORA", "Is it really you?"), ("THEO", "It's me.")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("cafe.fountain", [NORA, ("THEO", "It's me. Who else would it be?"), ("McAvoy", "Sorry!"),
                           ("NORA", "I thought you had left."), ("THEO", "You thought wrong."),
                           ("NORA + THEO", "Wait!"),
                           ("JUNE", "La la la")]),
        ("plain.txt", [NORA, ("THEO", "It's me. Who else would it be?"), ("NORA", "I thought: you had left."),
                       ("THEO", "You thought wrong.")]),
        ("blocks.txt", [("Nora", NORA[1]), ("Theo", THEO[1]), ("Nora", "I thought you had left.")]),
        ("tight.txt", [NORA, THEO, ("NORA", "I thought you had left.")]),
        ("film.srt", [NORA, ("THEO", "It's me, and I have been waiting for an hour."), ("NORA", "An hour?"),
                      ("THEO", "Nearly.")]),
        ("film.vtt", [("Nora", NORA[1]), ("Theo", "Fish and chips?"), ("Nora", "Yes."), ("Theo", "No.")]),
        ("table.csv", [("NORA", "Is it really you, Theo?"), THEO, ("NORA", "")]),
        ("table.tsv", [("Nora", NORA[1]), ("Theo", THEO[1])]),
    ],
)  # fmt: skip
def test_speech_is_spoken_and_nothing_else(name: str, lines: list[tuple[str, str]]) -> None:
    assert said(name) == lines


def test_what_a_screenplay_says_besides_is_kept() -> None:
    script = read_script_file(SCRIPTS / "cafe.fountain")
    lines = with_script(CAST, script, "narrators").script
    assert script.title == "The Last Table" and "'CUT TO:' and 2 more after the last line" in script.told
    assert lines[0].note.splitlines() == [
        "Credit: Written by", "Author: A. Nobody", "Draft date: 1/1/2026", "Act one", "They meet.", "INT. CAFÉ - DAY",
        "Rain on the window. NORA waits.", "check the rain",
    ]  # fmt: skip
    assert [read_text(line.text).directions for line in lines[:2]] == [("whispering",), ("sits down",)]
    assert (lines[2].note, lines[6].note, lines[4].overlap) == ("SMASH. A cup breaks.", "JUNE: V.O.", 0.69)


def test_options_notes_and_directions_of_plain_text() -> None:
    lines = read((SCRIPTS / "plain.txt").read_text(encoding="utf-8"))
    assert [line.note for line in lines] == ["INT. CAFÉ - DAY", "", "Theo sits down.", ""]
    assert lines[1].text.startswith("[whispering] ") and lines[2].text.endswith(" [She laughs.]")
    assert (lines[2].pause, lines[2].looks) == (0.5, "Theo")


def test_times_become_starts_where_they_can_be_kept() -> None:
    lines = read((SCRIPTS / "film.srt").read_text(encoding="utf-8"))
    assert [line.start for line in lines] == [1.0, 3.0, None, None] and lines[2].note == "door slams"
    overlapping = "1\n0:0:1,0 --> 0:0:4,0\nNORA: One.\n\n2\n0:0:2,5 --> 0:0:3,0\nTHEO: Two."
    assert [line.start for line in read(overlapping)] == [1.0, 2.5]


def test_columns_of_a_table() -> None:
    lines = read((SCRIPTS / "table.csv").read_text(encoding="utf-8"))
    assert [line.start for line in lines] == [1.0, 2.5, 6.0] and lines[2].recording == "takes/nora 3.wav"
    assert "not used: the column Colour" in read_script_file(SCRIPTS / "table.csv").told
    assert read((SCRIPTS / "table.tsv").read_text(encoding="utf-8"))[0].note == "INT. CAFÉ"


@pytest.mark.parametrize("name", sorted(path.name for path in SCRIPTS.iterdir()))
def test_what_was_imported_comes_back_from_a_screenplay(name: str) -> None:
    lines = read((SCRIPTS / name).read_text(encoding="utf-8"))
    printed = print_lines(lines)
    assert tuple(ScriptLine.model_validate(fields) for fields in parse(printed)) == lines
    assert read(printed) == lines


@pytest.mark.parametrize("write", [srt, vtt])
def test_our_own_subtitles_come_back(write) -> None:  # noqa: ANN001
    texts = ["Is it really you?", "It's me, and I've been here for an hour, waiting for you & the rain to stop.", "Oh."]
    lines = [Line(str(n), n % 2, 250 * n, 200, " ", (800,), None) for n in range(3)]
    made = read(write(captions(lines, texts, ["Nora", "Theo", "Nora"])))
    assert [(line.who, line.text) for line in made] == list(zip(["Nora", "Theo", "Nora"], texts, strict=True))
    assert [line.start for line in made] == [0.0, 10.0, 20.0]


@pytest.mark.parametrize(
    ("text", "who", "words"),
    [
        ("INT. BAR - NIGHT\nNORA\nHello.", "NORA", "Hello."),
        ("NORA (CONT’D)\nHello.", "NORA", "Hello."),
        ("nora\nHello.\n", "nora", "Hello."),
        ("@nora van der berg\nHello.", "nora van der berg", "Hello."),
        ("NORA:\nHello.", "NORA", "Hello."),
        ("Nora: https://example.com/a\nis the page.", "Nora", "https://example.com/a is the page."),
        ("NORA: Wait\nnote: this is said too.", "NORA", "Wait note: this is said too."),
        ("NORA\n**Hello**, _you_.", "NORA", "Hello, you."),
        ("NORA\nHello. [[not\nsaid]] Bye.", "NORA", "Hello. Bye."),
        ("\ufeffNORA: Hello.\r\n", "NORA", "Hello."),
        ("NORA & THEO: Hello.\nNORA: A.\nTHEO: B.", "NORA + THEO", "Hello."),
        ('"Character";"Dialogue"\n"NORA";"Hello; you"', "NORA", "Hello; you"),
        ("1\n00:00:01,000 --> 00:00:02,000\n{\\an8}<b>NORA</b>: Hello.", "NORA", "Hello."),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n>> NORA: Hello.", "NORA", "Hello."),
        ("NORA (pause 1, whispering)\nHello.", None, "option 'whispering' is not understood"),
        ("Hello there, who is it?", None, "no line says who speaks"),
        ("who,text\n,Hello.", None, "names nobody"),
        ("1\n00:00:01,000 --> 00:00:02,000\nHello.", None, "the caption names nobody"),
        ("who,start,text\nNORA,soon,Hello.", None, "start should be a number"),
        ("\n\n", None, "no line"),
    ],
)
def test_ways_to_write_a_line(text: str, who: str | None, words: str) -> None:
    if who is None:
        with pytest.raises(DocumentError, match=words):
            read(text)
    else:
        assert (read(text)[0].who, read(text)[0].text) == (who, words)


def test_a_single_speaker_need_not_be_named_in_subtitles() -> None:
    assert read_script("1\n00:00:01,000 --> 00:00:02,000\nHello.", ["Nora"]).lines[0]["who"] == "Nora"


def test_a_long_speech_becomes_several_lines() -> None:
    lines = read(f"NORA (pause 2): {'A sentence of some words. ' * 60}")
    assert len(lines) == 4 and all(len(line.text) <= 500 and line.text.endswith(".") for line in lines)
    assert [line.pause for line in lines] == [2.0, None, None, None]


def test_names_that_nobody_has_are_one_sentence() -> None:
    with pytest.raises(DocumentError) as error:
        read("NORRA: Hello.\nTheo: Hello.\nZebulon: Hello.", "refuse")
    (problem,) = error.value.problems
    assert problem.sentence == (
        "Nobody in the cast is called NORRA (did you mean Nora?) or Zebulon; "
        "correct the names, or add them to the cast."
    )


FILLERS = (" ", "(", ")", "[[", "]]", "/*", "*", "_", "^", "~", ":", "A", "a ", "A: ", "A (", "A ()", "-->", "<v A>",
           "<", "&amp;", '"', ",", "A & ", "INT. ")  # fmt: skip
MANY_LINES = ("A:\n", "A\n", "A\nb\n\n", "(a)\n", "  \n", "Title: x\n",
              "00:00:01,000 --> 00:00:02,000\nA: b\n\n")  # fmt: skip
HEADS = ("", "NORA\n", "NORA: ", "who,text\nNORA,", "WEBVTT\n\n00:01.000 --> 00:02.000\nA: ")


@pytest.mark.parametrize("fillers", [FILLERS, pytest.param(MANY_LINES, marks=pytest.mark.slow)], ids=["line", "lines"])
def test_reading_takes_time_in_proportion_to_the_length(fillers: tuple[str, ...]) -> None:
    """A pattern that tries every split of a run would take hours, so that the limit says nothing of the machine."""
    code = f"""
from studio.formats.importing import read_script
for filler in {fillers!r}:
    for head in {HEADS!r}:
        try:
            read_script(head + filler * (100_000 // len(filler)), ["Nora"])
        except ValueError:
            pass
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)


def test_a_script_becomes_a_scene_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script, scene = tmp_path / "play.txt", tmp_path / "scene.yaml"
    script.write_text((SCRIPTS / "cafe.fountain").read_text(encoding="utf-8"), encoding="utf-8")
    assert cli.main(["check", str(script)]) == 1 and "parley import play.txt" in capsys.readouterr().err
    assert cli.main(["import", str(script), "-o", str(scene)]) == 0
    assert "7 lines read from a screenplay; 10 notes kept" in capsys.readouterr().out
    made = load_scene(scene)
    assert [member.name for member in made.cast] == ["NORA", "THEO", "McAvoy", "JUNE"]
    assert all(member.voice and member.role is None for member in made.cast) and made.title == "The Last Table"
    assert cli.main(["import", str(script), "-o", str(scene)]) == 1 and "there already" in capsys.readouterr().err


def test_a_script_for_the_cast_of_a_scene(tmp_path: Path) -> None:
    data = {"picture": "a.png", "cast": [{"name": "Nora"}, {"name": "Theo"}], "script": [], "lexicon": {"a": "ɑː"}}
    (tmp_path / "cast.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    (tmp_path / "a.srt").write_text("NORA: Hello.\nTheo: Hello.", encoding="utf-8")
    scene, _ = scene_of_script(tmp_path / "a.srt", tmp_path / "made.yaml", tmp_path / "cast.yaml")
    assert scene == load_scene(tmp_path / "made.yaml") and scene.lexicon == {"a": "ɑː"} and len(scene.cast) == 2
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(DocumentError, match="another folder"):
        scene_of_script(tmp_path / "a.srt", tmp_path / "elsewhere/made.yaml", tmp_path / "cast.yaml")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(b"\x89PNG\r\n\x1a\n\0\0", "not UTF-8 text"), (b"", "no line"), (b"A: b\n" * 300_000, "larger than 1 MB")],
)
def test_what_is_no_script_is_one_sentence(data: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "play.fountain").write_bytes(data)
    with pytest.raises(DocumentError, match=sentence):
        read_script_file(tmp_path / "play.fountain")
    with pytest.raises(DocumentError, match="does not exist; did you mean 'play.fountain'"):
        read_script_file(tmp_path / "play.fountian")


PIECES = ("NORA", "Theo", ": ", "\n", "\n\n", " (", "(", ")", " (pause 1)", "(CONT'D)", "(softly)", "INT. X - DAY",
          "CUT TO:", "[[", "]]", "/*", "*/", "@", "^", ".", "!", ">", "~", "#", "=", "WEBVTT",
          "00:00:01,000 --> 00:00:02,000", "<v Nora>", "who,text", '"', ",", ";", "Hi.", "\t", "  ", "{", "|", "\0",
          "\x1b", "\ud800", "é", "&amp;", "- ",
          "♪", "\u2028", "\r", "(pause x)", " (speed 9)", " + ", "Title: x", "a" * 70)  # fmt: skip


def test_any_text_becomes_lines_or_a_sentence() -> None:
    chance, read_well = random.Random(0), 0
    for _ in range(400):
        text = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 25)))
        try:
            script = read_script(text, ["Nora", "Theo"])
            with_script(CAST, script, chance.choice(["refuse", "narrators", "faces"]))
            read_well += 1
        except DocumentError as error:
            assert all(problem.sentence.endswith((".", "?", "!")) for problem in error.problems), text
    assert read_well > 5
