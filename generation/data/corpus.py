"""The speech corpus as memory-mapped arrays: sound, mel, phonemes with their times, voices."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generation.audio.mel import mel_spectrogram
from generation.core.clock import (
    HOP,
    MEL_RATE,
    MELS_PER_FRAME,
    N_MELS,
    frames_covering_samples,
    mels_from_frames,
    samples_from_frames,
)
from generation.text.phoneme_sequence import PAUSE
from generation.text.timed_phonemes import CORPUS_DELAY_SECONDS

logger = logging.getLogger(__name__)
UNIT_SAMPLES = 600
"""Length of the corpus's unit of duration (25 ms)."""


@dataclass(frozen=True)
class Utterance:
    """One recording of the corpus and where it lies in the arrays.

    Attributes:
        id: name in the manifest.
        first: first video frame in the arrays.
        n_frames: length in video frames.
        text: what is said.
        phonemes: symbols, a pause at both ends included.
        durations: mel frames per symbol; they sum to ``4 * n_frames``.
        voices: voice name -> weight.
        split: train, dev or test.
        speed: speaking rate asked of the teacher.
        language: by its name in eSpeak NG.
    """

    id: str
    first: int
    n_frames: int
    text: str
    phonemes: str
    durations: tuple[int, ...]
    voices: dict[str, float]
    split: str
    speed: float
    language: str = "en-us"


def durations_on_grid(units: list[int], n_frames: int) -> tuple[int, ...]:
    """Durations in 25 ms units -> mel frames; boundaries are rounded, never lengths, and the last one ends the grid.

    The corpus's times lag behind its sound by ``CORPUS_DELAY_SECONDS``, which is taken off here.
    """
    delay = CORPUS_DELAY_SECONDS * MEL_RATE
    boundaries = np.round(np.cumsum(units) * UNIT_SAMPLES / HOP - delay).clip(1).astype(int)
    boundaries[-1] = mels_from_frames(n_frames)
    return tuple(int(d) for d in np.diff(boundaries, prepend=0))


def corpus_rows(corpora: Sequence[Path]) -> list[tuple[dict[str, Any], Path]]:
    """Rows of all manifests in order, each with the file of its sound.

    Args:
        corpora: folders that hold ``manifest.jsonl`` and ``audio``, each once.
    """
    rows = []
    for corpus in corpora:
        lines = (corpus / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
        rows += [(row, corpus / "audio" / f"{row['id']}.opus") for row in map(json.loads, lines)]
    return rows


def build_speech_corpus(corpora: Sequence[Path], work: Path) -> None:
    """Decodes the corpora once: ``work/features/{wave,mel}.npy`` and ``index.json``.

    Args:
        corpora: see :func:`corpus_rows`.
        work: where the arrays go.
    """
    import soundfile

    folder = work / "features"
    folder.mkdir(parents=True, exist_ok=True)
    rows = corpus_rows(corpora)
    lengths = [frames_covering_samples(row["samples"]) for row, _ in rows]
    total = sum(lengths)
    wave = np.lib.format.open_memmap(folder / "wave.npy", "w+", np.int16, (samples_from_frames(total),))
    mel = np.lib.format.open_memmap(folder / "mel.npy", "w+", np.float16, (mels_from_frames(total), N_MELS))
    index: list[dict[str, Any]] = []
    first = 0
    for (row, sound), n_frames in zip(rows, lengths, strict=True):
        samples, _ = soundfile.read(sound, dtype="float32")
        padded = np.zeros(samples_from_frames(n_frames), np.float32)
        padded[: len(samples)] = samples[: len(padded)]
        wave[samples_from_frames(first) : samples_from_frames(first + n_frames)] = np.round(
            padded.clip(-1, 1) * 32767
        ).astype(np.int16)
        mel[mels_from_frames(first) : mels_from_frames(first + n_frames)] = mel_spectrogram(
            torch.from_numpy(padded)
        ).numpy()
        index.append(
            {
                "id": row["id"],
                "first": first,
                "n_frames": n_frames,
                "text": row["text"],
                "phonemes": PAUSE + row["phonemes"] + PAUSE,
                "durations": durations_on_grid(row["durations"], n_frames),
                "voices": row["voices"],
                "split": row["split"],
                "speed": row["speed"],
                "language": row.get("lang", "en-us"),
            }
        )
        first += n_frames
        if len(index) % 200 == 0:
            logger.info("features: %d of %d utterances", len(index), len(rows))
    wave.flush()
    mel.flush()
    (folder / "index.json").write_text(json.dumps(index, ensure_ascii=False))


@dataclass(frozen=True)
class SpeechCorpus:
    """The arrays of :func:`build_speech_corpus`: wave (S,) int16, mel (M, 100) float16, utterances in order."""

    wave: np.ndarray
    mel: np.ndarray
    utterances: tuple[Utterance, ...]

    @classmethod
    def load(cls, work: Path) -> SpeechCorpus:
        """Opens what :func:`build_speech_corpus` wrote under ``work``."""
        folder = work / "features"
        rows = json.loads((folder / "index.json").read_text())
        utterances = tuple(Utterance(**(row | {"durations": tuple(row["durations"])})) for row in rows)
        return cls(np.load(folder / "wave.npy", mmap_mode="r"), np.load(folder / "mel.npy", mmap_mode="r"), utterances)

    def split(self, *names: str) -> list[Utterance]:
        """The utterances of the named splits."""
        return [u for u in self.utterances if u.split in names]

    def mel_of(self, utterance: Utterance) -> np.ndarray:
        """(4 T, 100) float32 log-mel of one utterance."""
        a = mels_from_frames(utterance.first)
        return np.asarray(self.mel[a : a + MELS_PER_FRAME * utterance.n_frames], np.float32)

    def wave_of(self, utterance: Utterance) -> np.ndarray:
        """(960 T,) float32 samples of one utterance."""
        a = samples_from_frames(utterance.first)
        return np.asarray(self.wave[a : a + samples_from_frames(utterance.n_frames)], np.float32) / 32767


def waveform_batches(
    features: SpeechCorpus, batch_size: int, n_frames: int
) -> Callable[[torch.Generator], torch.Tensor]:
    """Random crops of training recordings: a function generator -> (B, 960 n_frames) float32."""
    utterances = [u for u in features.split("train") if u.n_frames > n_frames]

    def batch(generator: torch.Generator) -> torch.Tensor:
        rows = []
        for which in torch.randint(len(utterances), (batch_size,), generator=generator).tolist():
            u = utterances[which]
            start = int(torch.randint(u.n_frames - n_frames, (1,), generator=generator))
            a = samples_from_frames(u.first + start)
            rows.append(np.asarray(features.wave[a : a + samples_from_frames(n_frames)], np.float32) / 32767)
        return torch.from_numpy(np.stack(rows))

    return batch
