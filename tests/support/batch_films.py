"""Short scenes that the tiny models film, and films compared by what is seen and heard in them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import cv2
import soundfile
from batch_fixtures import write_scene
from imageio_ffmpeg import get_ffmpeg_exe
from skimage.data import astronaut

PROGRAM = Path(__file__).with_name("tiny_batch.py")
FAULTS = ("nobody", "nowhere", "unread")


def write_scenes(folder: Path, count: int, faulty: bool = True) -> Path:
    """So many scenes of a second or less, three of them with faults of their own."""
    folder.mkdir()
    cv2.imwrite(str(folder / "one.png"), astronaut()[0:256, 100:356, ::-1])
    n_good = count - len(FAULTS) if faulty else count
    for number in range(n_good):
        write_scene(folder, f"s{number:02d}", "Yes.", consent="drawn", seed=number)
    if faulty:
        write_scene(folder, "nobody", consent="drawn", script=[{"NOBODY": "Hello."}])
        write_scene(folder, "nowhere", consent="drawn", picture="gone.png")
        (folder / "unread.yaml").write_text("cast: [", "utf-8")
    return folder


def start(assets: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    """``parley batch`` with the tiny models."""
    command = [sys.executable, str(PROGRAM), str(assets), "batch", *map(str, arguments)]
    root = str(PROGRAM.parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def seen_and_heard(folder: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Of each film below a folder, hashes of its decoded frames and of every stem's samples."""
    films = {}
    for film in sorted(folder.glob("*/*.mp4")):
        options = ["-v", "error", "-i", str(film), "-map", "0:v", "-f", "framemd5", "-"]
        frames = subprocess.run([get_ffmpeg_exe(), *options], capture_output=True, check=True).stdout
        sounds = {path.name: soundfile.read(path)[0].tobytes() for path in sorted(film.parent.glob("*.wav"))}
        stems = {name: hashlib.sha256(samples).hexdigest() for name, samples in sounds.items()}
        films[film.stem] = (hashlib.sha256(frames).hexdigest(), stems)
    return films
