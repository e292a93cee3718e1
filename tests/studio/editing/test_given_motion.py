"""Motion files on the Lips page: brought in from a file or another project's film, shown, and taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pages import page, shown

from generation.core.motion import N_CHANNELS
from generation.motion.arkit import write_arkit_csv, write_motion_json
from studio.editing import given_motion
from studio.export.provenance import public_scene
from studio.jobs.job import JobStatus
from studio.jobs.queue import submit
from studio.project.project import VERSION_FILE, Project
from studio.project.projects import Projects
from studio.project.restore import media_names
from studio.scene.document import scene_data
from studio.scene.retakes import kept_over
from studio.scene.schema import FaceMotion, ScriptLine


@pytest.fixture
def cafe(tmp_path: Path) -> Project:
    return Projects(tmp_path / "projects").create_sample("Café")


@pytest.fixture
def take(tmp_path: Path) -> bytes:
    write_arkit_csv(tmp_path / "take.csv", np.full((50, N_CHANNELS), 0.25))
    return (tmp_path / "take.csv").read_bytes()


def test_a_file_is_kept_used_shown_and_taken_back(cafe: Project, take: bytes) -> None:
    told = given_motion.brought(cafe, "nora", ["eyes", "brows"], take, "take.csv")
    assert told == "take.csv moves nora's eyes and brows."
    nora = cafe.scene.cast[cafe.scene.find("Nora")]
    assert nora.motion.files == {"brows": "media/take.csv", "eyes": "media/take.csv"}
    assert "media/take.csv" in media_names(cafe.scene)
    record, files = public_scene(scene_data(cafe.scene), cafe.folder)
    assert ("take.csv", 64) in {(file["name"], len(file["sha256"] or "")) for file in files}
    (given,) = given_motion.given_motion(cafe)
    assert given.sentence == "Nora: brows and eyes from take.csv, 2.0 s"
    cafe.edit(given_motion.with_motion(cafe.scene, given.who, given.regions, None), "Back")
    assert given_motion.given_motion(cafe) == [] and "motion" not in str(scene_data(cafe.scene)["cast"])


def test_what_cannot_be_used_changes_nothing(cafe: Project, take: bytes) -> None:
    before = cafe.scene
    for regions, data, name, sentence in (
        (["eyes"], b"Frame,JawOpen\n0,0.5\n", "jaw.csv", "jaw.csv lacks CheekSquintLeft and 15 others"),
        (["eyes"], b"hello", "take.csv", "which no ARKit table has"),
        ([], take, "take.csv", "Choose at least one region"),
    ):
        with pytest.raises(ValueError, match=sentence):
            given_motion.brought(cafe, "Nora", regions, data, name)
    with pytest.raises(ValueError, match="Nobody in the cast is called Ned"):
        given_motion.brought(cafe, "Ned", ["eyes"], take, "take.csv")
    assert cafe.scene == before and Project(cafe.folder).scene == before


def test_another_projects_film_offers_its_motion(cafe: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Projects(cafe.folder.parent).create_sample("Other")
    job = submit(other, "render", steps=1)
    out = job.folder / "out"
    out.mkdir()
    write_motion_json(out / "film.Theo.json", np.full((50, N_CHANNELS), 0.25))
    for name in ("film.mp4", "words.json"):
        (out / name).write_text("{}")
    results = {"video": out / "film.mp4", "Theo": out / "film.Theo.json", "words": out / "words.json"}
    job.write_status("token", JobStatus("done", share=1.0, results=results))
    assert given_motion.takes_of_others(cafe) == {"Other: Theo": out / "film.Theo.json"}
    (other.folder / VERSION_FILE).write_text('{"version": 99}')
    with pytest.raises(ValueError, match="later Parley"):
        Projects(cafe.folder.parent).open("Other")
    assert given_motion.takes_of_others(cafe), "whether the other scene can be read does not matter"


def test_the_page_uses_it_and_gives_it_back(cafe: Project, take: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    import studio.views.motion_files as part

    given_motion.brought(cafe, "Nora", ["eyes"], take, "take.csv")
    monkeypatch.setattr("studio.views.motion.show", part.show)
    test = page("motion", cafe, monkeypatch).run()
    assert not test.exception, test.exception
    assert "Nora: eyes from take.csv, 2.0 s" in shown(test)
    next(button for button in test.button if button.label == "Use this motion").click().run()
    assert "Choose a motion file first." in shown(test)
    next(button for button in test.button if button.label == "By the voice again").click().run()
    assert not Project(cafe.folder).scene.cast[cafe.scene.find("Nora")].motion.files


def test_lines_keep_their_motion_when_the_script_is_read_anew() -> None:
    one = ScriptLine(who="A", text="Hello.", motion=FaceMotion(brows="a.csv"))
    same, other = kept_over([one], [ScriptLine(who="A", text="Hello."), ScriptLine(who="A", text="Bye.")])
    assert same.motion == one.motion and other.motion == FaceMotion()
