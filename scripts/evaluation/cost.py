"""What a whole job costs: a scene rendered by the studio in a process of its own, stage by stage, with its memory.

python -m scripts.evaluation.cost scene.yaml video.mp4      prints the figures as JSON
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

from generation.grid import FPS
from studio.progress import Status
from studio.render import RenderSettings, render_scene

ROOT = Path(__file__).resolve().parent.parent.parent


def cost(scene: Path, prefix: str, height: int | None = None) -> dict[str, float]:
    """Renders a scene anew and says what it took.

    Returns:
        Under ``prefix``: ``_rtf`` seconds of work per second of video, all in all and for each stage; ``_cpu`` seconds
        of cores' work per second of video, encoder included, which other programs on the machine disturb less;
        ``_load`` the machine's load when it began, so that a figure of a busy machine can be told; ``_memory_mb`` the
        most memory held; ``_seconds`` length of the video.
    """
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "scripts.evaluation.cost", str(scene.resolve()), str(Path(scratch, "v.mp4"))]
        command += ["--height", str(height)] if height else []
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{scene.name} could not be rendered: {done.stderr.strip().splitlines()[-1]}")
    return {f"{prefix}_{name}": value for name, value in json.loads(done.stdout.splitlines()[-1]).items()}


def measure(scene: Path, video: Path, height: int | None) -> dict[str, float]:
    """Renders in this process and measures it; names as in :func:`cost` without their prefix."""
    began: dict[str, float] = {}

    def listen(status: Status) -> None:
        began.setdefault(status.stage, time.perf_counter())

    load = os.getloadavg()[0]
    render_scene(scene, video, RenderSettings(height=height), listen)
    end = time.perf_counter()
    stages = [*began]
    times = dict(zip(stages, [*(began[s] for s in stages[1:]), end], strict=True))
    seconds = cv2.VideoCapture(str(video)).get(cv2.CAP_PROP_FRAME_COUNT) / FPS
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    found = {f"rtf_{s.replace(' ', '_')}": (times[s] - began[s]) / seconds for s in stages}
    return {
        "rtf": (end - began[stages[0]]) / seconds,
        **found,
        "cpu": sum(u.ru_utime + u.ru_stime for u in used) / seconds,
        "load": load,
        "load_models_seconds": times["load models"] - began["load models"],
        "memory_mb": used[0].ru_maxrss / 1024,
        "seconds": seconds,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("--height", type=int)
    args = parser.parse_args()
    print(json.dumps(measure(args.scene, args.video, args.height)))
