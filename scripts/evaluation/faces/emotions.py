"""Emotions on rendered faces: six of them on six portraits, named by two networks, silent and while speaking."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from generation.core.motion import N_CHANNELS, ROTATION, WEIGHTS
from generation.motion.keyframes import HANDLES
from masks.landmarks import FaceLandmarker
from scripts.evaluation.faces.clips import ClipScores, score_clip
from scripts.evaluation.faces.networks import FaceJudges
from scripts.evaluation.faces.portraits import JudgedPortrait
from studio.acting.vocabulary import Emotion, expressions

EMOTIONS: tuple[Emotion, ...] = get_args(Emotion)
STILL_FRAMES = 9
SILENT_LINE, SPEAKING_LINE = 0.6, 0.4
"""Shares of frames, without speech and while speaking, in which both networks have to name an emotion first."""
_EVERY = 4
"""Of the frames of speech one in so many is judged."""
_SWAY = np.radians([1.5, 3.0, 1.0])


def shown(emotion: Emotion, intensity: float = 1.0) -> np.ndarray:
    """(57,) motion of a face that shows an emotion as directions show it, at an intensity from 0 to 1."""
    values = np.zeros(N_CHANNELS, np.float32)
    for channel, value in expressions()[emotion][1]:
        values[list(HANDLES[channel].channels)] += value * intensity
    return values.clip(0.0, 1.0)


def silent(pose: np.ndarray) -> np.ndarray:
    """(T, 57) a pose (57,) held while the head sways by a few degrees."""
    motion = np.repeat(pose[None], STILL_FRAMES, 0)
    phase = np.linspace(-np.pi, np.pi, STILL_FRAMES)[:, None]
    motion[:, ROTATION] = _SWAY * np.sin(phase * [1, 2, 3])
    return motion


def speaking(pose: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """(T, 57) every fourth frame of somebody's speech (S, 57) with a pose laid over it, weights at most 1."""
    motion = speech[::_EVERY] + pose
    motion[:, WEIGHTS] = motion[:, WEIGHTS].clip(0.0, 1.0)
    return motion.astype(np.float32)


def judged(
    portrait: JudgedPortrait, motion: np.ndarray, judges: FaceJudges, landmarker: FaceLandmarker, second: bool = True
) -> ClipScores:
    """Scores of a portrait moved by (T, 57)."""
    frames = portrait.frames(motion)
    return score_clip(frames, judges, landmarker, portrait.picture, portrait.face.landmarks, second)


def emotion_figures(
    chosen: Sequence[JudgedPortrait], speech: np.ndarray, networks: Path, emotions: Sequence[Emotion] = EMOTIONS
) -> dict[str, float]:
    """How emotions look to both networks, and how much of somebody they leave.

    Args:
        chosen: the portraits.
        speech: (S, 57) motion of somebody who speaks.
        networks: folder of the judges' files.
        emotions: which; all by default.

    Returns:
        ``emotion_classes``: how many emotions both networks name first in at least 60 % of the frames without and 40 %
        of those with speech, all portraits together; for each emotion the shares by network; ``emotion_portraits_1``
        and ``_2``: portraits an emotion on whose silent frames are named by most, the mean of the six emotions; the
        distance of identity, mean and largest; flicker of still skin in grey levels; and ``speech_blinks_a_minute``.
    """
    judges, landmarker = FaceJudges(networks), FaceLandmarker()
    made: dict[str, float] = {}
    portraits_named: tuple[list[int], list[int]] = ([], [])
    identity: list[np.ndarray] = []
    flickers: list[float] = []
    reached = 0
    for emotion in emotions:
        pose = shown(emotion)
        clips = [(judged(p, silent(pose), judges, landmarker), judged(p, speaking(pose, speech), judges, landmarker))
                 for p in chosen]  # fmt: skip
        shares = []
        for number in (1, 2):
            for kind, part in (("silent", 0), ("speaking", 1)):
                named = [pair[part].named(emotion, _by(pair[part], number)) for pair in clips]
                made[f"{emotion}_{kind}_{number}"] = share = float(np.concatenate(named).mean())
                shares.append(share >= (SILENT_LINE if part == 0 else SPEAKING_LINE))
                if part == 0:
                    portraits_named[number - 1].append(sum(bool(n.mean() > 0.5) for n in named))
        reached += all(shares)
        identity += [pair[0].identity for pair in clips]
        flickers += [pair[0].flicker for pair in clips]
    blinks = [judged(p, speech, judges, landmarker, second=False).blinks_a_minute for p in chosen[:1]]
    return made | {
        "emotion_classes": float(reached),
        "emotion_portraits_1": float(np.mean(portraits_named[0])),
        "emotion_portraits_2": float(np.mean(portraits_named[1])),
        "identity_distance": float(np.mean(np.concatenate(identity))),
        "identity_distance_most": float(np.max(np.concatenate(identity))),
        "skin_flicker": float(np.mean(flickers)),
        "speech_blinks_a_minute": float(np.mean(blinks)),
    }


def _by(scores: ClipScores, network: int) -> np.ndarray:
    return scores.first if network == 1 else scores.second
