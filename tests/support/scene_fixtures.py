"""A sound scene of two faces for tests of the check, and changes that make it unsound."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import yaml
from skimage.data import astronaut
from sounds import RATE, syllables

from studio.cli import main
from studio.scene.voices import voice_names

FACE = astronaut()[0:256, 100:356]  # one face, 256 x 256
SMALL_FACE = cv2.resize(FACE, (88, 88), interpolation=cv2.INTER_AREA)
Change = Callable[[dict, Path], object]


def write_picture(path: Path, *columns: np.ndarray) -> None:
    cv2.imwrite(str(path), np.concatenate(columns, 1)[..., ::-1])


def write_sound(path: Path, seconds: float = 3.0, level: float = 0.3) -> None:
    soundfile.write(path, syllables(seconds, level=level), RATE, subtype="FLOAT")


def write_photograph_and_hum(folder: Path, seconds: float) -> None:
    """``one.png`` with one face, and ``hm.wav``, 8 kHz, which swells three times a second."""
    write_picture(folder / "one.png", FACE)
    time = np.arange(round(8000 * seconds)) / 8000
    soundfile.write(folder / "hm.wav", 0.3 * np.sin(2 * np.pi * 200 * time) * np.sin(2 * np.pi * 3 * time), 8000)


@cache
def files_of_two_faces() -> dict[str, bytes]:
    """The files beside the sound scene; made once, as hundreds of tests begin with it."""
    recording = io.BytesIO()
    soundfile.write(recording, syllables(3.0, level=0.3), RATE, format="WAV", subtype="FLOAT")
    picture = cv2.imencode(".png", np.concatenate([FACE, FACE[:, ::-1]], 1)[..., ::-1])[1].tobytes()
    return {"two.png": picture, "hello.wav": recording.getvalue()}


def two_faces(folder: Path) -> dict:
    """A sound scene with two faces, two lines and a recording, its files in ``folder``."""
    for name, contents in files_of_two_faces().items():
        (folder / name).write_bytes(contents)
    voice = voice_names()[0]
    return {
        "picture": "two.png",
        "consent": "drawn",
        "cast": [{"name": "ANNA", "voice": voice}, {"name": "BOB", "voice": voice}],
        "script": [
            {"who": "ANNA", "text": "Good morning."},
            {"who": "BOB", "text": "Hello there.", "pause": 0.5},
            {"who": "ANNA", "recording": "hello.wav"},
        ],
    }


def write(scene: dict, folder: Path) -> Path:
    path = folder / "scene.yaml"
    path.write_text(yaml.safe_dump(scene, allow_unicode=True), encoding="utf-8")
    return path


def check(path: Path, capsys: pytest.CaptureFixture) -> tuple[int, list[str]]:
    code = main(["check", str(path)])
    return code, capsys.readouterr().err.splitlines()


def put(*place: str | int, value: object) -> Change:
    """Set one item of the scene."""

    def change(scene: dict, folder: Path) -> None:
        node = scene
        for key in place[:-1]:
            node = node[key]
        node[place[-1]] = value

    return change


def drop(*place: str | int) -> Change:
    """Remove one item of the scene."""

    def change(scene: dict, folder: Path) -> None:
        node = scene
        for key in place[:-1]:
            node = node[key]
        del node[place[-1]]

    return change


def both(*changes: Change) -> Change:
    return lambda scene, folder: [change(scene, folder) for change in changes]
