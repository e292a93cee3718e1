"""The editor's server process, ``python -m studio.server``: the pages of `studio/app.py` behind the access guard."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from studio.server.guard import TOKEN_VARIABLE, AccessGuard, access_token
from studio.server.uploads import released_uploads

PAGES = Path(__file__).resolve().parents[1] / "app.py"


def settings(port: int) -> dict[str, object]:
    """Streamlit's settings on which safety rests; they outrank every file and environment variable."""
    return {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": True,
        "server.allowedHosts": ["127.0.0.1", "localhost"],
        "server.corsAllowedOrigins": [],
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.maxUploadSize": 50,
        "client.allowedOrigins": [],
        "browser.gatherUsageStats": False,
        "global.developmentMode": False,
        "logger.hideWelcomeMessage": True,
    }


def editor(port: int, token: str) -> App:
    """The editor as an ASGI application, which says its address when it starts.

    Args:
        port: where it listens on 127.0.0.1.
        token: what a visitor must know.
    """

    @asynccontextmanager
    async def lifespan(app: App) -> AsyncIterator[None]:
        async with released_uploads(app):
            sys.stdout.write(f"The editor is at http://127.0.0.1:{port}/?token={token} (Ctrl-C ends it).\n")
            sys.stdout.flush()
            yield

    guard = Middleware(AccessGuard, token=token, cookie=f"parley-{port}")
    return App(PAGES, middleware=[guard], lifespan=lifespan)


def main(argv: list[str] | None = None) -> None:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m studio.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where it listens on 127.0.0.1")
    port = parser.parse_args(argv).port
    try:
        token = access_token()
    except ValueError as error:
        parser.error(str(error))
    os.environ.pop(TOKEN_VARIABLE, None)  # processes that are started from here have no need of it
    sys.argv = [str(PAGES)]  # Streamlit reads .streamlit/config.toml beside the program that it thinks it runs
    with suppress(KeyboardInterrupt):  # raised once more after everything has been stopped
        editor(port, token).run(config=settings(port))


if __name__ == "__main__":
    main()
