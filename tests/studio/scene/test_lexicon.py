"""Words that sound otherwise in a whole scene: given as IPA or by a spelling, on the page and from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from generation.text.phonemizer import ipa_of_sound, phonemize
from studio import cli
from studio.core.problems import DocumentError
from studio.editing.actions import read_line_action
from studio.editing.script_edits import apply_line_action
from studio.editor.line_reading import shown_reading
from studio.scene.document import load_scene
from studio.scene.lexicon import correct_file, with_sound
from studio.scene.schema import Character, Scene, ScriptLine

SCENE = Scene(picture="", cast=(Character(name="Nora"),), script=(ScriptLine(who="Nora", text="Ask Siobhan at 5 pm."),))


@pytest.mark.parametrize(
    ("sound", "ipa"),
    [("shi-VAWN", "ʃivˈɔːn"), ("SHI-vawn", "ʃˈivɔːn"), ("win", "wˈɪn"), ("/wɪn/", "wɪn"), ("ʃɪvˈɔːn", "ʃɪvˈɔːn"),
     ("tuh-may-toh", "tʌmˈeɪtoʊ"), ("too- -TAH", "tuːtˈɑː")],
)  # fmt: skip
def test_a_sound_is_ipa_or_a_spelling(sound: str, ipa: str) -> None:
    assert ipa_of_sound(sound, "x") == ipa


@pytest.mark.parametrize(("word", "sound"), [("", "x"), ("?", "x"), ("a{b", "x"), ("x", "/q8/"), ("x" * 61, "x")])
def test_what_is_no_correction_is_one_sentence(word: str, sound: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        with_sound(SCENE, word, sound)


def test_a_correction_is_heard_replaced_and_taken_away() -> None:
    made = with_sound(SCENE, "siobhan", "shi-VAWN")
    assert "ʃivˈɔːn" in phonemize(made.script[0].text, "en-us", made.lexicon)
    again = with_sound(made, "SIOBHAN", "/wɪn/")
    assert again.lexicon == {"SIOBHAN": "wɪn"} and with_sound(again, "Siobhan", " ").lexicon == {}


def test_a_word_is_corrected_from_a_row_of_the_script() -> None:
    message = {"kind": "sound", "index": 0, "word": "Siobhan", "sound": "shi-VAWN", "n": 1}
    scene, what = apply_line_action(SCENE, read_line_action(message))
    assert scene.lexicon == {"Siobhan": "ʃivˈɔːn"} and what == "How Siobhan sounds" and scene.script == SCENE.script


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Good morning, you two!", ""),
        ("It's *really* good — isn’t it?", ""),
        ("Meet me at 5 pm.", "Meet me at five P M."),
        ("[whispering] Come here.", "Come here."),
        ("[laughs]", "nothing"),
        ("Ask Ann.", "Ask Ann /ˈæn/."),
        ("Half a {brace", ""),
    ],
)
def test_a_reading_is_shown_where_it_is_not_what_is_written(text: str, shown: str) -> None:
    assert shown_reading(text, "en-us", {"ann": "ˈæn"}) == shown


WRITTEN = 'picture: ""  # none yet\ncast:\n  - name: Nora\nscript: []\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("scene.yaml", WRITTEN),
        ("scene.yaml", WRITTEN + "lexicon: {}\n"),
        ("scene.yaml", "lexicon:\n    Ann: ˈæn  # kept\n" + WRITTEN),
        ("scene.yaml", "lexicon:\n  Ann: ˈæn\n  SIOBHAN: x\n" + WRITTEN),
        ("scene.json", '{"picture": "", "cast": [{"name": "Nora"}], "script": [], "lexicon": {"Ann": "ˈæn"}}'),
    ],
)
def test_a_correction_is_written_into_the_file_and_nothing_else_changes(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    before = load_scene(path)
    assert correct_file(path, "Siobhan", "shi-VAWN") == "ʃivˈɔːn"
    after = load_scene(path)
    ann = {"Ann": "ˈæn"} if "Ann" in text else {}
    assert after.lexicon == ann | {"Siobhan": "ʃivˈɔːn"} and after.model_copy(update={"lexicon": {}}) == (
        before.model_copy(update={"lexicon": {}}))  # fmt: skip
    assert all(comment in path.read_text(encoding="utf-8") for comment in ("# none yet", "# kept") if comment in text)


def test_a_lexicon_on_one_line_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(text := WRITTEN + "lexicon: {Ann: ˈæn}\n", encoding="utf-8")
    with pytest.raises(DocumentError, match="by hand"):
        correct_file(path, "Siobhan", "shi-VAWN")
    assert path.read_text(encoding="utf-8") == text


def test_read_knows_and_writes_the_words_of_a_scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(WRITTEN, encoding="utf-8")
    asked = ["read", "Ask Siobhan.", "--ipa", "--scene", str(path)]
    assert cli.main([*asked, "--correct", "Siobhan=shi-VAWN"]) == 0 and cli.main(asked) == 0
    assert capsys.readouterr().out == "ˈæsk ʃivˈɔːn.\n" * 2
    assert cli.main(["read", "Hi.", "--correct", "a=b"]) == 1 and "needs --scene" in capsys.readouterr().err
    assert cli.main([*asked, "--correct", "Siobhan"]) == 1 and "WORD=SOUND" in capsys.readouterr().err
