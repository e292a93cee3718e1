"""Running editors, visits to their pages in a browser, and what they leave on disk."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from studio import launch
from studio.project.project import Project
from studio.project.projects import Projects
from studio.server.guard import TOKEN_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
SLOWLY = 1000.0 * float(os.environ.get("PARLEY_BROWSER_SECONDS", "240"))
"""Longest wait for anything on the page, in milliseconds; a busy machine needs more."""
PORT = 20_000 + 2 * (os.getpid() % 10_000)
LENGTH = (
    "media => new Promise(done => media.readyState ? done(media.duration)"
    " : media.addEventListener('loadedmetadata', () => done(media.duration)))"
)


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
            command[1:3] = [str(ROOT / "tests" / "browser" / "tiny_editor.py"), str(tiny)]
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


def small_project(editor: Editor) -> Project:
    """The sample's picture at 360 rows and three short lines: quickly rendered."""
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


def visit(page, editor, where: str, project: Project) -> None:
    page.goto(f"{editor.address}/{where}?project={quote(project.name)}")


def eventually(true, seconds: float = 120.0) -> None:
    """Wait until something is so on disk; the assertion tells what was not."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.2)
    assert true()


def choose(page, label: str, text: str) -> None:
    """Opens the list until it stays open: while the page draws itself anew it may close again."""
    box = page.get_by_role("combobox", name=label, exact=True)
    option = page.get_by_role("option").filter(has_text=text)

    def opened() -> bool:
        if not option.is_visible():
            box.press("ArrowDown")
            page.wait_for_timeout(300)
        return option.is_visible()

    eventually(opened)
    option.click()


def held(project: Project) -> dict[str, float]:
    return dict(Project(project.folder).scene.cast[0].styles)
