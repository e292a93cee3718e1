"""What is heard in other languages than English: multilingual Whisper base, out of two published packages."""

from __future__ import annotations

import hashlib
import logging
import re
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from generation.recordings.multilingual_whisper import PACKAGES, package_folders, put_together
from generation.text.languages import espeak_name
from generation.text.reading import read_text
from scripts.evaluation.cache import keep
from scripts.evaluation.judges import at_networks_rate

log = logging.getLogger(__name__)


def is_here() -> bool:
    """Whether the packages are installed."""
    return all(find_spec(name) is not None for name in ("faster_whisper", *PACKAGES))


class MultilingualListener:
    """Whisper base told the language, greedy; sounds are (S,) float32 at 24 kHz.

    Args:
        kept: folder of the network and of what was heard.
    """

    def __init__(self, kept: Path) -> None:
        self._kept = kept

    def text(self, waveform: np.ndarray, code: str) -> str:
        """What is heard, as the recogniser writes it.

        Args:
            waveform: (S,).
            code: es, fr, it or pt.
        """
        path = self._kept / "heard" / f"{code}_{hashlib.sha256(waveform.tobytes()).hexdigest()[:24]}.npy"
        if not path.is_file():
            keep(path, np.array(self._transcribe(waveform, code)))
        return str(np.load(path))

    def _transcribe(self, waveform: np.ndarray, code: str) -> str:
        segments, _ = self._whisper.transcribe(
            at_networks_rate(waveform), language=code, beam_size=1, temperature=0.0, condition_on_previous_text=False
        )
        return "".join(segment.text for segment in segments).strip()

    @cached_property
    def _whisper(self):  # noqa: ANN202 - a type of an optional package
        from faster_whisper import WhisperModel

        folder = self._kept / "network"
        put_together(package_folders(), folder)
        return WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=torch.get_num_threads())


def plain_words(text: str, code: str) -> str:
    """A text as it is said by our reading rules, without case and punctuation: figures and words count alike."""
    said = read_text(text, espeak_name(code)).words.casefold().replace("œ", "oe").replace("æ", "ae")
    return " ".join(re.findall(r"\w+", said))
