"""Lines that two people say together, through the studio: the same clock, their own voices, both mouths."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from generation.core.clock import SAMPLE_RATE, samples_from_frames
from generation.metrics.binding import correlation
from generation.metrics.lip_sync import contact_frames
from scripts.evaluation.bootstrap import mean
from scripts.evaluation.inputs import Corpus, Prompt
from scripts.evaluation.judges import Judges
from scripts.evaluation.measures.lip_sync import Spoken, closure, rig_gap
from scripts.evaluation.measures.speakers import voice_centre
from scripts.evaluation.measures.voice_routing import opening_of
from scripts.evaluation.scene_runs import SceneRun, perform, write_drawn
from scripts.evaluation.synthesis import Synthesis

SCENES = 6
SENTENCES = 4
"""Lines a scene, one sentence each."""


def said_together(
    synthesis: Synthesis, judges: Judges, corpus: Corpus, prompts: Sequence[Prompt], kept: Path
) -> dict[str, float]:
    """Two drawn people with different presets say held-out sentences together.

    Returns:
        ``together_r``: mean over lines and faces of the correlation of lips and the loudness of the own voice;
        ``together_closure``; ``together_onsets_ms``: how far the two beginnings of a word are apart by forced
        alignment, the mean, ``_p95`` the 95th percentile; ``together_sim``: cosine to the own voice's recordings,
        ``together_sim_other`` to the other's.
    """
    presets = {preset.trained_on: name for name, preset in synthesis.bank.presets.items()}
    names = sorted({prompt.voice for prompt in prompts if prompt.voice in presets})
    centres = {name: voice_centre(judges, corpus, name) for name in names}
    lips: list[Spoken] = []
    follows, onsets, own, other = [], [], [], []
    for number in range(SCENES):
        pair = [names[(2 * number + k) % len(names)] for k in range(2)]
        texts = [prompts[(SENTENCES * number + i) % len(prompts)].text for i in range(SENTENCES)]
        run = perform(_write(kept / "together" / str(number), [presets[name] for name in pair], texts), synthesis)
        for index, text in enumerate(texts):
            sounds, gaps = _sounds_and_gaps(run, index)
            follows += [correlation(gap, opening_of(sound)) for sound, gap in zip(sounds, gaps, strict=True)]
            line = run.timeline.lines[index]
            contacts = contact_frames(line.phonemes, line.durations, 0)
            lips += [Spoken(gap, sound, contacts, number) for sound, gap in zip(sounds, gaps, strict=True)]
            first, second = (np.array([w.start for w in judges.lay(text.split(), sound)]) for sound in sounds)
            onsets += (1000 * np.abs(first - second)).tolist()
        for k, name in enumerate(pair):
            said = np.concatenate([_sounds_and_gaps(run, index)[0][k] for index in range(SENTENCES)])
            voice = judges.voice(said[: 30 * SAMPLE_RATE])
            own.append(float(voice @ centres[name]))
            other.append(float(voice @ centres[pair[1 - k]]))
    shut = {f"together_{name}": value for name, value in closure(lips).items() if name.startswith("closure")}
    return (
        shut
        | mean("together_r", range(len(follows)), follows)
        | {"together_onsets_ms": float(np.mean(onsets)), "together_onsets_ms_p95": float(np.quantile(onsets, 0.95))}
        | mean("together_sim", range(len(own)), own)
        | {"together_sim_other": float(np.mean(other))}
    )


def _write(folder: Path, voices: Sequence[str], texts: Sequence[str]) -> Path:
    path = write_drawn(folder, voices, [(0, text, 0.4) for text in texts], reverse=False)
    scene = json.loads(path.read_text(encoding="utf-8"))
    everybody = [member["name"] for member in scene["cast"]]
    scene["script"] = [line | {"who": everybody} for line in scene["script"]]
    path.write_text(json.dumps(scene), encoding="utf-8")
    return path


def _sounds_and_gaps(run: SceneRun, index: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Sound and lip gap of both people in a line."""
    line, sounds, gaps = run.timeline.lines[index], [], []
    for part in run.performance.characters:
        sounds.append(part.speech[samples_from_frames(line.start) : samples_from_frames(line.stop)])
        gaps.append(rig_gap(part.motion.values)[line.start : line.stop])
    return sounds, gaps
