"""Batches on Ray's actors, with a node that dies, and on submitit's jobs; skipped where these extras are missing."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import tiny_batch
from batch_films import FAULTS, PROGRAM, seen_and_heard, start, write_scenes
from batch_fixtures import StandIns, write_scene

from studio import cli
from studio.batch import engines
from studio.batch.manifest import MANIFEST, PROBLEMS
from studio.batch.orders import BatchOrder
from studio.batch.run import make_films
from studio.core.problems import DocumentError
from studio.production.settings import RenderSettings

DRAFT = RenderSettings(draft=True)
N_SCENES = 15


def quiet(*_said: object, **_facts: object) -> None:
    """Nobody listens."""


@pytest.mark.parametrize(("name", "option"), [("ray", ["--ray", "auto"]), ("submitit", ["--slurm"])])
def test_a_missing_extra_is_named(name: str, option: list[str], tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    write_scene(tmp_path / "in", "one")
    assert cli.main(["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *option]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"{name.capitalize()} is not installed; install it: pip install -c constraints.txt"), told


def test_an_array_shares_the_films_by_itself(tmp_path: Path) -> None:
    order = BatchOrder((tmp_path,), tmp_path / "out", DRAFT, 2, shard=(0, 2))
    with pytest.raises(DocumentError, match="leave --shard out"):
        engines.submit_array(order, quiet)


def test_a_task_of_an_array_makes_what_is_there_and_is_put_back_as_it_is(tmp_path: Path, monkeypatch) -> None:
    submitit = pytest.importorskip("submitit")
    write_scene(tmp_path / "in", "one")
    monkeypatch.setattr(engines, "local_crew", lambda order, workers: StandIns())
    task = engines.ArrayTask(BatchOrder((tmp_path / "in",), tmp_path / "out", DRAFT))
    assert task() == 0 and (tmp_path / "out" / "one" / "one.mp4").is_file()
    back = task.checkpoint()
    assert isinstance(back, submitit.helpers.DelayedSubmission) and back.function == task


@pytest.mark.slow
def test_jobs_of_submitit_share_the_films(assets: Path, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("submitit")
    scenes = write_scenes(tmp_path / "scenes", 8)
    monkeypatch.setenv("TINY_ASSETS", str(assets))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PROGRAM.parents[2]), str(PROGRAM.parent)]))
    monkeypatch.setattr(engines, "ArrayTask", tiny_batch.TinyTask)
    told: list[str] = []
    order = BatchOrder((scenes,), tmp_path / "out", DRAFT, workers=2)
    code = engines.submit_array(order, lambda event, sentence, **facts: told.append(sentence), cluster="local")
    assert code == PROBLEMS, told
    assert len(seen_and_heard(tmp_path / "out")) == 8 - len(FAULTS)
    rows = [json.loads(line) for line in (tmp_path / "out" / MANIFEST).read_text("utf-8").splitlines()]
    assert sorted(row["name"] for row in rows if row["state"] == "fault") == sorted(FAULTS)
    assert all(len(row["attempts"]) == 1 for row in rows if row["state"] == "done")


@pytest.fixture
def cluster(assets: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple]:
    """A Ray cluster on this machine whose head does no work, and two nodes that do."""
    for name, value in engines.RAY_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("TINY_ASSETS", str(assets))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PROGRAM.parents[2]), str(PROGRAM.parent)]))
    store = 80_000_000
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": store}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=store) for _ in range(2)]
    hook = {"worker_process_setup_hook": "tiny_batch.on_node"}
    ray.init(address=cluster.address, runtime_env=hook, log_to_driver=False, logging_level="ERROR")
    yield cluster, nodes
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.slow
@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_a_node_of_a_ray_cluster_dies(cluster, assets: Path, tmp_path: Path, capfd) -> None:
    scenes = write_scenes(tmp_path / "scenes", N_SCENES)
    folder, removed = tmp_path / "films", []

    class Watched(engines.RayCrew):
        """Takes a node away as soon as three films are there and both nodes are at work."""

        def wait(self, seconds: float) -> list:
            films = list(folder.glob("s*/s*.mp4"))
            if not removed and len(films) >= 3 and not self.idle() and all(a.busy for a in self._actors.values()):
                removed.append(time.monotonic())
                cluster[0].remove_node(cluster[1][1], allow_graceful=False)
            return super().wait(seconds)

    crew = partial(Watched, device="cpu", address=cluster[0].address, options={"num_cpus": 1})
    order = BatchOrder((scenes,), folder, DRAFT, workers=2)
    assert make_films(order, lambda workers: crew(workers), quiet) == PROBLEMS
    assert removed and "raylet" not in "".join(capfd.readouterr())
    still = start(assets, scenes, "-o", tmp_path / "still", "--draft")
    still.communicate()
    assert seen_and_heard(folder) == seen_and_heard(tmp_path / "still")
    rows = [json.loads(line) for line in (folder / MANIFEST).read_text("utf-8").splitlines()]
    assert sorted(row["name"] for row in rows if row["state"] == "fault") == sorted(FAULTS)
    states = [[attempt["state"] for attempt in row["attempts"]] for row in rows if row["state"] == "done"]
    assert sorted(states) == [["done"]] * (N_SCENES - len(FAULTS) - 1) + [["failed", "done"]], (
        "one was on the dead node"
    )
