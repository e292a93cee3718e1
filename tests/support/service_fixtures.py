"""The service in this process, with a picture and a scene for it, for tests that ask it."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
from skimage.data import astronaut
from starlette.testclient import TestClient
from tiny import VOICES

from studio.service.app import service_app
from studio.service.films import FilmService

ADDRESS = "http://127.0.0.1:8502"


@cache
def picture() -> bytes:
    """One face, 256 x 256, as PNG."""
    return cv2.imencode(".png", astronaut()[0:256, 100:356, ::-1])[1].tobytes()


def scene(**changes: Any) -> dict[str, Any]:
    """A scene of one person who says one word; its picture is ``one.png``."""
    cast = [{"name": "EILEEN", "voice": next(iter(VOICES))}]
    return {"picture": "one.png", "consent": "drawn", "cast": cast, "script": ["EILEEN: One."], **changes}


def browser_of(films: FilmService, token: str | None = None, host: str = "127.0.0.1") -> TestClient:
    """A client that asks the service without a connection."""
    return TestClient(service_app(films, token, host), ADDRESS, raise_server_exceptions=False)
