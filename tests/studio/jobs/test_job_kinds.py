"""The table of job kinds agrees with what does the jobs, and folders of older jobs are still read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name

import pytest
from job_fixtures import make

from studio.core.progress import Progress
from studio.core.storage import read_json, write_json
from studio.jobs.job import Job
from studio.jobs.job_kinds import JOB_KINDS, STAGE_LABELS
from studio.jobs.queue import submit
from studio.production.render import render_scene
from studio.project.projects import Projects


def test_every_kind_has_a_handler_and_stages() -> None:
    for name, kind in JOB_KINDS.items():
        assert name == kind.name and callable(resolve_name(kind.handler)), name
        assert kind.stages and all(stage.share > 0 and stage.label for stage in kind.stages), name
    labels = {stage.name: {s.label for k in JOB_KINDS.values() for s in k.stages if s.name == stage.name}
              for kind in JOB_KINDS.values() for stage in kind.stages}  # fmt: skip
    assert all(len(called) == 1 for called in labels.values()), "one stage, one label"


def test_rendering_has_the_stages_of_its_kind(
    tmp_path: Path, projects: Projects, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    class Ended(Exception):
        pass

    def plan(progress: Progress, shares: Mapping[str, float]) -> None:
        seen.extend(stage.name for stage in progress._stages)
        raise Ended

    monkeypatch.setattr(Progress, "plan", plan)
    with pytest.raises(Ended):
        render_scene(make(projects).scene_path, tmp_path / "film.mp4")
    assert seen == [stage.name for stage in JOB_KINDS["render"].stages]
    assert set(seen) <= set(STAGE_LABELS)


def test_the_folder_of_an_older_job_is_read(projects: Projects) -> None:
    job = submit(make(projects), "hear", steps=1)
    order = read_json(job.folder / "job.json")
    older = {"kind": "teach", "what": {"who": "EILEEN"}, "urgency": 3}
    write_json(job.folder / "job.json", older)
    again = Job(job.folder)
    assert (again.kind, again.options, again.priority) == ("finetune", {"who": "EILEEN"}, 3)
    write_json(job.folder / "job.json", order | {"kind": "unheard of"})
    with pytest.raises(ValueError, match="There is no job"):
        Job(job.folder)
