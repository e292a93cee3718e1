"""What the running server withstands: being killed, uploads that are too large, and requests for others' files."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from browser_pages import PORT, Editor, eventually, small_project, visit, window
from PIL import Image

from masks.picture import MOST_PIXELS
from studio.jobs.queue import jobs
from studio.project.project import Project
from studio.project.uploads import MAX_BYTES

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]


@pytest.fixture
def mortal(tmp_path: Path, tiny_assets: Path) -> Iterator[list[Editor]]:
    """A server that a test may kill; what is in the list at the end is stopped."""
    running = [Editor(tmp_path, PORT + 3, tiny_assets)]
    yield running
    for editor in running:
        editor.stop()


def test_a_killed_server_loses_nothing_but_what_was_being_typed(chromium, mortal: list[Editor]) -> None:
    project = small_project(mortal[0])
    for page in window(chromium, mortal[0]):
        visit(page, mortal[0], "script", project)
        page.get_by_label("Line 1", exact=True).fill("Kept.")
        page.get_by_label("Line 1", exact=True).press("Enter")
        eventually(lambda: Project(project.folder).scene.script[0].text == "Kept.")
        page.get_by_role("link", name="Video").click()
        page.get_by_text("Quality and label").click()
        page.get_by_text("Draft", exact=True).click()
        page.get_by_role("button", name="Make the video").click()
        eventually(lambda: jobs(project) and jobs(project)[0].status().state == "running", 240)
        page.get_by_role("link", name="Script").click()
        page.get_by_label("Line 2", exact=True).fill("Not yet")
        mortal[0].process.kill()
        mortal[0].process.wait()
    job = jobs(project)[0]
    eventually(lambda: job.status().ended, 240)  # the worker is a process of its own
    assert job.status().state == "done", job.status().sentence
    mortal.append(Editor(mortal[0].projects.root.parent, PORT + 3, mortal[0].tiny))
    for page in window(chromium, mortal[1]):
        visit(page, mortal[1], "script", project)
        page.get_by_label("Line 1", exact=True).wait_for()
        assert page.get_by_label("Line 1", exact=True).input_value() == "Kept."
        assert page.get_by_label("Line 2", exact=True).input_value() == "Good day."
        page.get_by_role("link", name="Video").click()
        page.locator(".player video").wait_for()
        page.get_by_role("button", name="Undo").click()
        eventually(lambda: Project(project.folder).scene.script[0].text == "Hello.")


def test_uploads_are_limited_in_bytes_and_in_pixels(page, editor, small, tmp_path: Path) -> None:
    large, many = tmp_path / "large.png", tmp_path / "many.png"
    large.write_bytes(b"\x89PNG" + bytes(MAX_BYTES + 5_000_000))
    packed = io.BytesIO()
    Image.new("1", (MOST_PIXELS // 5000 + 1, 5000)).save(packed, "PNG")
    many.write_bytes(packed.getvalue())
    for file, sentence in ((large, "50.0MB or smaller"), (many, "at most 40 million pixels")):
        visit(page, editor, "cast", small)
        page.get_by_text("Another picture").click()
        page.locator("input[type=file]").first.set_input_files(str(file))
        page.get_by_text(sentence).wait_for()
    assert Project(small.folder).revision == small.revision and not list(small.folder.glob("media/many*"))


def test_the_server_refuses_a_large_body_that_no_page_sent(editor: Editor, page) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    path = "/_stcore/upload_file/00000000-0000-0000-0000-000000000000/11111111-1111-1111-1111-111111111111"
    try:
        headers = {"Host": "127.0.0.1", "Cookie": editor.cookie_header}
        connection.request("PUT", path, body=bytes(MAX_BYTES + 5_000_000), headers=headers)
        assert connection.getresponse().status >= 400
    except (BrokenPipeError, ConnectionResetError):
        pass  # it hung up on us while we were still sending
    finally:
        connection.close()


OUTSIDE = [
    "/media/../../../etc/passwd", "/media/..%2f..%2f..%2fetc%2fpasswd", "/app/static/../editor.py",
    "/app/static/%2e%2e/%2e%2e/etc/passwd", "/component/../../../../etc/passwd", "/static/..%2f..%2f..%2fetc%2fpasswd",
    "/_stcore/bidi-components/parley_picture/../../../../etc/passwd", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
    "/media/{scene}", "/static/{scene}", "/{scene}",
]  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_address_reaches_a_file(editor: Editor, page, small: Project, path: str) -> None:
    (small.folder / "secret.txt").write_text("root:x:0:0 secret-of-a-project")
    path = path.replace("{scene}", quote(str(small.folder / "secret.txt")))
    with socket.create_connection(("127.0.0.1", PORT), timeout=30) as raw:  # no client may tidy the path up
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n"
                    f"Cookie: {editor.cookie_header}\r\nConnection: close\r\n\r\n".encode())  # fmt: skip
        answer = b""
        while part := raw.recv(65536):
            answer += part
    assert b"root:x:0:0" not in answer and b"Start: the sample scene" not in answer, answer[:200]


@pytest.mark.parametrize("name", ["../../etc", "/etc", "..", "Nobody/../..", "a\0b"])
def test_no_project_in_the_address_leads_elsewhere(page, editor: Editor, name: str) -> None:
    page.goto(f"{editor.address}/cast?project={quote(name, safe='')}")
    page.get_by_text("No project is open").wait_for()


def test_another_host_name_is_refused(editor: Editor, page) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    upgrade = {"Host": "evil.example", "Origin": "http://evil.example", "Connection": "Upgrade", "Upgrade": "websocket",
               "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
               "Cookie": editor.cookie_header}  # fmt: skip
    connection.request("GET", "/_stcore/stream", headers=upgrade)
    assert connection.getresponse().status in (400, 403)
