"""What the check says of languages: unknown ones, those that the weights do not speak, and texts of another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from scene_fixtures import two_faces, write
from tiny import write_tiny_assets

from studio.cli import main


@pytest.fixture
def polyglot(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of all languages."""
    assets = write_tiny_assets(tmp_path_factory.mktemp("polyglot"), languages=True)
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


@pytest.fixture
def english(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of English alone."""
    assets = write_tiny_assets(tmp_path_factory.mktemp("english"))
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


def checked(
    folder: Path, capsys, cast: dict | None = None, line: dict | None = None, **more: object
) -> tuple[int, str]:
    scene = two_faces(folder) | more
    for member in scene["cast"]:
        member["voice"] = "Alice"
    scene["cast"][0] |= cast or {}
    scene["script"][0] |= line or {}
    status = main(["check", str(write(scene, folder))])
    told = capsys.readouterr()
    return status, told.out + told.err


@pytest.mark.parametrize(
    ("given", "said"), [("xx", "known are en, en-gb, en-us, es, fr, it, pt"), ("en-uk", "did you mean 'en-us'")]
)
def test_a_language_that_is_not_there(polyglot: None, tmp_path: Path, capsys, given: str, said: str) -> None:
    for where in ("cast", "line"):
        status, told = checked(tmp_path, capsys, **{where: {"language": given}})
        assert status == 1 and said in told and "is not known" in told


def test_a_language_that_the_weights_do_not_speak(english: None, tmp_path: Path, capsys) -> None:
    for where, named in (("cast", "ANNA"), ("line", "script line 1 (ANNA)")):
        status, told = checked(tmp_path, capsys, **{where: {"language": "es"}})
        assert status == 1 and f"{named}: the weights do not speak Spanish; they speak English" in told
    assert checked(tmp_path, capsys, {"language": "en-gb"}, {"language": "en"})[0] == 0


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("Where are you going with my hat?", "es",
         "seems to be English and will be read as Spanish; write it in Spanish, or add language: en to the line"),
        ("¿Adónde vas con mi sombrero?", "en",
         "seems to be Spanish and will be read as English; write it in English, or add language: es to the line"),
        ("Non so che cosa vuoi da me.", "pt", "seems to be Italian and will be read as Portuguese"),
        ("Ich weiß nicht, was du von mir willst.", "fr", "seems to be German and will be read as French; write it in"
         " French, or give a recording"),
    ],
)  # fmt: skip
def test_a_text_of_another_language_is_named(
    polyglot: None, tmp_path: Path, capsys, text: str, language: str, said: str
) -> None:
    for where in ({"cast": {"language": language}}, {}):
        line = {"text": text} | ({} if where else {"language": language})
        status, told = checked(tmp_path, capsys, line=line, **where)
        assert status == 0 and said in told, told


def test_texts_of_their_own_language_are_left_alone(polyglot: None, tmp_path: Path, capsys) -> None:
    status, told = checked(tmp_path, capsys, {"language": "es"}, {"text": "¿Adónde vas con mi sombrero?"})
    assert status == 0 and "seems" not in told
    # the text of a recording is a subtitle alone, and may be a translation
    script = [{"who": "ANNA", "recording": "hello.wav", "text": "Where are you going with my hat?"}]
    assert "seems" not in checked(tmp_path, capsys, {"language": "es"}, script=script)[1]


def test_sounds_of_a_correction_belong_to_its_language(polyglot: None, tmp_path: Path, capsys) -> None:
    assert checked(tmp_path, capsys, lexicon={"es:Núñez": "nˈuɲeθ"})[0] == 0
    status, told = checked(tmp_path, capsys, lexicon={"Núñez": "nˈuɲeθ"})
    assert status == 1 and "'ɲ'" in told
