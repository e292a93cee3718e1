"""Requests that try to get in or out: other hosts and origins, no token, paths, links, bodies that are too large."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Iterator
from itertools import chain, product
from pathlib import Path

import pytest
from service_fixtures import ADDRESS, browser_of, picture, scene
from starlette.testclient import TestClient

from studio.project import archive
from studio.project.projects import Projects
from studio.service import access
from studio.service import films as service
from studio.service.access import is_loopback, known_hosts
from studio.service.app import service_app
from studio.service.films import FilmService

TOKEN = "a-token-of-the-tests"


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FilmService:
    monkeypatch.setattr(service, "ensure_worker", lambda root: None)
    (tmp_path / "secret.png").write_bytes(picture())
    films = FilmService(Projects(tmp_path / "projects"))
    (films.root / "out").symlink_to(tmp_path)
    return films


@pytest.fixture
def http(films: FilmService) -> TestClient:
    return browser_of(films)


ROUTES = [("GET", "/openapi.json"), ("GET", "/nowhere"), ("OPTIONS", "/jobs")] + [
    (method.upper(), path.replace("{job_id}", f"{0:019d}-render").replace("{name}", "video"))
    for path, methods in service_app(None, None, "127.0.0.1").openapi()["paths"].items()
    for method in methods
]
"""Every method and path of the service."""


def test_every_route_asks_for_the_token(films: FilmService) -> None:
    guarded = browser_of(films, TOKEN, "0.0.0.0")
    assert len(ROUTES) == 16
    for method, path in ROUTES:
        for said in ("", "Bearer wrong", TOKEN, f"Basic {TOKEN}", "Bearer \xfc"):
            headers = {"Authorization": said.encode("latin-1"), "Cookie": f"parley-8502={TOKEN}"}
            answer = guarded.request(method, f"{path}?token={TOKEN}", headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), (method, path, said)
    for scheme in ("Bearer", "bearer"):
        assert guarded.get("/voices", headers={"Authorization": f"{scheme} {TOKEN}"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8502"}, {"Host": "localhost.evil.example"}, {"Host": "192.168.1.5:8502"},
        {"Host": "[::1]"}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:8501"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
    ids=str,
)  # fmt: skip
def test_every_route_refuses_other_hosts_and_pages(films: FilmService, http: TestClient, headers: dict) -> None:
    guarded = browser_of(films, TOKEN)
    for method, path in ROUTES:
        for client, said in ((http, {}), (guarded, {"Authorization": f"Bearer {TOKEN}"})):
            answer = client.request(method, path, headers={**said, **headers})
            assert (answer.status_code, "not answered" in answer.text) == (403, True), (method, path)
    own = http.get("/voices", headers={"Origin": ADDRESS})
    assert own.status_code == 200 and own.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    ("listens", "answered", "refused"),
    [
        ("127.0.0.1", "127.0.0.1:9 localhost", "0.0.0.0 [::1] films"),
        ("::1", "[::1]:8502 localhost", "[::2] ::1"),
        ("192.168.1.5", "192.168.1.5:8502 127.0.0.1", "192.168.1.6 192x168x1x5 films"),
        ("films.lan", "films.lan FILMS.LAN:80", "filmsxlan evil.films.lan 10.0.0.1"),
        ("0.0.0.0", "10.0.0.1:8502 [fe80::1] localhost", "films 10.0.0.1.evil.example"),
    ],
)
def test_hosts_follow_where_the_service_listens(listens: str, answered: str, refused: str) -> None:
    pattern = known_hosts(listens)
    assert [host for host in answered.split() if not pattern.fullmatch(host)] == []
    assert [host for host in refused.split() if pattern.fullmatch(host)] == []
    assert is_loopback(listens) is (listens in ("127.0.0.1", "::1"))


@pytest.mark.parametrize(  # the empty one stands for an absolute path
    "path",
    ["../secret.png", "out/secret.png", "..\\secret.png", "C:\\secret.png", "~/secret.png", "a/../../secret.png", ""],
)
def test_no_path_leads_out(http: TestClient, films: FilmService, tmp_path: Path, path: str) -> None:
    outside = str(tmp_path / "secret.png") if path == "" else path
    as_mask = scene(cast=[{"name": "EILEEN", "voice": "Alice", "mask": outside}])
    as_style = scene(cast=[{"name": "EILEEN", "voice": "Alice", "styles": {f"{outside}.safetensors": 1}}])
    for named in (scene(picture=outside), as_mask, as_style):
        folders = (".",) if path.startswith("out/") else (".", "")  # the link lies in the folder of the projects
        for route, folder in product(("/check", "/jobs"), folders):
            answer = http.post(route, json={"scene": named, "folder": folder})
            assert (answer.status_code, "lies outside" in answer.text) == (422, True), answer.text
    folder = str(tmp_path) if path == "" else path.removesuffix("secret.png").rstrip("/\\") or ".."
    answer = http.post("/check", json={"scene": scene(picture="secret.png"), "folder": folder})
    assert (answer.status_code, "lies outside" in answer.text) == (422, True), answer.text
    answer = http.post("/speech", json={"text": "One.", "voice": "Alice", "styles": {f"{outside}.safetensors": 1}})
    assert (answer.status_code, "is not known" in answer.text) == (422, True), answer.text
    answer = http.post("/jobs", json={"scene": scene(), "project": outside})
    assert answer.status_code == 422 and list(films.root.iterdir()) == [films.root / "out"]


def test_an_uploaded_name_leads_nowhere(http: TestClient, films: FilmService, tmp_path: Path) -> None:
    for name in ("../up.png", "/tmp/up.png", "other.png"):
        request = json.dumps({"scene": scene(picture=name if name != "other.png" else "one.png")})
        answer = http.post("/jobs/upload", data={"request": request}, files={"files": (name, picture())})
        assert answer.status_code == 422, name
    names = [("files", ("one.png", picture())), ("files", ("one.png", b"other"))]
    answer = http.post("/jobs/upload", data={"request": json.dumps({"scene": scene()})}, files=names)
    assert answer.status_code == 422 and "one name" in answer.text
    assert films.projects.names() == [] and not (tmp_path / "up.png").exists()


@pytest.mark.parametrize("job", ["..%2F..%2Fsecret.png", "%2e%2e", f"{0:019d}-render", f"{0:019d}-render%00", "*"])
def test_no_name_of_a_job_or_result_leads_out(http: TestClient, films: FilmService, job: str) -> None:
    for path in ("", "/events", "/results", "/results/video", "/results/..%2F..%2Fjob.json"):
        assert http.get(f"/jobs/{job}{path}").status_code == 404
    assert http.delete(f"/jobs/{job}").status_code == 404
    film = films.render(service.FilmRequest(scene=scene()), {"one.png": io.BytesIO(picture())})
    for name in ("job.json", "..%2Fjob.json", "%2Fetc%2Fpasswd", "status.json"):
        assert http.get(f"/jobs/{film.id}/results/{name}").status_code == 404


def zipped(**members: bytes) -> bytes:
    """A ZIP with these files, and a list of them as an archive has it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        listed = {name: {"bytes": len(data), "sha256": "0" * 64} for name, data in members.items()}
        manifest = {"format": archive.FORMAT, "version": archive.VERSION, "files": listed}
        for name, data in {**members, archive.MANIFEST: json.dumps(manifest).encode()}.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = ((stat.S_IFLNK if name == "link.png" else stat.S_IFREG) | 0o644) << 16
            opened.writestr(member, data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"link.png": b"/etc/passwd"}, "as a link"),
        ({"../up.yaml": b"up"}, "no part of a project"),
        ({"/tmp/up.yaml": b"up"}, "no part of a project"),
        ({"scene.yaml": bytes(2_000_000)}, "too much"),
    ],
    ids=["link", "climbing", "absolute", "bomb"],
)
def test_archives_that_break_out_make_no_project(
    http: TestClient, films: FilmService, monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes], sentence: str
) -> None:
    monkeypatch.setattr(archive, "_SMALL", 1_000_000)
    answer = http.post("/projects", data={"name": "New"}, files={"archive": ("a.zip", zipped(**members))})
    assert (answer.status_code, sentence in answer.json()["detail"]) == (422, True), answer.text
    answer = http.post("/projects", data={"name": "../New"}, files={"archive": ("a.zip", zipped())})
    assert answer.status_code == 422 and list(films.root.iterdir()) == [films.root / "out"]


