"""A running editor of its own for the browser's tests, and Chromium; skipped only where Chromium cannot be had."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio import launch
from studio.files import read_json
from studio.project import Project, Projects

ROOT = Path(__file__).resolve().parent.parent.parent
SLOWLY = 1000.0 * float(os.environ.get("PARLEY_BROWSER_SECONDS", "240"))
"""Longest wait for anything on the page, in milliseconds; a busy machine needs more."""


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
    """The server under test: its address, its projects, and its process."""

    def __init__(self, folder: Path) -> None:
        self.port = 20_000 + os.getpid() % 20_000
        self.address = f"http://127.0.0.1:{self.port}"
        self.projects = Projects(folder / "projects")
        self._log = folder / "server.log"
        self.start()

    def start(self) -> None:
        environment = {**os.environ, launch.ROOT_VARIABLE: str(self.projects.root), "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = str(ROOT)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(launch.command(self.port), env=environment, stdout=log, stderr=log)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop_worker(self) -> None:
        state = read_json(self.projects.root / ".worker/state.json")
        if state and state["pid"]:
            try:
                os.kill(state["pid"], signal.SIGTERM)
            except ProcessLookupError:
                pass


@pytest.fixture(scope="session")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """A server with a folder of projects of its own."""
    running = Editor(tmp_path_factory.mktemp("editor"))
    yield running
    running.stop()
    running.stop_worker()


@pytest.fixture
def small(editor: Editor) -> Project:
    """A small, quickly rendered project: the sample's picture at 360 rows and three short lines."""
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
    """A window of its own, whose errors fail the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(SLOWLY)
    page.set_default_navigation_timeout(SLOWLY)
    errors: list[str] = []
    foreign: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith((editor.address, "data:", "blob:"))
            else foreign.append(request.url))  # fmt: skip
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
