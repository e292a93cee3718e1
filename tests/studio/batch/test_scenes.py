"""What a batch is told to make: files, folders, lists, tables, and the names of the films."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from batch_fixtures import write_scene

from studio.batch.scenes import find_sources, read_scenes
from studio.batch.table import read_table
from studio.core.problems import DocumentError
from studio.production.settings import RenderSettings
from studio.scene.document import load_scene

TEMPLATE = """
picture: ${picture}
seed: "${take}"
cast:
  - {name: "${hero}", voice: "${voice}"}
script:
  - ${hero}: "Hello ${ guest }!"
  - who: "${hero}"
    text: "{Bob|bɒb} costs $5."
"""
TABLE = "template,film,hero,voice,guest,picture,take\ncard.yaml,ann,Ann,Alice,x: [,a.png,7\n,,Ben,Arthur,Ann,b.png,8\n"


def names(tmp_path: Path, *arguments: Path) -> list[str]:
    return [scene.name for scene in read_scenes(find_sources(arguments), tmp_path / "out", RenderSettings())]


def test_folders_give_their_scenes_and_nothing_else(tmp_path: Path) -> None:
    for name in ("cafe/scene", "b", "deep/er/a", ".hidden/c"):
        write_scene(tmp_path / "in", name)
    (tmp_path / "in" / "cafe" / "rig.yaml").write_text("faces: {}")
    (tmp_path / "in" / "cafe" / "motion.json").write_text('{"weights": []}')
    assert names(tmp_path, tmp_path / "in") == ["b", "cafe", "deep-er-a"]
    assert names(tmp_path, tmp_path / "in" / "cafe" / "scene.json") == ["cafe"]


def test_a_file_that_cannot_be_read_is_a_fault_of_its_own_scene(tmp_path: Path, monkeypatch) -> None:
    for name in ("a", "b"):
        write_scene(tmp_path / "in", name)

    def read(path: Path) -> bytes:
        if path.name == "a.json":
            raise PermissionError(13, "Permission denied", str(path))
        with path.open("rb") as file:
            return file.read()

    monkeypatch.setattr(Path, "read_bytes", read)
    monkeypatch.setattr(Path, "read_text", lambda path, **_: read(path).decode())
    scenes = read_scenes(find_sources([tmp_path / "in"]), tmp_path / "out", RenderSettings())
    assert [len(scene.problems) for scene in scenes] == [1, 0]
    assert "'a.json' cannot be read (Permission denied)" in str(scenes[0].problems[0])


def test_lists_name_scenes_and_films_of_one_name_are_told_apart(tmp_path: Path) -> None:
    write_scene(tmp_path, "one")
    write_scene(tmp_path, "other/one")
    (tmp_path / "list.txt").write_text("# mine\n\none.json\nother/one.json\ngone.json\n", "utf-8")
    scenes = read_scenes(find_sources([tmp_path / "list.txt"]), tmp_path / "out", RenderSettings())
    assert [scene.name for scene in scenes] == ["one", "one-2", "gone"]
    assert [bool(scene.problems) for scene in scenes] == [False, False, True]
    assert str(scenes[2].problems[0]).startswith("list.txt line 5: the scene file 'gone.json' does not exist")


def test_rows_of_a_table_fill_in_a_template(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(TEMPLATE, "utf-8")
    (tmp_path / "cards.csv").write_text(TABLE, "utf-8-sig")
    scenes = read_scenes(find_sources([tmp_path / "cards.csv"]), tmp_path / "out", RenderSettings())
    assert [scene.name for scene in scenes] == ["ann", "cards-002"] and not any(scene.problems for scene in scenes)
    scenes[0].write()
    scene = load_scene(scenes[0].path)
    assert (scene.cast[0].name, scene.cast[0].voice.preset, scene.seed) == ("Ann", "Alice", 7)
    assert [line.text for line in scene.script] == ["Hello x: [!", "{Bob|bɒb} costs $5."], "values are no YAML"
    assert scene.picture == str(tmp_path / "a.png"), "names count from the template's folder"
    assert scenes[0].record["scene"]["picture"] == "a.png", "and no path leaves the machine in a film"
    assert load_scene(tmp_path / "out" / ".batch" / "ann" / "scene.json") == scene


def test_a_fault_of_a_row_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(TEMPLATE.replace("${ guest }", "${gast}"), "utf-8")
    (tmp_path / "cards.csv").write_text(TABLE + "gone.yaml,,,,,,\n", "utf-8")
    scenes = read_scenes(find_sources([tmp_path / "cards.csv"]), tmp_path / "out", RenderSettings())
    said = [str(scene.problems[0]) for scene in scenes]
    assert said[0] == "cards.csv line 2: card.yaml asks for ${gast}; did you mean 'guest'?"
    assert said[2].startswith("cards.csv line 4: the scene file 'gone.yaml' does not exist")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hero,guest\nAnn,Ben\n", "the column 'template' is missing"),
        ("", "the column 'template' is missing"),
        ("template,hero\n,Ann\n", "line 2: the first row names no template"),
        ("template,hero\na.yaml,Ann,Ben\n", "line 2: 3 cells for 2 columns; put quotes around commas"),
        ("template,hero,hero\na.yaml,Ann,Ben\n", "the column 'hero' is there twice"),
        ('template,hero\na.yaml,"Ann\n', "the table cannot be read"),
    ],
)
def test_a_table_that_is_none_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text, "utf-8")
    with pytest.raises(DocumentError, match="t.csv") as refused:
        read_table(tmp_path / "t.csv")
    assert sentence in str(refused.value)


def test_what_holds_no_scenes_is_refused_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(DocumentError) as refused:
        find_sources([tmp_path / "a.mp4", tmp_path / "gone", tmp_path / "empty"])
    assert [problem.sentence.split("'")[-1] for problem in refused.value.problems] == [
        " is no kind of file with scenes; known are .yaml, .yml, .json, .txt, .lst, .csv.",
        " does not exist; check the name.",
    ]
    with pytest.raises(DocumentError, match="No scene was found"):
        find_sources([tmp_path / "empty"])


def test_keys_tell_films_apart_by_what_is_private_too(tmp_path: Path) -> None:
    """Who agreed is in no film; a scene that was refused for it is another one when it is said."""
    keys = set()
    for consent in ("drawn", "me"):
        write_scene(tmp_path, "one", consent=consent)
        keys |= {scene.key for scene in read_scenes(find_sources([tmp_path]), tmp_path / "out", RenderSettings())}
    (tmp_path / "one.png").write_bytes(json.dumps("picture").encode())
    keys |= {scene.key for scene in read_scenes(find_sources([tmp_path]), tmp_path / "out", RenderSettings())}
    assert len(keys) == 3
