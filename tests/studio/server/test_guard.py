"""The access guard by itself: every way in that is not the right host, origin and token."""

from __future__ import annotations

import asyncio
import re

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from studio.server.guard import TOKEN_VARIABLE, AccessGuard, access_token

TOKEN = "a-token-of-the-tests"
COOKIE = {"cookie": f"parley-8501={TOKEN}"}
HERE = {"host": "127.0.0.1:8501"}
EVIL = "http://evil.streamlit.app"


async def protected(scope: Scope, receive: Receive, send: Send) -> None:
    """What lies behind the guard: says so, to requests and sockets."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await PlainTextResponse("inside")(scope, receive, send)


def ask(
    headers: dict[str, str],
    *,
    method: str = "GET",
    path: str = "/",
    query: str = "",
    socket: bool = False,
    twice: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], str]:
    """Status (101 for an accepted socket), headers and body that a client gets."""
    scope = {
        "type": "websocket" if socket else "http", "scheme": "ws" if socket else "http", "path": path,
        "query_string": query.encode(),
        "headers": [(n.encode(), v.encode("latin-1")) for n, v in [*headers.items(), *(twice or {}).items()]],
        "server": ("127.0.0.1", 8501), **({} if socket else {"method": method}),
    }  # fmt: skip
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "websocket.connect" if socket else "http.request"}

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(AccessGuard(protected, token=TOKEN, cookie="parley-8501")(scope, receive, send))
    if socket:
        return (101 if sent[0]["type"] == "websocket.accept" else 403), {}, ""
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]).decode()


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost:8501", "LOCALHOST", "127.0.0.1:9000"])
def test_who_knows_the_token_is_let_in_from_here(host: str) -> None:
    assert ask({"host": host, **COOKIE})[0] == 200
    assert ask({"host": host, "origin": f"http://{host}", **COOKIE}, method="PUT")[2] == "inside"
    assert ask({"host": host, "origin": f"http://{host}", **COOKIE}, socket=True)[0] == 101


@pytest.mark.parametrize("socket", [False, True])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "evil.example:8501"},
        {"host": "localhost.evil.example:8501"},
        {"host": "127.0.0.1@evil.example"},
        {"host": "127.0.0.1:8501\n"},
        {"host": "[::1]:8501"},
        {**HERE, "origin": EVIL},
        {**HERE, "origin": "null"},
        {**HERE, "origin": "http://localhost:8501"},
        {**HERE, "origin": "http://127.0.0.1:8502"},
        {**HERE, "origin": "https://127.0.0.1:8501"},
        {**HERE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {**HERE, "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
        {**HERE, "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    ],
    ids=str,
)
def test_other_hosts_and_other_pages_are_refused_even_with_the_cookie(headers: dict[str, str], socket: bool) -> None:
    assert ask({**headers, **COOKIE}, socket=socket)[0] == 403


def test_a_repeated_host_is_refused() -> None:
    assert ask({**HERE, **COOKIE}, twice={"host": "evil.example"})[0] == 403


def test_a_link_elsewhere_may_lead_here_but_a_form_may_not() -> None:
    visit = {**HERE, **COOKIE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert ask({**visit, "sec-fetch-dest": "document"})[0] == 200
    assert ask({**visit, "sec-fetch-dest": "document"}, method="POST")[0] == 403


@pytest.mark.parametrize(
    "path", ["/", "/static/js/a.js", "/media/a.wav", "/_stcore/health", "/_stcore/upload_file/a/b"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_without_the_token_there_is_a_page_that_says_where_it_is(path: str, method: str) -> None:
    for said in ({}, {"cookie": "parley-8501=wrong"}, {"cookie": f"parley-8502={TOKEN}"}, {"cookie": "parley-8501=ü"}):
        status, _, body = ask({**HERE, **said}, path=path, method=method, query="token=wrong")
        assert status == 403 and "address that the terminal shows" in body and TOKEN not in body
    assert ask({**HERE}, path=path, query=f"token={TOKEN}", socket=True)[0] == 403


def test_the_address_with_the_token_sets_a_strict_cookie_and_leads_to_the_page() -> None:
    status, headers, body = ask(HERE, path="/cast", query=f"token={TOKEN}&project=A%22%3E%3Cb")
    assert status == 200 and "inside" not in body and TOKEN not in body
    assert re.search(r'url=/cast\?project=A%22%3E%3Cb"', body)
    assert headers["cache-control"] == "no-store"
    cookie, *flags = headers["set-cookie"].split("; ")
    assert cookie == f"parley-8501={TOKEN}" and {flag.lower() for flag in flags} >= {"httponly", "samesite=strict"}


def test_the_address_with_the_token_leads_nowhere_else() -> None:
    for path in ("//evil.example/", "/\\evil.example/", "///evil.example"):
        body = ask(HERE, path=path, query=f"token={TOKEN}")[2]
        assert re.search(r"url=/[^/\\]", body), body


def test_every_answer_forbids_frames_and_sources_elsewhere() -> None:
    for headers in ({**HERE, **COOKIE}, HERE, {"host": "evil.example"}):
        _, found, _ = ask(headers)
        policy = found["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and found["x-frame-options"] == "DENY"
        assert "http:" not in policy and "https:" not in policy and "*" not in policy and "evil" not in policy


def test_the_token_is_fresh_at_each_start_or_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert access_token() != access_token() and len(access_token()) >= 43
    monkeypatch.setenv(TOKEN_VARIABLE, "0123456789abcdef")
    assert access_token() == "0123456789abcdef"
    for bad in ("short", "0123456789abcde;", "0123456789abcdeü", "0123456789abcdef\n"):
        monkeypatch.setenv(TOKEN_VARIABLE, bad)
        with pytest.raises(ValueError, match="at least 16"):
            access_token()
