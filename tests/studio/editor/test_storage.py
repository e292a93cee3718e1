"""What a project takes on the disk is told by kind; of each kind only what the scene has no need of goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio import cli
from studio.editor.storage import storage_use
from studio.jobs.job import Job, JobStatus
from studio.jobs.queue import submit
from studio.project.project import Project
from studio.project.projects import Projects
from studio.project.takes import Take, record_takes


@pytest.fixture
def project(projects: Projects) -> Project:
    return projects.create_sample("Café")


def done(job: Job, size: int) -> Job:
    """The job with a video of so many bytes."""
    video = job.folder / "out" / "film.mp4"
    video.parent.mkdir()
    video.write_bytes(bytes(size))
    job.write_status("nobody", JobStatus("done", results={"video": video}))
    job.queue_entry.unlink()
    return job


def add_take(project: Project, number: int, size: int) -> Path:
    """A take of the first line."""
    sound = project.folder / "takes" / f"{number}.wav"
    sound.parent.mkdir(exist_ok=True)
    sound.write_bytes(bytes(size))
    record_takes(project.folder, {project.line_ids()[0]: Take(str(number), number, "", "", "", sound)})
    return sound


def told(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, dict]:
    assert cli.main(["storage", str(folder), "--json", *options]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {row["kind"]: row for row in rows}


def test_each_kind_is_counted_and_loses_only_what_can_go(
    project: Project, projects: Projects, capsys: pytest.CaptureFixture[str]
) -> None:
    used, unused = add_take(project, 0, 1000), add_take(project, 1, 2000)
    old, lossless, new = (
        done(submit(project, "render", **options), size)
        for options, size in (({}, 30_000), ({"film": "lossless"}, 40_000), ({}, 50_000))
    )
    waiting = submit(project, "preview")
    kept = project.work / f"{'0a' * 16}.npz"
    kept.parent.mkdir()
    kept.write_bytes(bytes(7000))
    for folder in (project.folder, projects.root):
        rows = told(folder, capsys)
        assert list(rows) == ["project", "takes", "videos", "cache"]
        assert (rows["takes"]["files"], rows["takes"]["bytes"], rows["takes"]["spare"]) == (
            3,
            rows["takes"]["bytes"],
            2000,
        )
        assert rows["videos"]["bytes"] > 120_000 and 30_000 < rows["videos"]["spare"] < 700_000
        assert (rows["cache"]["bytes"], rows["cache"]["spare"]) == (7000, 7000)
        assert rows["project"]["bytes"] > 500_000 and rows["project"]["spare"] == 0
    assert unused.is_file() and old.folder.is_dir() and kept.is_file(), "to look deletes nothing"
    assert told(project.folder, capsys, "--clear", "takes", "--clear", "videos")["takes"]["cleared"]
    assert used.is_file() and not unused.exists() and kept.is_file()
    assert [path.is_dir() for path in (old.folder, lossless.folder, new.folder, waiting.folder)] == [
        False,
        True,
        True,
        True,
    ]
    assert [take.id for take in project.takes(project.line_ids()[0])] == ["0", "1"], "a new take is still a new one"
    told(project.folder, capsys, "--clear", "cache")
    assert not kept.exists() and project.scene == Project(project.folder).scene
    assert {use.kind: use.spare_size for use in storage_use(projects.root)} == dict.fromkeys(rows, 0)


def test_archives_from_the_command_line(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["archive", "out", str(project.folder)]) == 0
    assert "Café.zip is ready: " in capsys.readouterr().out
    assert cli.main(["archive", "in", "Café.zip", "-o", "elsewhere/Again"]) == 0
    assert Project(tmp_path / "elsewhere" / "Again").scene == project.scene
    monkeypatch.setenv("PARLEY_PROJECTS", str(tmp_path / "usual"))
    assert cli.main(["archive", "in", "Café.zip", "--json"]) == 0
    assert (tmp_path / "usual" / "Café" / "scene.yaml").is_file()
    assert cli.main(["archive", "in", "Café.zip"]) == 1
    assert capsys.readouterr().err == "There is a project 'Café' already; choose another name.\n"
    assert cli.main(["archive", "out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("There is no project in ")
