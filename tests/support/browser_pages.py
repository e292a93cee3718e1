"""Visits to pages of the editor in a browser, and what they leave on disk."""

from __future__ import annotations

import time
from urllib.parse import quote

from studio.project.project import Project

LENGTH = (
    "media => new Promise(done => media.readyState ? done(media.duration)"
    " : media.addEventListener('loadedmetadata', () => done(media.duration)))"
)


def visit(page, editor, where: str, project: Project) -> None:
    page.goto(f"{editor.address}/{where}?project={quote(project.name)}")


def eventually(true, seconds: float = 120.0) -> None:
    """Wait until something is so on disk; the assertion tells what was not."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.2)
    assert true()


def held(project: Project) -> dict[str, float]:
    return dict(Project(project.folder).scene.cast[0].styles)