def test_bodies_that_are_too_large_are_not_read(http: TestClient, films: FilmService, monkeypatch) -> None:
    def blocks() -> Iterator[bytes]:
        yield from (bytes(100_000) for _ in range(100))

    for kind in ("application/json", "multipart/form-data; boundary=b", "text/plain", ""):
        declared = {"Content-Type": kind, "Content-Length": str(access.MOST_BYTES + 1)}
        answer = http.post("/jobs/upload", content=b"{}", headers=declared)
        assert (answer.status_code, "send less" in answer.text) == (413, True)
    monkeypatch.setattr(access, "MOST_BYTES", 2_000_000)
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="one.png"\r\n\r\n'
    bodies = {"application/json": blocks(), "multipart/form-data; boundary=b": chain([head], blocks())}
    for kind, body in bodies.items():
        path = "/jobs" if kind == "application/json" else "/jobs/upload"
        answer = http.post(path, content=body, headers={"Content-Type": kind})
        assert (answer.status_code, "send less" in answer.text) == (413, True), answer.text
    many = [("files", (f"{number}.png", b"0")) for number in range(1001)]
    answer = http.post("/check/upload", data={"request": json.dumps({"scene": scene()})}, files=many)
    assert (answer.status_code, "Too many files" in answer.text) == (400, True)
    large = http.post("/check/upload", data={"request": "0" * 1_100_000})
    assert large.status_code == 400 and films.projects.names() == []


def test_scenes_that_would_take_long_to_read_are_refused(http: TestClient) -> None:
    deep = "[" * 100_000
    for body in (deep, f'{{"scene": {deep}{"]" * 100_000}}}'):
        assert http.post("/check", content=body, headers={"Content-Type": "application/json"}).status_code in (400, 422)
    levels = zip("abcdefg", "bcdefgh")
    bomb = "a: &a [x]\n" + "".join(f"{b}: &{b} [{','.join(9 * [f'*{a}'])}]\n" for a, b in levels)
    for text in ("a" * 2_000_000, bomb, {"cast": [[[[[[[[[[]]]]]]]]]]}, {"cast": 200_000 * [0]}):
        assert http.post("/check", json={"scene": text}).json()["ok"] is False
