"""Benchmark of the editor: processor time of an interaction with a script of 50 lines, and of a quick preview.

Processor seconds are what a machine without other work would need on one core; wall seconds depend on what else runs,
so the load is told. Writes one JSON object.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker has it

from studio import launch
from studio.editing import script_edits
from studio.editing.actions import SetText
from studio.jobs import supervisor
from studio.project.project import Project
from studio.project.projects import Projects

ROOT = Path(__file__).resolve().parents[2]

N_LINES = 50
PAGE = """
import streamlit as st
from studio import app
from studio.views import {name}
st.session_state["pages"] = {{}}
app._with_project({name}.show)
"""


def timed(act: Callable[[], Any]) -> dict[str, float]:
    """Processor and wall milliseconds of a call, other threads and ended children included."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall, own = time.perf_counter(), time.process_time()
    act()
    own, wall = time.process_time() - own, time.perf_counter() - wall
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    other = now.ru_utime + now.ru_stime - children.ru_utime - children.ru_stime
    return {"processor_ms": round(1000 * own, 1), "children_ms": round(1000 * other, 1), "wall_ms": round(1000 * wall)}


def long_project(root: Path) -> Project:
    """The sample with a script of :data:`N_LINES` lines."""
    project = Projects(root).create_sample("Long")
    some = project.scene.script
    script = tuple(some[i % len(some)].model_copy(update={"text": f"Line {i} says something."}) for i in range(N_LINES))
    project.edit(project.scene.model_copy(update={"script": script}), "Long")
    return project


def interactions(root: Path, rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Median cost of drawing each page again after an edit of a line, server side, by Streamlit's own test runner."""
    from streamlit.testing.v1 import AppTest

    supervisor.COMMAND = (sys.executable, "-c", "pass")  # pages alone
    os.environ[launch.ROOT_VARIABLE] = str(root)
    project = long_project(root)
    found = {}
    for name in ("cast", "script", "video", "export"):
        test = AppTest.from_string(PAGE.format(name=name), default_timeout=600)
        test.query_params["project"] = project.name
        first = timed(test.run)
        gc.collect()
        gc.freeze()  # as the editor does once a page was drawn
        costs = []
        for turn in range(rounds):
            project.reload_if_changed()
            act = SetText(index=turn, text=f"Changed {name} {turn}.")

            def edited(act: SetText = act, test: AppTest = test) -> None:
                project.edit(*script_edits.apply_line_action(project.scene, act))
                test.run()

            costs.append(timed(edited))
        assert not test.exception, test.exception
        costs.sort(key=lambda cost: cost["processor_ms"])
        found[name] = {"first": first, "after_an_edit": costs[len(costs) // 2]}
    return found


def previews(root: Path) -> dict[str, Any]:
    """A quick preview of the sample: the first one, with nothing new, with another take of one line, and of all."""
    import torch

    from studio.core.progress import Progress, Stage
    from studio.jobs.job_kinds import JOB_KINDS
    from studio.performance.models import Models
    from studio.production.preview import Previewer

    found: dict[str, Any] = {"threads": torch.get_num_threads()}
    loaded: list[Models] = []
    found["load_models"] = timed(lambda: loaded.append(Models.load()))
    project = Projects(root).create_sample("Café")
    previewer = Previewer(loaded[0])
    found["picture"] = timed(lambda: previewer.prepared(project.scene, project.folder))

    def make() -> None:
        with Progress([Stage(stage.name, stage.share) for stage in JOB_KINDS["preview"].stages]).running() as progress:
            previewer.make(project.scene_path, project.folder, root / "out", progress)

    lines = project.scene.script
    for name, retaken in (("first", 0), ("nothing_new", 0), ("one_line_new", 1), ("all_lines_new", len(lines))):
        takes = [line.model_copy(update={"take": retaken}) for line in lines[:retaken]]
        script = (*takes, *lines[retaken:])
        project.edit(project.scene.model_copy(update={"script": script}), name)
        found[name] = timed(make)
    return found


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="edits a page")
    parser.add_argument("--only", choices=("pages", "preview"))
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    results: dict[str, Any] = {"cores": os.cpu_count(), "load": [round(load, 2) for load in os.getloadavg()]}
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "preview":
            results["pages"] = interactions(Path(folder) / "pages", options.rounds)
        if options.only != "pages":
            results["preview"] = previews(Path(folder) / "preview")
    sys.stdout.write(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
