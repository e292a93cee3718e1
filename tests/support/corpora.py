"""Small speech corpora of which every frame is known."""

from __future__ import annotations

import numpy as np

from generation.data import joint_dataset
from generation.data.corpus import SpeechCorpus, Utterance
from generation.data.corpus_builder import tidy_texts

TEXTS = tidy_texts([f"This is the sentence with number {n} of many" for n in range(400)])
"""Sentences for a corpus, each once."""


def synthetic_features() -> SpeechCorpus:
    """Six utterances of 40 to 90 frames whose mel tells which utterance and frame it is."""
    utterances, mels, first = [], [], 0
    for i in range(6):
        n = 40 + 10 * i
        phonemes = " həlˈoʊ "
        durations = (20, *[10] * 6, 4 * n - 80)
        voices = {"af_a": 1.0} if i % 2 else {"af_a": 0.5, "bm_b": 0.5}
        if i == 5:
            voices = {joint_dataset.HELD_OUT_VOICES[0]: 1.0}
        split = "test" if i == 4 else "train"
        utterances.append(Utterance(f"u{i}", first, n, "hello", phonemes, durations, voices, split, 1.0))
        mel = np.full((4 * n, 100), -3.0 - i, np.float16)
        mel[:, 0] = np.arange(4 * n) / 100
        mels.append(mel)
        first += n
    wave = np.arange(960 * first, dtype=np.int64) // 960
    return SpeechCorpus(wave.astype(np.int16), np.concatenate(mels), tuple(utterances))
