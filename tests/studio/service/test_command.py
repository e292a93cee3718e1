"""``parley serve``: what it needs, the commands of its page, and real processes that are killed in mid-job."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from job_fixtures import work
from service_fixtures import ADDRESS, picture, scene
from starlette.testclient import TestClient

from studio import cli
from studio.core.storage import read_json
from studio.jobs.queue import queue_entries
from studio.jobs.worker_lock import WORKER
from studio.project.projects import Projects
from studio.service import client as client_module
from studio.service import command
from studio.service import films as service
from studio.service.client import Client

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "service.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What `parley serve` would serve, in place of serving it."""
    found: dict[str, Any] = {}

    def listen(host: str, port: int) -> None:
        found.update(host=host, port=port)

    monkeypatch.setattr(command, "_listening", listen)
    monkeypatch.setattr("uvicorn.Server.run", lambda server, sockets: found.update(app=server.config.app))
    monkeypatch.setenv("PARLEY_PROJECTS", str(tmp_path / "projects"))
    monkeypatch.delenv("PARLEY_TOKEN", raising=False)
    return found


def test_without_the_extra_a_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in ("serve", "mcp"):
        assert cli.main([name]) == 1
        (sentence,) = capsys.readouterr().err.splitlines()
        assert sentence.endswith('install it with: pip install -c constraints.txt ".[service]"')


