"""Tries an adapter: synthesises prompts at several strengths and measures speech and motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.core.clock import MELS_PER_FRAME, samples_from_frames
from generation.core.delivery import blend_deliveries, scale_pauses
from generation.core.motion import WEIGHTS
from generation.core.performance import CastMember, Line
from generation.metrics.lip_sync import closed, contact_frames, least_near, open_range
from generation.metrics.style import mean_figures, motion_figures, speech_figures
from generation.models.duration_predictor import DurationPredictor
from generation.motion.articulation import LipGeometry
from generation.motion.gaze import GazeSpan, add_gaze
from generation.motion.rig import FaceRig
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import DEFAULT_SAMPLING, Sampling

STRENGTHS = (0.0, 0.5, 1.0, 1.5)
_MARGIN = 12
"""Video frames before and after each line."""
_TRIED = "tried"


@dataclass(frozen=True)
class Prompt:
    """Prompt of a trial: phonemes with a pause at both ends, and the speaker embedding (64,)."""

    phonemes: str
    voice: np.ndarray


@dataclass(frozen=True)
class Trial:
    """Trial of an adapter at one strength.

    Attributes:
        figures: means over the lines, by the names of :mod:`generation.metrics.style`.
        lines: each line's sound, (960 n,) float32 at 24 kHz.
    """

    figures: dict[str, float]
    lines: tuple[np.ndarray, ...]


def try_adapter(
    pipeline: JointPipeline,
    durations: DurationPredictor,
    path: Path,
    prompts: Sequence[Prompt],
    strengths: Sequence[float] = STRENGTHS,
    sampling: Sampling = DEFAULT_SAMPLING,
) -> dict[float, Trial]:
    """Speaks all prompts at each strength, from the same noise.

    Args:
        pipeline: the base.
        durations: says how long each symbol lasts.
        path: the adapter's file; its voice, if it has one, takes the place of the prompts' in step with the strength.
        prompts: what is said by whom.
        strengths: 0 = the base.
        sampling: of the lines.
    """
    pipeline.adapters.load(_TRIED, path)
    try:
        return {s: _trial(pipeline, durations, prompts, s, sampling) for s in strengths}
    finally:
        pipeline.adapters.unload(_TRIED)


def _trial(
    pipeline: JointPipeline,
    durations: DurationPredictor,
    prompts: Sequence[Prompt],
    strength: float,
    sampling: Sampling,
) -> Trial:
    delivery = blend_deliveries([(pipeline.adapters.about(_TRIED).delivery, strength)])
    found, sounds, gaps, contacts = [], [], [], []
    lips = LipGeometry.of(FaceRig.load())
    for number, prompt in enumerate(prompts):
        voice = pipeline.adapters.adapted_voice(prompt.voice, {_TRIED: strength})
        lengths = scale_pauses(
            prompt.phonemes, durations.predict(prompt.phonemes, voice, delivery.tempo), delivery.pauses
        )
        lengths = (*lengths[:-1], lengths[-1] + -sum(lengths) % MELS_PER_FRAME)
        line = Line(str(number), 0, _MARGIN, sum(lengths) // MELS_PER_FRAME, prompt.phonemes, lengths)
        n_frames = line.n_frames + 2 * _MARGIN
        member = CastMember("SPEAKER", voice, adapters=((_TRIED, strength),))
        made = pipeline([line], [member], n_frames, seed=number, sampling=sampling)
        made = add_gaze(made, [GazeSpan(0, n_frames, str(number), (delivery,))], np.zeros(1, np.float32))
        part = made.characters[0]
        sound = part.speech[samples_from_frames(line.start) : samples_from_frames(line.stop)]
        found.append(speech_figures(sound, prompt.phonemes, lengths) | motion_figures(part.motion.values))
        sounds.append(sound)
        gaps.append(lips.gap(part.motion.values[line.start : line.stop, WEIGHTS]))
        contacts.append(contact_frames(prompt.phonemes, lengths, 0))
    return Trial(mean_figures(found) | contacts_closed(gaps, sounds, contacts), tuple(sounds))


def contacts_closed(
    gaps: Sequence[np.ndarray], sounds: Sequence[np.ndarray], contacts: Sequence[np.ndarray]
) -> dict[str, float]:
    """``closure``: share of p, b and m at which the lips close on the rig."""
    opening = open_range(gaps, sounds)
    shut = [closed(least_near(gap), opening)[at] for gap, at in zip(gaps, contacts, strict=True)]
    return {"closure": float(np.concatenate(shut).mean())} if any(map(len, shut)) else {}


def monotone(trials: dict[float, Trial], figure: str, direction: int) -> bool:
    """Whether a figure goes the right way from each strength to the next; it does not where a strength has none."""
    values = [trials[strength].figures.get(figure, np.nan) for strength in sorted(trials)]
    return all(direction * (after - before) > 0 for before, after in zip(values, values[1:], strict=False))
