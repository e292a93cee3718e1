"""The commands ``parley serve`` and ``parley mcp``: their options, and how they start."""

from __future__ import annotations

import argparse
import importlib.util
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from studio.core.environment import ROOT_VARIABLE
from studio.core.problems import DocumentError, Problem

if TYPE_CHECKING:
    from studio.service.films import FilmService

PORT = 8502
MOST_CONNECTIONS = 200
"""Open at once; more are refused with status 503."""


def add_projects(command: argparse.ArgumentParser) -> None:
    """Add the option that both commands share with the editor."""
    command.add_argument("--projects", type=Path, help="folder of the projects; Parley in the home folder if not given")


def add_serve_arguments(command: argparse.ArgumentParser, port: Callable[[str], int]) -> None:
    """Add the options of ``parley serve``; ``port`` reads a port's number."""
    add_projects(command)
    host_help = "address to listen on; any but this computer's own needs a token"
    command.add_argument("--host", default="127.0.0.1", help=f"{host_help}; 127.0.0.1 if not given")
    command.add_argument("--port", type=port, default=PORT, help=f"{PORT} if not given")
    token_help = "what clients must send as Authorization: Bearer; better in the environment variable PARLEY_TOKEN"
    command.add_argument("--token", help=token_help)


def serve(arguments: argparse.Namespace) -> int:
    """Serve HTTP until Ctrl-C.

    Raises:
        RuntimeError: the extra is not installed.
        DocumentError: a token is missing or cannot be one, or the address cannot be listened on.
    """
    _need("fastapi", "The service needs FastAPI")
    import uvicorn

    from studio.server.guard import TOKEN_VARIABLE, checked_token
    from studio.service.access import is_loopback
    from studio.service.app import service_app

    host, port = arguments.host, arguments.port
    token = arguments.token or os.environ.pop(TOKEN_VARIABLE, None)
    if token is not None:
        token = checked_token(token, "The token")
    elif not is_loopback(host):
        what, repair = f"{host} can be reached from other computers, and there is no token", f"set {TOKEN_VARIABLE}"
        raise DocumentError([Problem("output", what, repair)])
    app = service_app(_films(arguments.projects), token, host)
    listening = _listening(host, port)
    sys.stdout.write(f"The service is at http://{f'[{host}]' if ':' in host else host}:{port} (Ctrl-C ends it).\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, proxy_headers=False, limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=3,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])
    return 0


def serve_assistants(arguments: argparse.Namespace) -> int:
    """Serve the Model Context Protocol on stdin and stdout until the input ends.

    Raises:
        RuntimeError: the extra is not installed.
    """
    _need("mcp", "The server for assistants needs the MCP SDK")
    from studio.service.assistants import assistant_server

    assistant_server(_films(arguments.projects)).run("stdio")
    return 0


def _need(module: str, clause: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise RuntimeError(f'{clause}; install it with: pip install -c constraints.txt ".[service]"')


def _films(root: Path | None) -> FilmService:
    from studio.project.projects import Projects
    from studio.service.films import FilmService

    return FilmService(Projects(root or Path(os.environ.get(ROOT_VARIABLE) or Path.home() / "Parley")))


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        what = f"nothing can listen on {host} port {port} ({error.strerror or error})"
        raise DocumentError([Problem("output", what, "choose another by --host and --port")]) from None
