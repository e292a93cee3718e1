"""Documents of version 1, as the program of that version wrote them, open and are upgraded; later ones are refused."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest
import yaml

from studio.cli import main
from studio.core.problems import DocumentError
from studio.core.storage import read_json
from studio.export.provenance import mark
from studio.project.project import Project
from studio.project.projects import Projects
from studio.scene.document import checked_scene, dump_scene, read_document, scene_data, validate
from studio.scene.upgrade import VERSION, upgrade_report, upgrade_scene
from studio.validation.scene_check import check_scene

OLD = Path(__file__).parent / "version_1"
STYLES = [{"weary": 0.8}, {"excited": 1.0, "storyteller": 0.5}, {}]


def old_film(folder: Path, **changes: object) -> Path:
    """A file with the mark of a film of version 1."""
    path = folder / "film.mp4"
    path.write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0")
    record = read_json(OLD / "film.json")
    mark(path, record | {"scene": record["scene"] | changes})
    return path


def test_a_key_of_version_1_is_renamed_and_nothing_else_changed() -> None:
    old = yaml.safe_load((OLD / "project/scene.yaml").read_text(encoding="utf-8"))
    before = copy.deepcopy(old)
    upgraded = upgrade_scene(old)
    assert old == before and upgraded.version == 1 and upgraded.data["version"] == VERSION
    assert [member.get("styles", {}) for member in upgraded.data["cast"]] == STYLES
    assert not any("manners" in member for member in upgraded.data["cast"])
    back = json.loads(json.dumps(upgraded.data).replace('"styles"', '"manners"'))
    del back["version"]
    assert back == old
    assert upgraded.moved["cast", 1, "styles", "excited"] == ("cast", 1, "manners", "excited")


@pytest.mark.parametrize("name", ["cafe.yaml", "portraits.yaml"])
def test_a_scene_without_that_key_is_the_same_in_both_versions(name: str) -> None:
    document = read_document(OLD / name)
    scene, problems = validate(document)
    assert scene is not None and not problems and document.notice is None
    assert upgrade_scene(document.data).data == document.data
    assert checked_scene(yaml.safe_load(dump_scene(scene))) == scene and scene_data(scene)["version"] == VERSION


def test_the_check_says_that_a_scene_was_upgraded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(OLD / "project", tmp_path / "p")
    path = tmp_path / "p/scene.yaml"
    report = check_scene(path)
    notice = "the scene is of version 1 and was upgraded to version 2, in which the key manners is called styles."
    sentence = f"scene.yaml: {notice}"
    assert str(report.warnings[0]) == sentence
    assert [dict(member.styles) for member in report.scene.cast] == STYLES
    main(["check", str(path)])
    assert capsys.readouterr().out.startswith(f"Warning: {sentence}\n")


def test_faults_of_an_upgraded_scene_stand_in_their_lines(tmp_path: Path) -> None:
    text = (OLD / "project/scene.yaml").read_text(encoding="utf-8").replace("excited: 1.0", "excited: 3.0")
    (tmp_path / "scene.yaml").write_text(text, encoding="utf-8")
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "excited" in row)
    _, problems = validate(read_document(tmp_path / "scene.yaml"))
    assert len(problems) == 1 and str(problems[0]).startswith(
        f"scene.yaml line {line}: character 2 (Theo): styles: excited"
    )


def test_both_keys_at_once_are_no_version() -> None:
    data = {"picture": "", "cast": [{"name": "A", "manners": {}, "styles": {}}], "script": []}
    with pytest.raises(DocumentError, match="unknown key 'manners'"):
        checked_scene(data)


@pytest.mark.parametrize("version", [3, "3", 99])
def test_later_versions_are_refused_in_one_sentence(version: object, tmp_path: Path) -> None:
    (tmp_path / "scene.yaml").write_text(f"version: {version}\nwhat: ever\n", encoding="utf-8")
    expected = rf"^scene.yaml line 1: version {version} is of a later Parley; update Parley to open it\.$"
    with pytest.raises(DocumentError, match=expected):
        read_document(tmp_path / "scene.yaml")
    with pytest.raises(ValueError, match=rf"^film.mp4: version {version} is of a later Parley"):
        Projects(tmp_path / "projects").restore(old_film(tmp_path, version=version), "Later")


@pytest.mark.parametrize("version", [0, -1, "x", 1.5, True, [2]])
def test_what_is_no_version_is_refused(version: object) -> None:
    with pytest.raises(ValueError, match=r"^version .* is not known; known are 1, 2\.$"):
        upgrade_scene({"version": version})


def test_a_film_of_version_1_gives_its_scene_back(tmp_path: Path) -> None:
    project, _ = Projects(tmp_path / "projects").restore(old_film(tmp_path), "Back")
    assert [dict(member.styles) for member in project.scene.cast] == STYLES
    assert project.notice is not None and project.notice.startswith("The scene of film.mp4 is of version 1 and")
    assert read_document(project.scene_path).data["version"] == VERSION
    assert Project(project.folder).notice is None


def test_a_project_of_version_1_opens_and_is_upgraded(tmp_path: Path) -> None:
    folder = tmp_path / "Old"
    shutil.copytree(OLD / "project", folder)
    snapshots = {path.name: path.read_bytes() for path in (folder / "history").glob("*.yaml")}
    project = Project(folder)
    assert project.notice is not None and project.notice.startswith("This project is of version 1 and was upgraded")
    assert [dict(member.styles) for member in project.scene.cast] == STYLES
    text = project.scene_path.read_text(encoding="utf-8")
    assert "version: 2" in text and "manners" not in text and read_json(folder / "project.json") == {"version": 2}
    assert (folder / "history/000001.yaml").read_bytes() == snapshots["000001.yaml"]
    again = Project(folder)
    assert again.notice is None and again.undoable == "Theo: excited 1" and again.scene == project.scene
    again.undo()
    assert [dict(member.styles) for member in again.scene.cast] == [STYLES[0], {}, {}]
    again.redo()
    again.restore_version("First")
    assert [dict(member.styles) for member in again.scene.cast] == [STYLES[0], {}, {}]


def test_a_project_of_a_later_version_is_refused_untouched(tmp_path: Path) -> None:
    folder = Projects(tmp_path).create("New").folder
    assert read_json(folder / "project.json") == {"version": VERSION}
    (folder / "project.json").write_text('{"version": 3}', encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=r"^The project 'New': version 3 is of a later Parley; update"):
        Project(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_report_of_a_style_trained_before_is_read() -> None:
    assert upgrade_report({"name": "Joe", "manner": "media/joe.safetensors"})["style"] == "media/joe.safetensors"
