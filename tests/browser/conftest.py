"""Running editors for the browser's tests, and Chromium; skipped only where Chromium cannot be had."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tiny import write_tiny_assets

from generation.voices.bank import VoiceBank
from studio import launch
from studio.project.project import Project, Projects
from studio.server.guard import TOKEN_VARIABLE

ROOT = Path(__file__).resolve().parent.parent.parent
SLOWLY = 1000.0 * float(os.environ.get("PARLEY_BROWSER_SECONDS", "240"))
"""Longest wait for anything on the page, in milliseconds; a busy machine needs more."""
PORT = 20_000 + 2 * (os.getpid() % 10_000)


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """The browser."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed and could not be; `apt-get install chromium` as root")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Editor:
    """A server under test: its address, its projects, and its process; with tiny models where it gets a folder."""

    def __init__(self, folder: Path, port: int, tiny: Path | None = None) -> None:
        self.address, self.tiny = f"http://127.0.0.1:{port}", tiny
        self.token = secrets.token_urlsafe()
        self.cookie = {"name": f"parley-{port}", "value": self.token, "url": self.address}
        self.cookie_header = f"parley-{port}={self.token}"
        self.projects = Projects(folder / "projects")
        command = launch.server_command(port)
        if tiny is not None:  # python -m studio.server ... becomes python tiny_editor.py ASSETS ...
            command[1:3] = [str(Path(__file__).with_name("tiny_editor.py")), str(tiny)]
        environment = {**os.environ, launch.ROOT_VARIABLE: str(self.projects.root), "OMP_NUM_THREADS": "1"}
        environment |= {"PYTHONPATH": str(ROOT), TOKEN_VARIABLE: self.token}
        with (folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def stop(self) -> None:
        """End the server and every process of the worker, also one that is only being started."""
        import psutil

        self.process.kill()
        self.process.wait()
        until = time.monotonic() + 60
        while workers := [one for one in psutil.process_iter(["cmdline"]) if self._is_ours(one.info["cmdline"])]:
            assert time.monotonic() < until, "a worker does not end"
            for worker in workers:
                with suppress(psutil.NoSuchProcess):
                    worker.kill()
            time.sleep(0.2)

    def _is_ours(self, command: list[str] | None) -> bool:
        return str(self.projects.root) in (command or ())


@pytest.fixture(scope="session")
def tiny_assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models under the names of our voices."""
    bank = VoiceBank.load()
    return write_tiny_assets(tmp_path_factory.mktemp("tiny"), {name: bank[name].language for name in bank.names})


@pytest.fixture(scope="session")
def editor(tmp_path_factory: pytest.TempPathFactory, tiny_assets: Path) -> Iterator[Editor]:
    """A server with a folder of projects of its own, whose worker has the tiny models."""
    running = Editor(tmp_path_factory.mktemp("editor"), PORT, tiny_assets)
    yield running
    running.stop()


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Editor]:
    """A server whose worker has the weights that ship."""
    running = Editor(tmp_path, PORT + 1)
    yield running
    running.stop()


@pytest.fixture
def small(editor: Editor) -> Project:
    """A small, quickly rendered project: the sample's picture at 360 rows and three short lines."""
    return small_project(editor)


@pytest.fixture(scope="session")
def filmed(editor: Editor) -> Project:
    """Another one, of which the first test that needs it makes a video."""
    return small_project(editor)


def small_project(editor: Editor) -> Project:
    import cv2

    project = editor.projects.create_sample(f"Small {time.time_ns()}")
    picture = cv2.imread(str(project.folder / project.scene.picture))
    done, packed = cv2.imencode(".png", cv2.resize(picture, (640, 360), interpolation=cv2.INTER_AREA))
    assert done
    script = tuple(
        line.model_copy(update={"text": text, "pause": 0.8 if index else None, "overlap": None})
        for index, (line, text) in enumerate(zip(project.scene.script, ("Hello.", "Good day.", "Well.")))
    )
    scene = project.scene.model_copy(
        update={"picture": project.add_media(packed.tobytes(), "small.png"), "script": script}
    )
    project.edit(scene, "Small")
    return project


@pytest.fixture
def page(chromium, editor: Editor) -> Iterator:  # noqa: ANN001
    """A window on the editor with the tiny models."""
    yield from window(chromium, editor)


@pytest.fixture
def shipped_page(chromium, shipped: Editor) -> Iterator:  # noqa: ANN001
    """A window on the editor with the weights that ship."""
    yield from window(chromium, shipped)


def window(chromium, editor: Editor) -> Iterator:  # noqa: ANN001
    """A window of its own, whose errors fail the test, as soon as the server answers."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(SLOWLY)
    page.set_default_navigation_timeout(SLOWLY)
    errors: list[str] = []
    foreign: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith((editor.address, "data:", "blob:"))
            else foreign.append(request.url))  # fmt: skip
    context.add_cookies([editor.cookie])
    for _ in range(120):
        try:
            page.goto(f"{editor.address}/_stcore/health")
            break
        except Exception:
            assert editor.process.poll() is None, "the server has ended"
            time.sleep(1)
    yield page
    context.close()
    assert errors == []
    assert foreign == [], "the editor asks nobody else"
