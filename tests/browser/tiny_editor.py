"""The editor with a worker of tiny models: ``tiny_editor.py ASSETS``, then what Streamlit is to be told."""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.web import cli

from studio import worker

if __name__ == "__main__":
    program = Path(__file__).resolve().parent.parent / "tiny_worker.py"
    worker.COMMAND = (sys.executable, str(program), sys.argv.pop(1))
    sys.exit(cli.main())
