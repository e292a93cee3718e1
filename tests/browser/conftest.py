"""Running editors for the browser's tests, and Chromium; skipped only where Chromium cannot be had."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_pages import PORT, Editor, small_project, window
from tiny import write_tiny_assets

from generation.voices.bank import VoiceBank
from studio.project.project import Project


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


@pytest.fixture(scope="session")
def tiny_assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models of all languages under the names of our voices."""
    bank = VoiceBank.load()
    return write_tiny_assets(
        tmp_path_factory.mktemp("tiny"), {name: bank[name].language for name in bank.names}, languages=True
    )


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


@pytest.fixture
def page(chromium, editor: Editor) -> Iterator:  # noqa: ANN001
    """A window on the editor with the tiny models."""
    yield from window(chromium, editor)


@pytest.fixture
def shipped_page(chromium, shipped: Editor) -> Iterator:  # noqa: ANN001
    """A window on the editor with the weights that ship."""
    yield from window(chromium, shipped)
