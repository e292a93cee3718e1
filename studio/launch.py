"""Starts the editor: Streamlit on this computer alone, with our settings, and the folder of projects"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

PORT = 8501
ROOT_VARIABLE = "PARLEY_PROJECTS"
"""Environment variable that tells the pages where the projects are."""


def command(port: int = PORT) -> list[str]:
    """The command line that serves the editor on 127.0.0.1; flags outrank every other setting."""
    flags = ["--server.address=127.0.0.1", f"--server.port={port}", "--browser.gatherUsageStats=false"]
    return [sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("app.py")), *flags]


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
    sys.stdout.write(f"The editor is at http://127.0.0.1:{port} (Ctrl-C ends it).\n")
    sys.stdout.flush()
    server = subprocess.Popen(command(port), env=environment)
    try:
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        return server.wait()
