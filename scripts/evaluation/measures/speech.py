"""Speech quality by judge networks: word errors, missing words, quality and cost, ours and the peers'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from generation.core.clock import SAMPLE_RATE
from generation.metrics.word_errors import word_alignment, word_errors
from scripts.evaluation.bootstrap import mean, ratio
from scripts.evaluation.inputs import Corpus, Prompt
from scripts.evaluation.judges import Judges, divided_as
from scripts.evaluation.peers import Peers
from scripts.evaluation.synthesis import Synthesis, Take

ABSENT, PRESENT, SHORTEST = 0.02, 0.5, 0.06
"""A word laid on the sound by force is missing below this probability; an added one is there above that and as long."""


@dataclass(frozen=True)
class Said:
    """One sound and what it should be: sentence number, its text, sound (S,) at 24 kHz, seconds of one core or None."""

    number: int
    text: str
    waveform: np.ndarray
    cost: float | None = None


def speech_quality(
    wanted: set[str], judges: Judges, synthesis: Synthesis, corpus: Corpus, prompts: Sequence[Prompt],
    takes: Sequence[Sequence[Take]], peers: Peers,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Speech figures by system.

    Args:
        wanted: names of metrics.
        judges: who listens.
        synthesis: the shipped models.
        corpus: the recordings.
        prompts: the sentences.
        takes: ours, for each sentence one a seed.
        peers: the other systems.

    Returns:
        ``ours``, ``kokoro``, ``piper``, and for those sentences that the corpus has, in whichever voice, its
        ``recordings`` and these through our vocoder, ``recordings_vocoder``.
    """
    ours = [Said(i, p.text, take.line, None) for i, p in enumerate(prompts) for take in takes[i]]
    systems: dict[str, list[Said]] = {"ours": ours, "recordings": [], "recordings_vocoder": []}
    for name in sorted(peers.here):
        spoken = [peers.piper(p.text) if name == "piper" else peers.kokoro(p.text, p.voice) for p in prompts]
        systems[name] = [Said(i, p.text, s.waveform, s.cost) for i, (p, s) in enumerate(zip(prompts, spoken))]
    for i, prompt in enumerate(prompts):
        if prompt.recording is not None:
            sound = corpus.recording(prompt.recording).waveform
            systems["recordings"].append(Said(i, prompt.text, sound))
            systems["recordings_vocoder"].append(Said(i, prompt.text, synthesis.vocoded(sound)))
    figures = {name: _figures(wanted, judges, said) for name, said in systems.items() if said}
    if "changed" in wanted and "kokoro" in systems:
        teacher = {said.number: said.waveform for said in systems["kokoro"]}
        figures["ours"] |= changed(judges, ours, teacher)
    return figures


def _figures(wanted: set[str], judges: Judges, said: Sequence[Said]) -> dict[str, float]:
    found: dict[str, float] = {}
    numbers = [s.number for s in said]
    if "wer" in wanted:
        words = [judges.normal(s.text) for s in said]
        heard = [divided_as(w, judges.words(s.waveform)) for w, s in zip(words, said, strict=True)]
        errors = [word_errors(w, h) for w, h in zip(words, heard, strict=True)]
        found |= ratio("wer", numbers, errors, [len(w) for w in words])
    if wanted & {"p808", "dnsmos_ovrl"}:
        scores = np.array([judges.quality(s.waveform) for s in said])
        found |= mean("p808", numbers, scores[:, 1]) | mean("dnsmos_ovrl", numbers, scores[:, 0])
    costs = [s.cost for s in said if s.cost is not None]
    if costs:
        found["rtf_speech"] = sum(costs) / sum(len(s.waveform) / SAMPLE_RATE for s in said)
    return found


def changed(judges: Judges, ours: Sequence[Said], teacher: Mapping[int, np.ndarray]) -> dict[str, float]:
    """Share of takes with a word left out or added that the teacher's reading does not have.

    Returns:
        ``changed_heard``: as the recogniser writes it down; ``changed``: those that forced alignment confirms, that is
        the missing word, laid on the sound, is most unlikely there, or the added one likely and not over in a moment.
    """
    heard, confirmed = [], []
    for said in ours:
        words = judges.normal(said.text)
        reading = divided_as(words, judges.words(teacher[said.number]))
        theirs = Counter((kind, word) for kind, word, _ in _changes(words, reading))
        found = divided_as(words, judges.words(said.waveform))
        left = []
        for kind, word, place in _changes(words, found):
            if theirs[kind, word]:
                theirs[kind, word] -= 1
            else:
                left.append((kind, place))
        heard.append(bool(left))
        confirmed.append(bool(left) and _confirmed(judges, said.waveform, words, found, left))
    numbers = [said.number for said in ours]
    return mean("changed_heard", numbers, heard) | mean("changed", numbers, confirmed)


def _changes(words: Sequence[str], heard: Sequence[str]) -> list[tuple[str, str, int]]:
    """Words left out and added: kind, word, and its place among the words or among what was heard."""
    pairs = word_alignment(words, heard)
    left_out = [("out", words[i], i) for i, j in pairs if i is not None and j is None]
    return left_out + [("in", heard[j], j) for i, j in pairs if i is None and j is not None]


def _confirmed(
    judges: Judges, waveform: np.ndarray, words: list[str], heard: list[str], changes: Sequence[tuple[str, int]]
) -> bool:
    for kind, place in changes:
        laid = judges.lay(words if kind == "out" else heard, waveform)[place]
        if kind == "out" and laid.probability < ABSENT:
            return True
        if kind == "in" and laid.probability > PRESENT and laid.seconds >= SHORTEST:
            return True
    return False
