"""The running server under requests that no browser of the user sent: each succeeded before there was a guard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio import launch

ROOT = Path(__file__).resolve().parents[3]
PORT = 40_000 + os.getpid() % 10_000
TOKEN = "a-token-of-the-tests"
COOKIE = {"Cookie": f"parley-{PORT}={TOKEN}"}
PATHS = ["/", "/_stcore/health", "/_stcore/host-config", "/_stcore/metrics"]
SPY = """
import os, sys
def note(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect"):
        where = arguments[1] if event == "socket.connect" else arguments[0]
        where = where[0] if isinstance(where, tuple) else where
        if isinstance(where, str) and not where.startswith("/") and where not in ("127.0.0.1", "::1"):
            with open(os.environ["SPY_LOG"], "a") as log:
                log.write(f"{event} {where}\\n")
            raise OSError("the tests run without network")
sys.addaudithook(note)
"""


class Server:
    """The editor as `parley studio` starts it, and the log of what it looked for outside."""

    def __init__(self, folder: Path) -> None:
        self.looked_for = folder / "looked_for.txt"
        self.looked_for.touch()
        (folder / "sitecustomize.py").write_text(SPY)
        environment = {**os.environ, launch.ROOT_VARIABLE: str(folder / "projects"), "PARLEY_TOKEN": TOKEN,
                       "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "SPY_LOG": str(self.looked_for)}  # fmt: skip
        with (folder / "server.log").open("wb") as log:
            command = launch.server_command(PORT)
            self.process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        self.log = folder / "server.log"

    def ask(self, *requests: dict) -> list[dict]:
        """Status, headers and body for each request (see raw_client.py)."""
        program = ROOT / "tests/support/raw_client.py"
        done = subprocess.run([sys.executable, str(program), str(PORT)], input=json.dumps(requests),
                              capture_output=True, text=True, timeout=300)  # fmt: skip
        assert done.returncode == 0, done.stderr + self.log.read_text()
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for this file."""
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    running.process.kill()
    running.process.wait()


def test_the_user_gets_in_with_the_address_that_was_shown(server: Server) -> None:
    entry, page, socket = server.ask(
        {"path": f"/?token={TOKEN}"}, {"path": "/", "headers": COOKIE},
        {"path": "/_stcore/stream", "socket": True, "headers": COOKIE | {"Origin": f"http://127.0.0.1:{PORT}"}},
    )  # fmt: skip
    assert entry["headers"]["set-cookie"].startswith(f"parley-{PORT}={TOKEN};")
    assert (page["status"], socket["status"]) == (200, 101) and "<title>Streamlit</title>" in page["body"]
    assert f"http://127.0.0.1:{PORT}/?token={TOKEN}" in server.log.read_text()


def test_without_the_token_nothing_is_read(server: Server) -> None:
    answers = server.ask(*({"path": path} for path in (*PATHS, "/favicon.png")))
    assert [answer["status"] for answer in answers] == [403] * len(answers)


def test_without_the_token_no_socket_opens(server: Server) -> None:
    assert server.ask({"path": "/_stcore/stream", "socket": True})[0]["status"] == 403


def test_a_name_that_was_made_to_lead_here_reads_nothing(server: Server) -> None:
    headers = COOKIE | {"Host": f"evil.example:{PORT}"}
    answers = server.ask(*({"path": path, "headers": headers} for path in PATHS))
    assert [answer["status"] for answer in answers] == [403] * len(PATHS)


def test_another_port_of_this_computer_opens_no_socket(server: Server) -> None:
    origins = [{"Origin": f"http://localhost:{port}"} for port in (9, PORT + 1)]
    answers = server.ask(*({"path": "/_stcore/stream", "socket": True, "headers": COOKIE | o} for o in origins))
    assert [answer["status"] for answer in answers] == [403, 403]


def test_a_socket_of_another_page_makes_the_server_look_for_nothing_outside(server: Server) -> None:
    headers = COOKIE | {"Origin": "http://evil.example"}
    assert server.ask({"path": "/_stcore/stream", "socket": True, "headers": headers})[0]["status"] == 403
    assert server.looked_for.read_text() == ""


def test_no_page_may_be_framed_and_none_is_obeyed(server: Server) -> None:
    page, settings = server.ask({"path": "/", "headers": COOKIE}, {"path": "/_stcore/host-config", "headers": COOKIE})
    assert page["headers"].get("x-frame-options") == "DENY"
    assert json.loads(settings["body"])["allowedOrigins"] == []
