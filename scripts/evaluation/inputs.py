"""Inputs of the evaluation: held-out sentences of the corpus and our own, and held-out tracked clips."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from generation.core.clock import frames_covering_samples, samples_from_frames
from generation.data.corpus import durations_on_grid
from generation.data.corpus_builder import TRAINING_VOICES
from generation.text.phoneme_sequence import PAUSE

HELD_OUT = ("test", "dev")
OWN_SENTENCES = Path(__file__).with_name("sentences.txt")


@dataclass(frozen=True)
class Recording:
    """One recording of the speech corpus on the 25 frames/s clock.

    Attributes:
        id: name in the manifest.
        text: what is said.
        voice: its one voice; None for a blend.
        waveform: (960 T,) float32, 24 kHz.
        phonemes: symbols, a pause at both ends included.
        durations: mel frames per symbol; they sum to ``4 * T``.
    """

    id: str
    text: str
    voice: str | None
    waveform: np.ndarray
    phonemes: str
    durations: tuple[int, ...]


@dataclass(frozen=True)
class Prompt:
    """A sentence to be said, the preset that says it, and its name in the corpus; None if it is not there."""

    text: str
    voice: str
    recording: str | None


class Corpus:
    """The speech corpus under a shared folder.

    Raises:
        FileNotFoundError: it is not there.
    """

    def __init__(self, shared: Path) -> None:
        self.folder = shared / "corpus"
        manifest = self.folder / "manifest.jsonl"
        if not manifest.is_file():
            raise FileNotFoundError(f"No speech corpus in {shared}; name the folder that holds corpus/ with --shared.")
        self.rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
        self._by_id = {row["id"]: row for row in self.rows}

    def prompts(self, count: int) -> list[Prompt]:
        """Sentences that no training saw in any voice: the corpus's held-out ones and our own, mixed, presets in turn.

        Raises:
            ValueError: more are asked for than there are.
        """
        rows = [row for split in HELD_OUT for row in self.rows if row["split"] == split]
        texts = [(row["text"], row["id"]) for row in rows] + [(text, None) for text in own_sentences()]
        if count > len(texts):
            raise ValueError(f"There are {len(texts)} held-out sentences; {count} were asked for.")
        found = [Prompt(t, TRAINING_VOICES[i % len(TRAINING_VOICES)], r) for i, (t, r) in enumerate(texts)]
        return sorted(found, key=lambda prompt: hashlib.sha256(prompt.text.encode()).digest())[:count]

    def recording(self, name: str) -> Recording:
        """One recording by its name in the manifest."""
        return self._read(self._by_id[name])

    def of_voice(self, voice: str, count: int) -> list[Recording]:
        """Recordings of one voice, unblended, outside the held-out sentences."""
        rows = [row for row in self.rows if row["split"] == "train" and list(row["voices"]) == [voice]]
        return [self._read(row) for row in rows[:count]]

    def _read(self, row: dict) -> Recording:
        samples, _ = soundfile.read(self.folder / "audio" / f"{row['id']}.opus", dtype="float32")
        n_frames = frames_covering_samples(row["samples"])
        waveform = np.zeros(samples_from_frames(n_frames), np.float32)
        waveform[: min(len(samples), row["samples"])] = samples[: row["samples"]]
        voices = list(row["voices"])
        return Recording(
            row["id"],
            row["text"],
            voices[0] if len(voices) == 1 else None,
            waveform,
            PAUSE + row["phonemes"] + PAUSE,
            durations_on_grid(row["durations"], n_frames),
        )


def own_sentences() -> list[str]:
    """Sentences written for the evaluation alone."""
    lines = OWN_SENTENCES.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def language_sentences(language: str) -> list[str]:
    """Held-out sentences of es, fr, it or pt."""
    path = OWN_SENTENCES.with_name(f"sentences_{language}.txt")
    return path.read_text(encoding="utf-8").splitlines()


def plain(text: str) -> str:
    """A text without case, punctuation and spacing, to find repetitions."""
    return " ".join(re.findall(r"[\w']+", text.casefold()))
