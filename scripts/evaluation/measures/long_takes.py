"""A minute in one pass and half a minute in pixels: do words, voice, lips and the face itself last to the end?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from generation.core.clock import FPS, SAMPLE_RATE, seconds_from_frames
from generation.core.motion import CHANNELS
from generation.metrics.word_errors import word_errors
from generation.motion.rig import STABLE_POINTS, align_similarity, eye_centres
from scripts.evaluation.bootstrap import ratio
from scripts.evaluation.inputs import Prompt
from scripts.evaluation.judges import Judges, divided_as
from scripts.evaluation.measures.lip_sync import closure, rig_gap, spoken
from scripts.evaluation.measures.rendered_face import Portrait
from scripts.evaluation.synthesis import Synthesis

MINUTES = 4
"""Takes of a minute."""
SENTENCES = 16
"""Held-out sentences of a take: some 64 s."""
ENDS = 15
"""Seconds at both ends of a take that are compared."""
WATCHED = 30 * FPS
STILL = 0.002
"""Radians a second below which a head stands still: a tenth of a degree."""
_ROTATION = np.array([name.startswith("headRotation") for name in CHANNELS])


def long_takes(synthesis: Synthesis, judges: Judges, portrait: Portrait, prompts: Sequence[Prompt]) -> dict[str, float]:
    """Takes of a minute that are sampled in one pass.

    Returns:
        ``minute_wer``; ``minute_seconds``: mean length of the takes; ``minute_closure``, on the rig; ``minute_voice``:
        cosine of the last quarter of a minute to the first; ``minute_head_drift``: radians by which the mean pose of
        the head differs between the two; ``identity_drift``: largest of the mean distances, in inter-ocular distances,
        of forehead, temples, nose and eye corners from the picture's, pose taken out, in the last five of 30 rendered
        seconds, tracked again; ``identity_drift_first``: the same in the first five.
    """
    takes = []
    for number in range(min(MINUTES, max(1, len(prompts) // SENTENCES))):
        said = prompts[SENTENCES * number : SENTENCES * (number + 1)]
        takes.append((said, synthesis.speak(" ".join(p.text for p in said), said[0].voice, number)))
    errors, words, voices, drifts = [], [], [], []
    for said, take in takes:
        text = judges.normal(" ".join(prompt.text for prompt in said))
        errors.append(word_errors(text, divided_as(text, judges.words(take.line))))
        words.append(len(text))
        first, last = take.line[: ENDS * SAMPLE_RATE], take.line[-ENDS * SAMPLE_RATE :]
        voices.append(float(judges.voice(first) @ judges.voice(last)))
        poses = [take.motion[where, _ROTATION].mean(0) for where in (slice(ENDS * FPS), slice(-ENDS * FPS, None))]
        drifts.append(float(np.linalg.norm(poses[1] - poses[0])))
    lips = [spoken(take, rig_gap(take.motion), number) for number, (_, take) in enumerate(takes)]
    shut = {f"minute_{name}": value for name, value in closure(lips).items() if name == "closure"}
    off = [_bone_distance(portrait, take.motion[:WATCHED]) for _, take in takes]
    return (
        ratio("minute_wer", range(len(takes)), errors, words)
        | shut
        | {
            "minute_seconds": float(np.mean([take.length for _, take in takes])),
            "minute_voice": float(np.mean(voices)),
            "minute_head_drift": float(max(drifts)),
            "identity_drift_first": float(max(row[: 5 * FPS].mean() for row in off)),
            "identity_drift": float(max(row[-5 * FPS :].mean() for row in off)),
        }
    )


def longest_still_head(motions: Sequence[np.ndarray]) -> float:
    """Longest time in seconds that any of some heads stands still, of motions (T, 57)."""
    longest = 0
    for motion in motions:
        speed = np.linalg.norm(np.diff(motion[:, _ROTATION], axis=0), axis=1) * FPS
        moving = np.flatnonzero(np.concatenate([[True], speed > STILL, [True]]))
        longest = max(longest, int(np.diff(moving).max()) - 1)
    return seconds_from_frames(longest)


def _bone_distance(portrait: Portrait, motion: np.ndarray) -> np.ndarray:
    """(T,) mean distance of what facial motion hardly moves from its place in the picture, pose and size taken out."""
    points, still = portrait.track_video(motion).points[:, STABLE_POINTS], portrait.still
    scale, rotation, shift = align_similarity(points.astype(np.float64), still[STABLE_POINTS].astype(np.float64))
    moved = scale[:, None, None] * points @ np.swapaxes(rotation, 1, 2) + shift[:, None]
    right, left = eye_centres(still)
    return np.linalg.norm(moved - still[STABLE_POINTS], axis=-1).mean(1) / np.linalg.norm(right - left)
