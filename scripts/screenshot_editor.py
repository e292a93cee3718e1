"""Makes `assets/editor.webp`, the editor's picture in the README, from the running page Cast of the sample scene."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from io import BytesIO
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

from studio import launch
from studio.jobs.worker_lock import worker_lock
from studio.project.projects import Projects
from studio.server.guard import TOKEN_VARIABLE

ROOT = Path(__file__).resolve().parent.parent

PORT = 8597
SIZE: ViewportSize = {"width": 1280, "height": 720}
PATIENCE = 240_000
"""Milliseconds that a busy machine may take for the page."""


def picture(address: str) -> Image.Image:
    """The page as a person sees it who prefers light windows."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.set_default_timeout(PATIENCE)
        page.set_default_navigation_timeout(PATIENCE)
        page.goto(address)
        page.locator("[data-region]").nth(2).wait_for()
        page.wait_for_timeout(5000)
        packed = page.screenshot()
        browser.close()
    return Image.open(BytesIO(packed)).convert("RGB")


def main() -> None:
    """Serve a folder with nothing but the sample, take the picture, write it."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        projects = Projects(Path(folder))
        projects.create_sample("Café")
        token = secrets.token_urlsafe()
        environment = os.environ | {launch.ROOT_VARIABLE: folder, TOKEN_VARIABLE: token}
        with worker_lock(projects.root):  # nothing is heard or rendered, so no worker is needed
            server = subprocess.Popen(launch.server_command(PORT), env=environment)
            try:
                until = time.monotonic() + PATIENCE / 1000
                while time.monotonic() < until:
                    try:
                        urlopen(f"http://127.0.0.1:{PORT}/?token={token}")
                        break
                    except URLError:
                        time.sleep(0.5)
                made = picture(f"http://127.0.0.1:{PORT}/cast?project=Caf%C3%A9&token={token}")
            finally:
                server.kill()
                server.wait()
    made.save(ROOT / "assets/editor.webp", quality=90, method=6)


if __name__ == "__main__":
    main()
