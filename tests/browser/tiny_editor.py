"""The editor with tiny models and their shelf of manners: ``tiny_editor.py ASSETS``, then what Streamlit is told."""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.web import cli

from generation import adapter_files
from studio import worker

if __name__ == "__main__":
    program = Path(__file__).resolve().parent.parent / "tiny_worker.py"
    assets = Path(sys.argv.pop(1))
    worker.COMMAND = (sys.executable, str(program), str(assets))
    adapter_files.assets_root, adapter_files.asset = lambda: assets, lambda name: assets / name
    sys.exit(cli.main())
