"""Cost of a whole job: a scene rendered in a process of its own, stage by stage, with its memory.

python -m scripts.evaluation.measures.cost scene.yaml video.mp4      prints the figures as JSON
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

from generation.core.clock import FPS
from studio.core.progress import Status
from studio.production.render import render_scene
from studio.production.settings import RenderSettings

ROOT = Path(__file__).resolve().parents[3]


def cost(scene: Path, prefix: str = "", runs: int = 1) -> dict[str, float]:
    """Renders a scene anew and says what it took.

    Args:
        scene: the document.
        prefix: of the names.
        runs: how often; the figures are those of the run with the middle ``rtf``.

    Returns:
        After ``prefix``: ``rtf`` seconds of work per second of video, all in all and for each stage; ``cpu`` seconds of
        cores' work per second of video, encoder included, which other programs on the machine disturb less;
        ``load_weights_seconds`` of one core's work for the shipped weights alone, without the libraries; ``load``
        of the machine when it began, so that figures of a busy machine can be told; ``memory_mb`` the most memory
        held; ``seconds`` length of the video.
    """
    found = sorted((_measured(scene) for _ in range(runs)), key=lambda figures: figures["rtf"])
    return {f"{prefix}{name}": value for name, value in found[runs // 2].items()}


def _measured(scene: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as scratch:
        module = "scripts.evaluation.measures.cost"
        command = [sys.executable, "-m", module, str(scene.resolve()), str(Path(scratch, "v.mp4"))]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{scene.name} could not be rendered: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(scene: Path, video: Path) -> dict[str, float]:
    """Renders in this process and measures it; names as in :func:`cost` without their prefix."""
    began: dict[str, float] = {}

    def listen(status: Status) -> None:
        began.setdefault(status.stage, time.perf_counter())

    load = os.getloadavg()[0]
    render_scene(scene, video, RenderSettings(), listen)
    end = time.perf_counter()
    stages = [*began]
    times = dict(zip(stages, [*(began[s] for s in stages[1:]), end], strict=True))
    from studio.performance.models import Models  # only now: that torch has to be loaded is part of the job

    seconds = cv2.VideoCapture(str(video)).get(cv2.CAP_PROP_FRAME_COUNT) / FPS
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    before = time.process_time()
    Models.load()
    weights = time.process_time() - before
    found = {f"rtf_{s.replace(' ', '_')}": (times[s] - began[s]) / seconds for s in stages}
    return {
        "rtf": (end - began[stages[0]]) / seconds,
        **found,
        "cpu": sum(u.ru_utime + u.ru_stime for u in used) / seconds,
        "load": load,
        "load_weights_seconds": weights,
        "load_models_seconds": times["load models"] - began["load models"],
        "memory_mb": most_memory(),
        "seconds": seconds,
    }


def most_memory() -> float:
    """The most memory that this program ever held, MiB.

    Linux's ``ru_maxrss`` also remembers what the program that started this one held.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("video", type=Path)
    args = parser.parse_args()
    print(json.dumps(measure(args.scene, args.video)))
