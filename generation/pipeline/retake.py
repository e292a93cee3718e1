"""Retake of a span: one person's motion sampled again between what is kept, to the sound that is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from generation.core.clock import samples_from_frames
from generation.core.motion import N_CHANNELS, MotionTrack
from generation.core.performance import AS_SPOKEN, CastMember, Line, Performance
from generation.models.flow import seeded_noise
from generation.motion.keyframes import FADE, KeyedSpan, through_keyframes
from generation.pipeline.conditioning import Condition, Generate, Given
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import Sampling


def regenerate_span(
    pipeline: JointPipeline,
    span: KeyedSpan,
    lines: Sequence[Line],
    cast: Sequence[CastMember],
    kept: Performance,
    routing: np.ndarray,
    seed: int,
    sampling: Sampling,
    on_step: Callable[[int, int], None] | None = None,
) -> MotionTrack:
    """The motion of a span's mover over the whole of ``kept``; anew in the span and its fades, else as it was kept.

    All sound is given and so is everybody's motion outside the span; the network fills the span from noise. At each of
    its steps the predicted motion is bent through the keys, so that channels without a key go along with those that
    have one. Other spans are none of its affair: each is made from the same kept motion.

    Args:
        pipeline: the joint pipeline.
        span: what is wanted.
        lines: all lines of the people in ``cast``.
        cast: some or all of the people.
        kept: their speech and motion.
        routing: as the pipeline takes it.
        seed: of the scene.
        sampling: as the kept motion was sampled.
        on_step: as the pipeline takes it.
    """
    normalizer, who = pipeline.normalizer, span.mover
    first, stop = max(0, span.first - FADE), min(kept.n_frames, span.stop + FADE)
    given: list[Condition] = [
        Given(k, 0, torch.from_numpy(normalizer.motion(part.motion.values))) for k, part in enumerate(kept.characters)
    ]
    noise = _noise(kept.n_frames, span, cast[who].name, seed)[first:stop]

    def steer(first: int, clean: Tensor) -> Tensor:
        values = normalizer.motion_values(clean[0, who].float().cpu().numpy())
        clean, here = clean.clone(), span.shifted(-first)
        keys = tuple(key for key in here.keys if 0 <= key.frame < len(values))
        moved = normalizer.motion(through_keyframes(values, replace(here, keys=keys)))
        clean[0, who] = torch.from_numpy(moved).to(clean)
        return clean

    sampled = pipeline(
        [_heard(line, kept) for line in lines],
        cast,
        kept.n_frames,
        routing=routing,
        seed=seed,
        sampling=sampling,
        motion_conditions=[*given, Generate(who, first, noise)],
        steer=steer if span.keys else None,
        on_step=on_step,
    )
    return sampled.characters[who].motion


def _heard(line: Line, kept: Performance) -> Line:
    """The line with the sound that was made of it in place of synthesis."""
    sound = kept.characters[line.character].speech[samples_from_frames(line.start) : samples_from_frames(line.stop)]
    return replace(line, recording=sound, gaps=(), prosody=AS_SPOKEN)


def _noise(n_frames: int, span: KeyedSpan, name: str, seed: int) -> Tensor:
    """Standard normal noise (T, 57), counted from the line's beginning, so that it moves along with the line."""
    length = span.line.n_frames + 2 * FADE
    own = seeded_noise((length, N_CHANNELS), seed, name, span.line.id, span.take, "retake")
    noise = torch.zeros(n_frames + 2 * FADE, N_CHANNELS)
    noise[span.line.start : span.line.start + length] = own
    return noise[FADE : FADE + n_frames]
