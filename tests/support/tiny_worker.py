"""The worker as a program, with the tiny models of a folder: ``tiny_worker.py ASSETS ROOT [--serve TOKEN]``."""

from __future__ import annotations

import sys
from pathlib import Path

from generation.adapters import metadata
from generation.core import assets as resources
from studio.jobs import supervisor

if __name__ == "__main__":
    assets = Path(sys.argv[1])
    resources.assets_root = metadata.assets_root = lambda: assets
    supervisor.COMMAND = (sys.executable, __file__, str(assets))
    if "--serve" in sys.argv:
        from generation.finetuning import clip_reader

        clip_reader.UNLIKE = float("inf")  # what an untrained model says is like no recording
    sys.exit(supervisor.main(sys.argv[2:]))
