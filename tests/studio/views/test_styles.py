"""Styles on the page Cast: chosen, mixed, taken off and undone; what cannot be used is said and not offered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from adapter_fixtures import write_adapter
from pages import page, shown
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from generation.adapters import metadata
from studio.editor import voice_preview
from studio.jobs.queue import jobs, submit
from studio.project.project import Project
from studio.project.projects import Projects
from studio.scene.styles import delivery_of, offers

HOSTILE = 'Slow ![x](http://example.org/x.png) <img src="http://example.org/y.png"> and low.'


@pytest.fixture
def shelf(assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty shelf of styles for the tiny models."""
    (tmp_path / "assets/adapters").mkdir(parents=True)
    monkeypatch.setattr(metadata, "assets_root", lambda: tmp_path / "assets")
    monkeypatch.setattr(metadata, "asset", lambda name: assets / name)
    monkeypatch.setattr("generation.adapters.tensors.asset", lambda name: assets / name)
    return tmp_path / "assets/adapters"


@pytest.fixture
def cafe(tmp_path: Path) -> Project:
    return Projects(tmp_path / "projects").create_sample("Café")


def two(shelf: Path) -> None:
    write_adapter(shelf / "weary.safetensors", 0, does="Slow and low.", delivery=json.dumps({"tempo": 0.8}))
    write_adapter(shelf / "shy.safetensors", 1, "motion", does=HOSTILE)


def for_other_weights(path: Path) -> Path:
    write_adapter(path, 2)
    with safe_open(path, "pt") as file:
        written = dict(file.metadata())
    save_file(load_file(path), path, written | {"base": "0" * 32})
    return path


def held(project: Project) -> dict[str, float]:
    return dict(Project(project.folder).scene.cast[0].styles)


def named(kind, label: str):  # noqa: ANN001, ANN202
    return next(item for item in kind if item.label == label)


def test_without_styles_there_is_no_control_for_them(shelf: Path, cafe: Project, monkeypatch) -> None:
    test = page("cast", cafe, monkeypatch).run()
    assert not test.exception, test.exception
    assert [box.label for box in test.selectbox] == ["Voice", "Language"] and not test.slider
    assert not any("Styles" in fold.label for fold in test.expander)


def test_styles_are_chosen_mixed_taken_off_and_undone(shelf: Path, cafe: Project, monkeypatch) -> None:
    two(shelf)
    test = page("cast", cafe, monkeypatch).run()
    assert not test.exception, test.exception
    assert named(test.selectbox, "Style").options == [f"Shy: {HOSTILE} Seen, not heard.", "Weary: Slow and low."]
    named(test.selectbox, "Style").set_value("weary").run()
    assert held(cafe) == {"weary": 1.0} and named(test.slider, "Weary").value == 1.0
    named(test.slider, "Weary").set_value(0.5).run()
    assert held(cafe) == {"weary": 0.5}
    named(test.selectbox, "Another style").set_value("shy").run()
    assert held(cafe) == {"weary": 0.5, "shy": 1.0}
    assert [box.label for box in test.selectbox] == ["Voice", "Language"], "nothing is left to be chosen"
    assert "Styles: Weary 0.5, Shy 1" in [fold.label for fold in test.expander]
    assert delivery_of(held(cafe), cafe.folder).tempo == pytest.approx(0.8**0.5)
    drawn = [str(item.proto.body) for item in test.get("html")]
    assert any("&lt;img src=" in body for body in drawn) and not any("<img" in body for body in drawn)
    texts = [item.value for kind in (test.markdown, test.caption, test.warning) for item in kind]
    assert not any("example.org" in text for text in texts), "a file's words are no Markdown, which loads pictures"
    next(button for button in test.button if button.label == "Off").click().run()
    assert held(cafe) == {"shy": 1.0}
    for expected in ({"weary": 0.5, "shy": 1.0}, {"weary": 0.5}, {"weary": 1.0}, {}):
        named(test.button, "Undo").click().run()
        assert held(cafe) == expected
    assert not any(other.styles for other in Project(cafe.folder).scene.cast)


def test_styles_for_other_weights_are_said_and_not_offered(shelf: Path, cafe: Project, monkeypatch) -> None:
    two(shelf)
    for_other_weights(shelf / "grand.safetensors")
    member = cafe.scene.cast[0].model_copy(update={"styles": {"grand": 1.0, "gone": 0.5}})
    cafe.edit(cafe.scene.model_copy(update={"cast": (member, *cafe.scene.cast[1:])}), "By hand")
    test = page("cast", cafe, monkeypatch).run()
    assert not test.exception, test.exception
    assert "made for other weights; train it again on these." in shown(test)
    assert "The style &#x27;gone&#x27; is not known" in shown(test)
    assert not test.slider, "what cannot be used has no strength"
    assert all("Grand" not in option for option in named(test.selectbox, "Another style").options)
    for _ in range(2):
        next(button for button in test.button if button.label == "Off").click().run()
    assert held(cafe) == {}


def test_a_file_of_ones_own_is_kept_in_the_project_and_goes_into_jobs(
    shelf: Path, cafe: Project, tmp_path: Path
) -> None:
    path = write_adapter(tmp_path / "my Joe.safetensors", 3, kind="voice", consent="me")
    name = cafe.add_media(path.read_bytes(), path.name)
    assert name == "media/my-Joe.safetensors"
    assert offers(cafe.folder) == {name: offers(cafe.folder)[name]} and not offers(cafe.folder)[name].why_not
    member = cafe.scene.cast[0].model_copy(update={"styles": {name: 1.0}})
    cafe.edit(cafe.scene.model_copy(update={"cast": (member, *cafe.scene.cast[1:])}), "Own")
    job = submit(cafe, "hear", lines=cafe.line_ids()[:1])
    assert (job.folder / "scene" / name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (for_other_weights, "was made for other weights; train it again on these."),
        (lambda path: path.write_bytes(b"\xff" * 64) and path, "is damaged or no adapter of ours"),
        (lambda path: write_adapter(path, 4, kind="voice"), "without a record of consent"),
    ],
)
def test_files_that_cannot_be_used_are_refused(shelf: Path, cafe: Project, tmp_path: Path, make, sentence: str) -> None:
    path = make(tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=sentence) as refused:
        cafe.add_media(path.read_bytes(), path.name)
    assert "\n" not in str(refused.value) and str(tmp_path) not in str(refused.value)
    assert not list(cafe.folder.rglob("*.safetensors"))


def test_the_audition_has_the_styles_that_hold_now(shelf: Path, cafe: Project, monkeypatch) -> None:
    two(shelf)
    test = page("cast", cafe, monkeypatch).run()
    named(test.selectbox, "Style").set_value("weary").run()
    named(test.button, "Hear it").click().run()
    project = Project(cafe.folder)
    job = voice_preview.latest(project, 0)
    assert job is not None and job.id == jobs(project)[0].id
    assert "weary: 1.0" in job.scene_path.read_text(encoding="utf-8")
    assert named(test.button, "Hear it").disabled, "it is being said"
    named(test.slider, "Weary").set_value(0.5).run()
    assert voice_preview.latest(Project(cafe.folder), 0) is None, "what it sounded like before is no longer played"
    assert not named(test.button, "Hear it").disabled
