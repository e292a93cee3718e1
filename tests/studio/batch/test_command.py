"""``parley batch``: exit codes, messages, and the commands of its page and of ``deploy``."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from batch_fixtures import StandIns, write_film, write_scene

from studio import cli
from studio.batch import command
from studio.batch.orders import Order
from studio.production.backbone import HEIGHT, BackboneDrawing

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def films(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StandIns]:
    """Lets stand-ins make the films of the next batch."""

    def use(act: Callable[[Order], object] = write_film) -> StandIns:
        crew = StandIns(act)
        monkeypatch.setattr(command, "_crew", lambda order, ray, workers: crew)
        return crew

    use()
    return use


def fail(error: BaseException) -> Callable[[Order], object]:
    def act(order: Order) -> None:
        raise error

    return act


def test_exit_codes_tell_a_cluster_what_to_do(films, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("studio.batch.schedule.BACKOFF_SECONDS", 0)
    write_scene(tmp_path / "in", "one")
    write_scene(tmp_path / "in", "two")
    order = ["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    films(fail(MemoryError()))
    assert cli.main([*order, "--retries", "0"]) == 75
    assert "one: The job needs more memory than there is" in capsys.readouterr().out
    assert cli.main(order) == 1
    assert "holds results of a batch; add --resume to go on" in capsys.readouterr().err
    films(lambda order: write_film(order) if order.video.stem == "one" else fail(ValueError("No face."))(order))
    assert cli.main([*order, "--resume"]) == 1
    assert "1 of 2 films are there, 1 with faults of their own" in capsys.readouterr().out
    write_scene(tmp_path / "in", "two", "Other words.")
    films()
    assert cli.main([*order, "--resume", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in told] == ["film", "film", "batch"]
    assert told[0]["message"].endswith("one/one.mp4 was there") and "ready, in" in told[1]["message"]
    assert told[2]["done"] == 2 and told[2]["manifest"].endswith("manifest.jsonl")
    films(fail(KeyboardInterrupt()))
    write_scene(tmp_path / "in", "three")
    assert cli.main([*order, "--resume"]) == 130
    films(fail(KeyboardInterrupt()))
    assert cli.main(["batch", str(tmp_path / "gone"), "-o", str(tmp_path / "other")]) == 1


def test_shards_divide_the_scenes_and_keep_their_names(films, tmp_path: Path) -> None:
    for name in "abcde":
        write_scene(tmp_path / "in" / name, "scene")
    made = []
    for shard in ("0/3", "1/3", "2/3"):
        crew = films()
        how = ["--shard", shard, "--resume"]
        assert cli.main(["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *how]) == 0
        made.append(sorted(crew.made))
    assert made == [["a", "d"], ["b", "e"], ["c"]]
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text("utf-8").splitlines()]
    assert [row["name"] for row in rows] == list("abcde") and {row["state"] for row in rows} == {"done"}


def test_films_of_every_kind_are_made(films, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(BackboneDrawing, "check_weights", lambda backbone: None)
    write_scene(tmp_path / "in", "one")
    orders: list[Order] = []
    order = ["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--resume"]
    for options in ([], ["--lossless"], ["--alpha"], ["--backbone", "wan", "--weights", str(tmp_path)]):
        for _ in range(2):  # the second time it is there
            films(lambda order: orders.append(order) or write_film(order))
            assert cli.main([*order, *options]) == 0
    assert [one.video.name for one in orders] == ["one.mp4", "one.mkv", "one.mov", "one.mp4"]
    assert (orders[1].settings.lossless, orders[2].settings.alpha) == (True, True)
    assert orders[3].backbone == BackboneDrawing("wan", tmp_path) and orders[3].settings.height == HEIGHT
    assert all(Order.model_validate_json(one.model_dump_json()) == one for one in orders)
    assert cli.main([*order, "--weights", str(tmp_path)]) == 1
    with pytest.raises(SystemExit):
        cli.main([*order, "--lossless", "--alpha"])


@pytest.mark.parametrize("shard", ["3/3", "1", "a/b", "-1/2", "0/0"])
def test_a_wrong_shard_is_wrong_usage(shard: str, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["batch", "a.yaml", "-o", "out", "--shard", shard])
    assert stop.value.code == 2


def test_the_commands_of_the_page_run(films, tmp_path: Path, monkeypatch) -> None:
    page = (ROOT / "docs" / "batch.md").read_text("utf-8")
    for name in ("a", "b"):
        write_scene(tmp_path / "scenes", name)
    write_scene(tmp_path, "c")
    (tmp_path / "list.txt").write_text("c.json\n")
    (tmp_path / "scenes" / "a.json").rename(tmp_path / "scenes" / "a.yaml")
    for name, text in re.findall(r"^```\w+ (\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S) for line in block.splitlines()]
    for line in lines:
        films()
        assert cli.main(shlex.split(line, comments=True)[1:]) == 0, line
    assert len(lines) == 5
    made = sorted(path.name for path in (tmp_path / "films").glob("*/*.mp4"))
    assert made == ["a.mp4", "b.mp4", "c.mp4", "card-for-june.mp4", "card-for-theo.mp4"]


def test_the_kubernetes_job_gives_a_command_and_knows_its_exit_codes() -> None:
    job = yaml.safe_load((ROOT / "deploy" / "kubernetes.yaml").read_text("utf-8"))["spec"]
    container = job["template"]["spec"]["containers"][0]
    arguments = [word.replace("$(JOB_COMPLETION_INDEX)", str(job["completions"] - 1)) for word in container["args"]]
    order = cli._parser().parse_args(arguments)
    assert order.shard == (job["completions"] - 1, job["completions"]) and order.resume
    assert job["completionMode"] == "Indexed" and job["template"]["spec"]["restartPolicy"] == "Never"
    rule = job["podFailurePolicy"]["rules"][0]
    assert rule["action"] == "FailIndex" and rule["onExitCodes"]["values"] == [cli.PROBLEMS, 2], "2 is wrong usage"


def test_the_image_is_installed_by_the_makefile_from_all_that_it_needs() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    copied = [word for line in re.findall(r"^COPY (.*)$", text, re.M) for word in line.split()[:-1]]
    assert all((ROOT / name).exists() for name in copied)
    assert {"Makefile", "pyproject.toml", "setup.py", "constraints.txt", "requirements.lock", "assets"} <= set(copied)
    assert {"studio", "generation", "masks"} <= set(copied)
    assert "make setup" in text and "pip install torch" not in text
    extras = yaml.safe_load((ROOT / "deploy" / "ray.yaml").read_text("utf-8"))
    assert extras["docker"]["image"] == "parley"


@pytest.mark.slow
def test_the_image_steps_install_in_a_clean_folder(tmp_path: Path) -> None:
    """What the Dockerfile copies, and its ``make setup``, in a folder with nothing else; needs the network."""
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    for name in (word for line in re.findall(r"^COPY (.*)$", text, re.M) for word in line.split()[:-1]):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(["make", "setup"], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    program = tmp_path / ".venv" / "bin" / "parley"
    told = subprocess.run([program, "batch", "--help"], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert told.returncode == 0 and "--shard" in told.stdout
    assert subprocess.run([program, "doctor"], cwd=tmp_path, env=clean, capture_output=True).returncode == 0
