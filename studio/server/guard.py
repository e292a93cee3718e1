"""ASGI middleware that lets in only requests with the right host, origin and token, and forbids frames."""

from __future__ import annotations

import html
import os
import re
import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

TOKEN_VARIABLE = "PARLEY_TOKEN"
"""Environment variable with a token of the user's own, in place of a fresh one at each start."""
HOST = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
"""Host headers that are answered. Any port: it differs where the server is reached through a tunnel."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,}", re.ASCII)

_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "connect-src 'self' {sockets} data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Content security policy: no frames around the pages, and the pages load from this server alone.

Streamlit's pages need inline styles and scripts, and evaluation; not every browser counts sockets as ``'self'``."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Parley</title>{head}</head>
<body style="font: 1.1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 4rem auto; padding: 0 1rem">
{body}</body></html>
"""
_REFUSAL = (
    "<h1>Not this address</h1><p>Use the address that the terminal shows. Each start of Parley has a new one.</p>"
)


def access_token() -> str:
    """The token of this start: the user's own from the environment, else a fresh one of 256 bits.

    Raises:
        ValueError: the user's own is short or has characters that an address or a cookie cannot carry.
    """
    return checked_token(os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(32), TOKEN_VARIABLE)


def checked_token(token: str, name: str) -> str:
    """A token of the user's own; ``name`` is where it was given.

    Raises:
        ValueError: it is short or has characters that an address, a header or a cookie cannot carry.
    """
    if not _TOKEN.fullmatch(token):
        raise ValueError(f"{name} must have at least 16 characters, each a letter, a digit, - or _")
    return token


class RequestGuard:
    """Answers what may not pass by itself, and adds the security headers to every answer.

    Args:
        app: what is protected; gets HTTP requests and WebSockets that passed, and lifespan events.
    """

    hosts = HOST

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request or socket and hand it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        answer = self.answer(request)
        if answer is None and scope["type"] == "websocket":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(code=1008)(scope, receive, send)
        else:
            headers = _with_headers(send, request.headers.get("host", ""), self.hosts)
            await (answer or self.app)(scope, receive, headers)

    def answer(self, request: HTTPConnection) -> Response | None:
        """What is answered in place of the protected application; None where the request passes."""
        raise NotImplementedError


class AccessGuard(RequestGuard):
    """The editor's guard, for browsers.

    A request passes with a ``Host`` of this computer, no ``Origin`` but the same, and the token in its cookie.
    An address with ``?token=`` sets the cookie and leads to the same address without the token.

    Args:
        app: what is protected.
        token: what a visitor must know.
        cookie: name of the cookie; cookies know no ports, so each server on a computer needs another name.
    """

    def __init__(self, app: ASGIApp, *, token: str, cookie: str) -> None:
        super().__init__(app)
        self.token, self.cookie = token, cookie

    def answer(self, request: HTTPConnection) -> Response | None:
        """A page that says why, or that sets the cookie and leads on; else None."""
        if not is_from_here(request, self.hosts):
            return _page(_REFUSAL, status=403)
        if is_token(request.cookies.get(self.cookie), self.token):
            return None
        if request.scope.get("method") == "GET" and is_token(request.query_params.get("token"), self.token):
            return self._entry(request)
        return _page(_REFUSAL, status=403)

    def _entry(self, request: HTTPConnection) -> Response:
        """Set the cookie and lead on; by a page, as browsers keep strict cookies back where another site redirects."""
        url = request.url.remove_query_params("token")
        target = "/" + url.path.lstrip("/\\") + (f"?{url.query}" if url.query else "")
        head = f'<meta http-equiv="refresh" content="0; url={html.escape(target)}">'
        answer = _page(f'<p><a href="{html.escape(target)}">Open Parley</a></p>', head=head)
        answer.set_cookie(self.cookie, self.token, path="/", httponly=True, samesite="strict")
        return answer


def is_token(said: str | None, token: str) -> bool:
    """Whether what somebody said is the token, in a time that tells nothing of it."""
    return said is not None and secrets.compare_digest(said.encode(), token.encode())


def is_from_here(request: HTTPConnection, known: re.Pattern[str]) -> bool:
    """Whether host, origin and what the browser says of the sender are this server's own.

    The host stops names that were made to lead here (DNS rebinding), the origin requests and sockets of other pages;
    ``Sec-Fetch-Site`` stops what has no origin: pictures, scripts and frames of other pages, also of other ports.
    """
    headers = request.headers
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    if len(hosts) != 1 or not known.fullmatch(hosts[0]):
        return False
    scheme = {"ws": "http", "wss": "https"}.get(request.scope["scheme"], request.scope["scheme"])
    if any(origin.lower() != f"{scheme}://{hosts[0].lower()}" for origin in origins):
        return False
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return True
    is_visit = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return is_visit and request.scope.get("method") == "GET"  # a link that somebody followed


def _page(body: str, *, head: str = "", status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(head=head, body=body), status, {"Cache-Control": "no-store"})


def _with_headers(send: Send, host: str, known: re.Pattern[str]) -> Send:
    sockets = f"ws://{host} wss://{host}" if known.fullmatch(host) else ""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS | {"Content-Security-Policy": _POLICY.format(sockets=sockets)})
        await send(message)

    return sending
