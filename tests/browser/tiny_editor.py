"""The editor with tiny models, their styles and 3 s of training: ``tiny_editor.py ASSETS``, then the server's part."""

from __future__ import annotations

import sys
from pathlib import Path

from generation.adapters import metadata, tensors
from generation.text import languages
from studio.editor import finetuning
from studio.jobs import supervisor
from studio.server.__main__ import main

if __name__ == "__main__":
    program = Path(__file__).resolve().parents[1] / "support" / "tiny_worker.py"
    assets = Path(sys.argv.pop(1))
    supervisor.COMMAND = (sys.executable, str(program), str(assets))
    metadata.assets_root = lambda: assets
    metadata.asset = tensors.asset = languages.asset = lambda name: assets / name
    finetuning.LENGTHS["short"] = 0.05
    main()
