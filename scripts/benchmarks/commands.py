"""Benchmark of commands in two checkouts, run alternately: processor seconds and their ratio.

python -m scripts.benchmarks.commands OLD NEW --rounds 5     both are folders of checkouts; this interpreter runs both

Processor time of the command and its children is compared, since wall time depends on what else runs. Each round runs
both checkouts one after the other, and the ratio is the median over rounds. Writes one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SCENE = "assets/scenes/cafe/scene.yaml"
COMMANDS = {
    "check": ["check", SCENE],
    "say": ["say", "Good morning, everybody.", "--voice", "Alice", "-o", "{out}/a.wav", "--device", "cpu"],
    "render": ["render", SCENE, "-o", "{out}/a.mp4", "--draft", "--device", "cpu"],
}


def cost(checkout: Path, command: str) -> float:
    """Processor seconds of one run of a command in a checkout, children included.

    Raises:
        RuntimeError: the command failed.
    """
    with tempfile.TemporaryDirectory() as out:
        words = [word.format(out=out) for word in COMMANDS[command]]
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        process = subprocess.Popen(
            [sys.executable, "-m", "studio.cli", *words] if _runs_as_module(checkout) else _called(words),
            cwd=checkout, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise RuntimeError(f"`parley {' '.join(words)}` failed in {checkout.name} with status {status}.")
    return usage.ru_utime + usage.ru_stime


def _runs_as_module(checkout: Path) -> bool:
    return "__main__" in (checkout / "studio" / "cli.py").read_text(encoding="utf-8")


def _called(words: list[str]) -> list[str]:
    return [sys.executable, "-c", "import sys; from studio.cli import main; sys.exit(main(sys.argv[1:]))", *words]


def main(argv: list[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="checkout to compare with")
    parser.add_argument("new", type=Path, help="checkout that is judged")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    args = parser.parse_args(argv)
    found = {}
    for command in args.commands:
        for checkout in (args.old, args.new):
            cost(checkout, command)  # compiles modules, fills the disk's cache
        pairs = [(cost(args.old, command), cost(args.new, command)) for _ in range(args.rounds)]
        old, new = zip(*pairs, strict=True)
        found[command] = {
            "old_seconds": round(statistics.median(old), 3),
            "new_seconds": round(statistics.median(new), 3),
            "ratio": round(statistics.median(b / a for a, b in pairs), 3),
        }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
