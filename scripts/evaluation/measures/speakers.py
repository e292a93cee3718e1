"""Speaker similarity of presets and of voices cloned from a clip, beside that of the teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generation.core.clock import SAMPLE_RATE
from generation.data.joint_dataset import HELD_OUT_VOICES
from scripts.evaluation.bootstrap import mean
from scripts.evaluation.inputs import Corpus, Prompt
from scripts.evaluation.judges import Judges
from scripts.evaluation.peers import Peers
from scripts.evaluation.synthesis import Synthesis, Take

OWN_RECORDINGS = 8
"""Recordings whose mean stands for a voice."""
CLIP_SECONDS = (5.0, 15.0)
JOE = "joe"


@dataclass(frozen=True)
class _Unseen:
    """A voice never trained on: a clip (S,) at 24 kHz of 5 to 15 s, and other recordings that stand for it."""

    name: str
    clip: np.ndarray
    others: list[np.ndarray]


def presets(
    judges: Judges, corpus: Corpus, prompts: Sequence[Prompt], takes: Sequence[Sequence[Take]]
) -> dict[str, float]:
    """``sim``: mean cosine of our sentences to the recordings of the voice that each preset was learned from."""
    known = {name: voice_centre(judges, corpus, name) for name in {prompt.voice for prompt in prompts}}
    values, numbers = [], []
    for number, prompt in enumerate(prompts):
        for take in takes[number]:
            values.append(float(judges.voice(take.line) @ known[prompt.voice]))
            numbers.append(number)
    return mean("sim", numbers, values)


def same_voice(judges: Judges, corpus: Corpus, names: Sequence[str]) -> dict[str, float]:
    """What recordings reach: each to the mean of its voice's other ones."""
    values = []
    for name in names:
        own = _own(corpus, name)
        values += [float(judges.voice(w) @ _centre(judges, own[:i] + own[i + 1 :])) for i, w in enumerate(own)]
    return mean("sim", range(len(values)), values)


def unseen(
    judges: Judges, synthesis: Synthesis, corpus: Corpus, peers: Peers, prompts: Sequence[Prompt]
) -> dict[str, dict[str, float]]:
    """Voices from a clip: the corpus's four that no training saw, and Piper's joe, each saying all the sentences.

    Returns:
        For ``ours`` ``sim_unseen`` and one figure a voice, for ``kokoro`` and ``piper`` how near the voices' own other
        recordings are to the same mean.
    """
    voices = [_split(name, [r.waveform for r in corpus.of_voice(name, 3 * OWN_RECORDINGS)]) for name in HELD_OUT_VOICES]
    if "piper" in peers.here:
        voices.append(_split(JOE, [peers.piper(prompt.text).waveform for prompt in corpus.prompts(OWN_RECORDINGS + 4)]))
    ours: dict[str, float] = {}
    values, numbers = [], []
    for voice in voices:
        centre = _centre(judges, voice.others)
        cloned = synthesis.models.cloned(voice.clip)
        own = []
        for number, prompt in enumerate(prompts):
            take = synthesis.speak(prompt.text, voice.name, number, cloned)
            own.append(float(judges.voice(take.line) @ centre))
            numbers.append(number)
        ours[f"sim_unseen_{voice.name}"] = float(np.mean(own))
        values += own
    ours |= mean("sim_unseen", numbers, values)
    theirs = {voice.name: _self_similarity(judges, voice.others) for voice in voices}
    found = {"ours": ours, "kokoro": {"sim_unseen": float(np.mean([theirs[name] for name in HELD_OUT_VOICES]))}}
    return found | ({"piper": {"sim_unseen": theirs[JOE]}} if JOE in theirs else {})


def voice_centre(judges: Judges, corpus: Corpus, name: str) -> np.ndarray:
    """What stands for a voice of the corpus: the mean of its recordings' embeddings, (256,) of length 1."""
    return _centre(judges, _own(corpus, name))


def _own(corpus: Corpus, name: str) -> list[np.ndarray]:
    return [recording.waveform for recording in corpus.of_voice(name, OWN_RECORDINGS)]


def _centre(judges: Judges, waveforms: Sequence[np.ndarray]) -> np.ndarray:
    total = np.mean([judges.voice(w) for w in waveforms], 0)
    return total / np.linalg.norm(total)


def _self_similarity(judges: Judges, waveforms: list[np.ndarray]) -> float:
    values = [judges.voice(w) @ _centre(judges, waveforms[:i] + waveforms[i + 1 :]) for i, w in enumerate(waveforms)]
    return float(np.mean(values))


def _split(name: str, waveforms: Sequence[np.ndarray]) -> _Unseen:
    """The first recordings that together last 5 s become the clip, the next eight stand for the voice."""
    length, used = 0, 0
    while length < CLIP_SECONDS[0] * SAMPLE_RATE:
        length += len(waveforms[used])
        used += 1
    clip = np.concatenate(waveforms[:used])[: int(CLIP_SECONDS[1] * SAMPLE_RATE)]
    return _Unseen(name, clip, list(waveforms[used : used + OWN_RECORDINGS]))
