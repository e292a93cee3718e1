"""``parley serve`` or ``parley mcp`` as a program with the tiny models of a folder: ``tiny_service.py ASSETS ...``."""

from __future__ import annotations

import sys
from pathlib import Path

from generation.adapters import metadata
from generation.core import assets as resources
from studio import cli
from studio.jobs import supervisor

if __name__ == "__main__":
    assets = Path(sys.argv[1])
    resources.assets_root = metadata.assets_root = lambda: assets
    supervisor.COMMAND = (sys.executable, str(Path(__file__).with_name("tiny_worker.py")), str(assets))
    sys.exit(cli.main(sys.argv[2:]))
