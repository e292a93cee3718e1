"""Starts the server of the editor as a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from studio.core.environment import ROOT_VARIABLE

PORT = 8501


def server_command(port: int = PORT) -> list[str]:
    """The command line of the server process, which says the editor's address with its token."""
    return [sys.executable, "-m", "studio.server", f"--port={port}"]


def launch(projects: Path | None = None, port: int = PORT) -> int:
    """Serve the editor until Ctrl-C.

    Args:
        projects: folder of the projects; None = ``Parley`` in the home folder.
        port: where it listens on 127.0.0.1.

    Returns:
        The server's exit status.

    Raises:
        RuntimeError: Streamlit is not installed.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise RuntimeError("The editor needs Streamlit; install it with: pip install -c constraints.txt streamlit")
    environment = dict(os.environ)
    if projects is not None:
        environment[ROOT_VARIABLE] = str(projects.resolve())
    server = subprocess.Popen(server_command(port), env=environment)
    try:
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        return server.wait()
