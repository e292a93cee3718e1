"""The worker as a program, with the tiny models of a folder: ``tiny_worker.py ASSETS ROOT [--serve TOKEN]``."""

from __future__ import annotations

import sys
from pathlib import Path

from generation import adapter_files, resources
from studio import worker

if __name__ == "__main__":
    assets = Path(sys.argv[1])
    resources.assets_root = adapter_files.assets_root = lambda: assets
    worker.COMMAND = (sys.executable, __file__, str(assets))
    if "--serve" in sys.argv:
        import torch

        from generation import material

        torch.set_num_threads(1)
        material.UNLIKE = float("inf")  # what an untrained model says is like no recording
    sys.exit(worker.main(sys.argv[2:]))
