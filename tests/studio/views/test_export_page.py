"""The page Export: films of other formats, the project as an archive, and what lies on the disk."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from pages import page, shown

from generation.audio.waveform import Audio
from studio import launch
from studio.editor import results, storage
from studio.export.encoder import encode
from studio.jobs.job import Job, JobStatus
from studio.jobs.queue import jobs, submit
from studio.project import archive
from studio.project.project import Project
from studio.project.projects import Projects
from studio.views import start


def finish(job: Job, name: str) -> None:
    """As the worker leaves a job that is done, with a real little film in the place of its own."""
    out = job.folder / "out"
    out.mkdir()
    frames = (np.full((64, 64, 3), 10 * i, np.uint8) for i in range(5))
    encode(frames, Audio(np.zeros(4800, np.float32), 24_000), out / "film.mp4")
    (out / "film.mp4").rename(out / name)
    job.queue_entry.unlink()
    job.write_status("token", JobStatus("done", results={"video": out / name}))


@pytest.fixture
def filmed(projects: Projects) -> Project:
    """The sample with two videos, the second one in 480 rows."""
    project = projects.create_sample("Café")
    finish(submit(project, "render"), "Café.mp4")
    finish(submit(project, "render", height=480), "Café.mp4")
    return project


def labels(test) -> list[str]:  # noqa: ANN001
    return [item.proto.label for kind in ("button", "download_button") for item in test.get(kind)]


def test_other_films_are_asked_for_and_then_there(filmed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    test = page("export", filmed, monkeypatch).run()
    assert not test.exception and "Lossless video" in shown(test)
    assert labels(test).count("Make it") == 3
    test.button(key="make lossless").click().run()
    job = jobs(filmed)[0]
    assert (job.kind, job.options) == ("render", {"film": "lossless", "height": 480}), "as large as the newest video"
    assert results.other_film(filmed, "lossless").video is None
    test.run()
    assert "Being made" in shown(test) and labels(test).count("Make it") == 2
    finish(job, "Café.mkv")
    assert results.newest_video(filmed).video.suffix == ".mp4", "players show none of the other formats"
    test.run()
    assert not test.exception and "MKV" in labels(test) and labels(test).count("Make it") == 2
    filmed.edit(filmed.scene.model_copy(update={"seed": 5}), "Seed")
    test.run()
    assert "MKV" in labels(test) and labels(test).count("Make it") == 3, "a changed scene can be had anew"
    with pytest.raises(ValueError, match="no kind of film 'gif'"):
        submit(filmed, "render", film="gif")


def test_without_a_film_the_project_is_there_all_the_same(projects: Projects, monkeypatch: pytest.MonkeyPatch) -> None:
    test = page("export", projects.create("Empty"), monkeypatch).run()
    assert not test.exception and "ZIP" in labels(test)
    test.toggle(key="storage").set_value(True).run()
    assert "Scene, media and history" in shown(test)


def test_what_can_go_is_deleted_on_the_page(filmed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    walked, walk = [], storage.storage_use
    monkeypatch.setattr(storage, "storage_use", lambda folder: walked.append(folder) or walk(folder))
    test = page("export", filmed, monkeypatch).run()
    old = jobs(filmed)[-1].folder
    assert old.is_dir() and walked == [], "the disk is looked through when it is asked for"
    test.toggle(key="storage").set_value(True).run()
    assert walked
    test.button(key="clear videos").click().run()
    assert not test.exception and not old.exists() and len(jobs(filmed)) == 1
    assert all(button.key != "clear videos" for button in test.button), "nothing more can go"


def test_an_archive_becomes_a_project_on_the_start_page(filmed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.pack(filmed.folder, filmed.folder.parent / ".packed.zip")
    packed = io.BytesIO((filmed.folder.parent / ".packed.zip").read_bytes())
    assert "scene.yaml" in zipfile.ZipFile(packed).namelist()
    packed.name = "Café project.zip"
    monkeypatch.setenv(launch.ROOT_VARIABLE, str(filmed.folder.parent))
    monkeypatch.setattr(start.st, "file_uploader", lambda label, **_: packed if "archive" in label else None)
    monkeypatch.setattr(start, "_go", lambda project, name: None)
    test = page("start", None, monkeypatch).run()
    next(button for button in test.button if button.label == "Make a project of it").click().run()
    assert not test.exception
    assert Project(filmed.folder.parent / "Café 2").scene == filmed.scene
