"""The editor with tiny models, their manners and a lesson of 3 s: ``tiny_editor.py ASSETS``, then Streamlit's part."""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.web import cli

from generation import adapter_files
from studio import teaching, worker

if __name__ == "__main__":
    program = Path(__file__).resolve().parent.parent / "tiny_worker.py"
    assets = Path(sys.argv.pop(1))
    worker.COMMAND = (sys.executable, str(program), str(assets))
    adapter_files.assets_root, adapter_files.asset = lambda: assets, lambda name: assets / name
    teaching.LENGTHS["short"] = 0.05
    sys.exit(cli.main())
