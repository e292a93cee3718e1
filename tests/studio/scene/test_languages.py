"""Languages of characters and lines: which is spoken, how files keep it, and words that are corrected."""

from __future__ import annotations

import pytest

from generation.text.phonemizer import phonemize
from studio.editing.actions import read_line_action
from studio.editing.script_edits import apply_line_action
from studio.formats.importing import read_script
from studio.project.takes import recipe
from studio.scene import screenplay
from studio.scene.document import checked_scene, scene_data
from studio.scene.lexicon import lexicon_in, with_sound
from studio.scene.line_names import line_names
from studio.scene.schema import Scene
from studio.scene.voices import language_of, spoken_languages


def scene(of_character: dict | None = None, **of_line: object) -> Scene:
    cast = [{"name": "ANNA", "voice": "Edith", **(of_character or {})}]
    return checked_scene({"picture": "a.png", "cast": cast, "script": [{"who": "ANNA", "text": "Hola.", **of_line}]})


@pytest.mark.parametrize(
    ("character", "line", "spoken"),
    [
        (None, None, "en-gb"), ("en", None, "en-gb"), ("en-us", None, "en-us"), ("es", None, "es"),
        ("es", "en", "en-gb"), ("en-us", "en", "en-us"), ("es", "en-us", "en-us"), (None, "pt", "pt-br"),
        ("fr", "it", "it"),
    ],
)  # fmt: skip
def test_the_lines_language_goes_before_the_characters_and_english_has_the_voices_accent(
    character: str | None, line: str | None, spoken: str
) -> None:
    made = scene({"language": character} if character else {}, **({"language": line} if line else {}))
    assert language_of(made, 0, made.script[0]) == spoken


def test_scripts_tables_and_files_keep_the_language_of_a_line() -> None:
    made = scene({"language": "fr"}, language="es")
    assert checked_scene(scene_data(made)) == made
    printed = screenplay.print_lines(made.script)
    assert printed == "ANNA (language es): Hola.\n"
    assert [line.language for line in checked_scene({**scene_data(made), "script": printed}).script] == ["es"]
    table = read_script("character,text,language\nANNA,Hola.,es\nANNA,Hello.,\n")
    assert [line.get("language") for line in table.lines] == ["es", None]


def test_lines_and_takes_of_another_language_are_others() -> None:
    plain, spanish = scene(), scene(language="es")
    assert line_names(plain) != line_names(spanish)
    assert recipe(plain, None) == recipe(spanish, None) != recipe(scene({"language": "es"}), None)


def test_the_page_sets_and_takes_away_a_lines_language() -> None:
    made = scene()
    for value, kept in (("pt", "pt"), (None, None)):
        action = read_line_action({"kind": "language", "index": 0, "value": value, "n": 1})
        made, what = apply_line_action(made, action)
        assert made.script[0].language == kept and what == "Language of line 1"
    with pytest.raises(ValueError, match="did not arrive whole"):
        read_line_action({"kind": "language", "index": 0, "value": "xx", "n": 1})


def test_a_correction_holds_in_the_language_of_its_line() -> None:
    lexicon = {"Siobhan": "ʃɪvˈɔːn", "es:come": "kˈome", "Come": "kˈʌm"}
    assert lexicon_in(lexicon, "es") == {"Siobhan": "ʃɪvˈɔːn", "come": "kˈome"}
    assert lexicon_in(lexicon, "en-gb") == {"Siobhan": "ʃɪvˈɔːn", "Come": "kˈʌm"}
    made = with_sound(scene(), "Núñez", "/nˈuɲeθ/", "es")
    assert made.lexicon == {"es:Núñez": "nˈuɲeθ"}
    assert phonemize("El señor Núñez.", "es", lexicon_in(made.lexicon, "es")).endswith("nˈuɲeθ.")
    assert with_sound(made, "núñez", "NÚ-ñez", "es").lexicon == {"es:núñez": "nˈuɲeθ"}
    assert with_sound(made, "es:Núñez", "").lexicon == {}
    with pytest.raises(ValueError, match="a symbol that is not known: 'ɲ'"):
        with_sound(scene(), "Núñez", "/nˈuɲeθ/")


def test_the_pages_offer_what_the_weights_speak(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tiny import write_tiny_assets

    assets = write_tiny_assets(tmp_path, languages=True)
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    assert list(spoken_languages()) == ["en", "en-us", "en-gb", "es", "fr", "it", "pt"]
    (assets / "durations" / "config.json").write_text('{"n_languages": 1}')
    assert list(spoken_languages()) == ["en", "en-us", "en-gb"]