def test_another_address_needs_a_token(served: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    assert cli.main(["serve"]) == 0 and served["host"] == "127.0.0.1"
    assert TestClient(served["app"], ADDRESS).get("/voices").status_code == 200
    for host in ("0.0.0.0", "192.168.1.5", "films.lan"):
        assert cli.main(["serve", "--host", host]) == 1
        assert "there is no token; set PARLEY_TOKEN" in capsys.readouterr().err
        assert cli.main(["serve", "--host", host, "--token", "short"]) == 1
        assert "at least 16" in capsys.readouterr().err
    monkeypatch.setenv("PARLEY_TOKEN", "a-token-of-the-tests")
    assert cli.main(["serve", "--host", "0.0.0.0", "--port", "8600"]) == 0 and served["port"] == 8600
    assert "PARLEY_TOKEN" not in os.environ
    http = TestClient(served["app"], "http://192.168.1.5:8600")
    assert http.get("/voices").status_code == 401
    assert len(Client(token="a-token-of-the-tests", http=http).voices()) > 1


def test_an_address_that_cannot_be_listened_on_is_said(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def taken(*_: object, **__: object) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("socket.getaddrinfo", taken)
    assert cli.main(["serve"]) == 1
    assert "127.0.0.1 port 8502 (Address already in use); choose another" in capsys.readouterr().err


def curl(line: str, http: TestClient, folder: Path) -> str:
    """What a command line of curl prints, for the options that the page has."""
    words = shlex.split(line, comments=True)[1:]
    request: dict[str, Any] = {"data": {}, "files": [], "headers": {}}
    method, target = "GET", None
    while len(words) > 1:
        option = words.pop(0)
        if option == "-F":
            name, value = words.pop(0).split("=", 1)
            if value[0] == "@":
                request["files"].append((name, (value[1:], (folder / value[1:]).read_bytes())))
            else:
                request["data"][name] = (folder / value.removeprefix("<")).read_text("utf-8")
            method = "POST"
        elif option == "-d":
            request = {"content": words.pop(0), "headers": request["headers"]}
            method = "POST"
        elif option == "-H":
            request["headers"] |= [words.pop(0).split(": ", 1)]
        elif option == "-X":
            method = words.pop(0)
        elif option == "-o":
            target = folder / words.pop(0)
        else:
            assert option == "-N", line
    answer = http.request(method, words[0], **{key: value for key, value in request.items() if value})
    assert answer.is_success, (line, answer.text)
    if target is not None:
        target.write_bytes(answer.content)
    return answer.text


@pytest.mark.usefixtures("tiny_worker")
def test_the_commands_of_the_page_run(
    served: dict[str, Any], projects: Projects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    (tmp_path / "two.png").write_bytes(picture())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(service, "ensure_worker", lambda root: None)
    job, n_lines, http = "", 0, TestClient(lambda scope, receive, send: None)
    small = PAGE.replace('"draft": true', '"height": 96, "steps": 1').replace("draft=True", "height=96, steps=1")
    for kind, name, text in BLOCK.findall(small):
        if name:
            (tmp_path / name).write_text(text, "utf-8")
            (tmp_path / "scene.yaml").write_text(json.dumps(json.loads(text)["scene"]), "utf-8")
        for line in text.splitlines() if kind == "sh" else ():
            n_lines += 1
            if line.startswith("curl"):
                if "/events" in line:
                    work(projects)
                told = curl(line.replace("$JOB", job), http, tmp_path)
                job = json.loads(told)["id"] if "the job's id" in line else job
            elif "parley" in line:
                *variables, rest = re.split(r"(?<=\w) (?=parley)", line)
                monkeypatch.setenv("PARLEY_TOKEN", variables[0].split("=")[1]) if variables else None
                assert cli.main(shlex.split(rest)[1:]) == 0, line
                http = TestClient(served["app"], ADDRESS)
            else:
                assert line == 'pip install -c constraints.txt ".[service]"'
        if kind == "python":
            for _, waiting in queue_entries(projects.root):
                waiting.cancel()
            with monkeypatch.context() as patch:
                patch.setattr(service, "ensure_worker", lambda root: work(projects))
                patch.setattr(client_module.httpx2, "Client", lambda http=http, **_: http)
                exec(compile(text, "service.md", "exec"), {})
            assert "writing the file 100.0 0.0" in capsys.readouterr().out
    assert n_lines == 13
    assert (tmp_path / "tea.mp4").stat().st_size > 1000 and (tmp_path / "film.mp4").stat().st_size > 1000
    settings = json.loads(re.search(r"^\{\"mcpServers.*$", PAGE, re.M)[0])["mcpServers"]["parley"]
    assert cli._parser().parse_args(settings["args"]).command is cli._mcp


@pytest.fixture
def started(assets: Path, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts `parley serve` as a program; all that it started is ended after the test."""
    port = 40_000 + os.getpid() % 10_000
    program = [sys.executable, str(ROOT / "tests/support/tiny_service.py"), str(assets), "serve", f"--port={port}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PARLEY_SERVICE": f"http://127.0.0.1:{port}"}
    running = []

    def start() -> subprocess.Popen[bytes]:
        command = [*program, f"--projects={tmp_path / 'projects'}"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdout.readline().startswith(b"The service is at")
        return process

    os.environ["PARLEY_SERVICE"] = environment["PARLEY_SERVICE"]
    yield start
    os.environ.pop("PARLEY_SERVICE")
    for process in running:
        process.kill()
        process.stdout.close()
        process.wait()
    end_worker(tmp_path / "projects")


def end_worker(root: Path) -> None:
    """End the worker as the system does when it ends everything: the supervisor first."""
    pid = (read_json(root / WORKER) or {}).get("pid")
    if pid:
        above = int(Path(f"/proc/{pid}/stat").read_text().split()[3])
        os.kill(above, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.enable_socket
def test_a_film_survives_that_everything_is_killed(started, tmp_path: Path) -> None:
    script = [f"EILEEN: This is line number {number} of them all." for number in range(8)]
    process = started()
    for kills_worker in (False, True):
        with Client() as client:
            job = client.render(scene(script=script), {"one.png": picture()}, project=f"Film {kills_worker}")["id"]
            while client.job(job)["percent"] < 5:
                assert client.job(job)["state"] in ("queued", "running")
                time.sleep(0.05)
        process.kill()
        process.wait()
        if kills_worker:
            end_worker(tmp_path / "projects")
        process = started()
        with Client() as client:
            assert client.wait(job)["state"] == "done"
            assert client.save(job, "video", tmp_path / "film.mp4").stat().st_size > 10_000
    with Client() as client:
        running = client.render(scene(script=script), {"one.png": picture()})["id"]
        while client.job(running)["state"] == "queued":
            time.sleep(0.05)
        client.cancel(running)
        assert [*client.events(running)][-1]["state"] == "cancelled"
