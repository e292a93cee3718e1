"""What may reach the service: right host, origin and token on every route, and bodies of a bounded size."""

from __future__ import annotations

import ipaddress
import re

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.server.guard import HOST, RequestGuard, is_from_here, is_token

MOST_BYTES = 256_000_000
"""Of a request with files, all together."""
MOST_JSON = 4_000_000
"""Of any other; a scene has at most 1 MB, which JSON may write longer."""


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def known_hosts(host: str) -> re.Pattern[str]:
    """Pattern of the ``Host`` headers that are answered where the service listens on ``host``.

    Of a server on all addresses these are all addresses, but no names: a name can be made to lead here.
    """
    own = f"[{host}]" if ":" in host else host
    names = [HOST.pattern, rf"{re.escape(own)}(:[0-9]{{1,5}})?"]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not opened
        names.append(r"([0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
    return re.compile("|".join(names), re.ASCII | re.IGNORECASE)


class BearerGuard(RequestGuard):
    """Lets in requests with a known host, no origin but the same, and the token as ``Authorization: Bearer``.

    Args:
        app: what is protected.
        token: what a client must know; None where nobody but this computer reaches it.
        hosts: ``Host`` headers that are answered.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, hosts: re.Pattern[str]) -> None:
        super().__init__(app)
        self.token, self.hosts = token, hosts

    def answer(self, request: HTTPConnection) -> Response | None:
        """A refusal in one sentence, else None."""
        if not is_from_here(request, self.hosts):
            return JSONResponse({"detail": "This host or origin is not answered."}, 403)
        scheme, _, said = request.headers.get("authorization", "").partition(" ")
        if self.token is None or (scheme.lower() == "bearer" and is_token(said, self.token)):
            return None
        detail = "Send the token of this service as Authorization: Bearer TOKEN."
        return JSONResponse({"detail": detail}, 401, {"WWW-Authenticate": "Bearer"})


class BodyLimit:
    """Refuses bodies that are too large, before they are read where they say so, else as soon as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the bytes of one request and hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_upload = headers.get("content-type", "").lower().startswith("multipart/form-data")
        most = MOST_BYTES if is_upload else MOST_JSON
        refusal = f"The request has more than {most / 1e6:.0f} MB; send less at a time."
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > most:
            await JSONResponse({"detail": refusal}, 413, {"Connection": "close"})(scope, receive, send)
            return
        read = 0

        async def counting() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(413, refusal)
            return message

        await self.app(scope, counting, send)
