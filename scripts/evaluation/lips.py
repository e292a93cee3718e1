"""Lips against sound and phonemes, on the motion itself: ours, the rules alone, the teacher, and real clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.audio import Audio
from generation.grid import FPS, HOP, MEL_RATE, SAMPLE_RATE
from generation.labels import label_speech
from generation.metrics import (
    closed,
    contact_frames,
    least_near,
    lip_intensity,
    mouth_loudness,
    mouth_timing,
    open_range,
    pause_frames,
    speech_frames,
    speech_lip_correlation,
)
from generation.motion import N_CHANNELS, WEIGHTS
from generation.phonetics import (
    INNER_LIP_PAIRS,
    LipGeometry,
    TimedPhonemes,
    correct,
    lip_targets,
    loudness_track,
    pauses,
    quiet_frames,
)
from generation.real_motion import Sentence
from generation.rig import FaceRig
from generation.teacher import load_teacher
from generation.voice import voice_from_clip
from masks.topology import LIPS_INNER, LIPS_OUTER
from scripts.evaluation.synthesis import Synthesis, Take


@dataclass(frozen=True)
class Spoken:
    """Lips of one sentence: gap (T,), sound (960 T,), and the video frames of its p, b and m."""

    gap: np.ndarray
    waveform: np.ndarray
    contacts: np.ndarray


def rig_gap(motion: np.ndarray) -> np.ndarray:
    """Inner-lip gap of motion (T, 57) on the rig: mean of three pairs at the middle of the mouth, 0 at rest, (T,)."""
    moved = FaceRig.load().displace(motion[:, WEIGHTS])[..., 1]
    upper, lower = (moved[:, list(points)].mean(1) for points in zip(*INNER_LIP_PAIRS[:3], strict=True))
    return upper - lower


def rig_lips(motion: np.ndarray) -> np.ndarray:
    """Lip points (T, V, 3) of motion (T, 57) on the rig, inter-ocular distances."""
    return FaceRig.load().displace(motion[:, WEIGHTS])[:, [*LIPS_OUTER, *LIPS_INNER]]


def spoken(take: Take, motion: np.ndarray | None = None) -> Spoken:
    """Lips of a take, or of other motion (T, 57) for its sound."""
    gap = rig_gap(take.motion if motion is None else motion)
    return Spoken(gap, take.speech, contact_frames(take.phonemes, take.durations, take.start))


def closure(sentences: Sequence[Spoken]) -> dict[str, float]:
    """Share of p, b and m at which the lips close, and the share of all speech frames that would pass the same test."""
    opening = open_range([s.gap for s in sentences], [s.waveform for s in sentences])
    at, anywhere = [], []
    for sentence in sentences:
        shut = closed(least_near(sentence.gap), opening)
        at.append(shut[sentence.contacts])
        anywhere.append(shut[speech_frames(sentence.waveform)])
    return {
        "closure": float(np.concatenate(at).mean()),
        "closure_chance": float(np.concatenate(anywhere).mean()),
        "open_range": opening,
    }


def loudness(sentences: Sequence[Spoken]) -> dict[str, float]:
    """Mean over sentences of the correlation of lips and loudness."""
    return {"mouth_loudness_r": float(np.mean([mouth_loudness(s.gap, s.waveform) for s in sentences]))}


def pause_closed(sentences: Sequence[Spoken]) -> dict[str, float]:
    """Share of the frames inside pauses with closed lips."""
    opening = open_range([s.gap for s in sentences], [s.waveform for s in sentences])
    shut = [closed(s.gap, opening)[pause_frames(s.waveform)] for s in sentences]
    return {"pause_closed": float(np.concatenate(shut).mean())}


def figures(wanted: set[str], sentences: Sequence[Spoken]) -> dict[str, float]:
    """Those of the three measures above that are wanted."""
    measures = {"closure": closure, "mouth_loudness_r": loudness, "pause_closed": pause_closed}
    return {name: value for key in measures if key in wanted for name, value in measures[key](sentences).items()}


Lips = Callable[[np.ndarray, TimedPhonemes], np.ndarray]
"""Sound of a line (960 n,) and its phonemes -> weights (n, 51)."""


def rules_alone(waveform: np.ndarray, timed: TimedPhonemes) -> np.ndarray:
    """Lips by phonetics and loudness without any network, (n, 51): the rules that correct the teacher, on a still."""
    n_mels = len(waveform) // HOP
    targets = lip_targets(timed, pauses(timed, quiet_frames(waveform, n_mels)), loudness_track(waveform))
    still = np.zeros((n_mels * FPS // MEL_RATE, WEIGHTS.stop), np.float32)
    return correct(still, targets, LipGeometry.of(FaceRig.load()), pull=1.0)


def teacher_lips(work: Path) -> Lips | None:
    """The motion teacher's labels for given sound; None where it was not trained."""
    if not (work / "teacher" / "ema").exists():
        return None
    teacher, lips = load_teacher(work), LipGeometry.of(FaceRig.load())
    return lambda waveform, timed: label_speech(waveform, timed, teacher, lips, seed=0)


def other_motion(take: Take, lips: Lips) -> np.ndarray:
    """Motion (T, 57) that another way of moving lips gives for a take's own sound and phonemes."""
    timed = TimedPhonemes(take.phonemes, np.concatenate([[0], np.cumsum(take.durations)]) / MEL_RATE)
    weights = lips(take.line, timed)
    motion = np.zeros((len(take.motion), N_CHANNELS), np.float32)
    motion[take.start : take.start + len(weights), WEIGHTS] = weights
    return motion


def _clip_contacts(clip: Sentence) -> np.ndarray:
    """Frames of p, b and m of a real clip; its words' times are aligned, the phonemes' share in them is estimated."""
    if clip.timed is None:
        return np.zeros(0, int)
    return contact_frames(clip.timed.symbols, MEL_RATE * np.diff(clip.timed.bounds), 0)


def real_clips(wanted: set[str], synthesis: Synthesis, clips: Sequence[Sentence]) -> dict[str, dict[str, float]]:
    """Real tracked clips, and ours driven by their sound: timing, liveliness, and loudness.

    Returns:
        Figures of ``ours`` and of ``real``.
    """
    ours: dict[str, float] = {}
    real: dict[str, float] = {}
    tracked = [Spoken(clip.gap - np.quantile(clip.gap, 0.1), clip.waveform, _clip_contacts(clip)) for clip in clips]
    real |= figures(wanted - {"pause_closed"}, tracked)
    if not wanted & {"mtm_ms", "slcc_gap"}:
        return {"ours": ours, "real": real}
    voice = voice_from_clip(Audio(np.concatenate([clip.waveform for clip in clips[:3]]), SAMPLE_RATE))
    takes = [synthesis.play(clip.waveform, voice, seed) for seed, clip in enumerate(clips)]
    motions = [t.motion[t.start : t.start + len(clip.motion)] for t, clip in zip(takes, clips, strict=True)]
    if "mtm_ms" in wanted:
        pairs = [mouth_timing(clip.gap, rig_gap(motion)) for clip, motion in zip(clips, motions, strict=True)]
        ours["mtm_ms"] = float(np.mean([p.mean() for p in pairs if len(p)]) * 1000 / FPS)
        ours["mtm_pairs"] = float(np.mean([len(p) for p in pairs]))
        # How far the matching itself goes wrong: real lips against those of the clip after it.
        strangers = [mouth_timing(a.gap, b.gap) for a, b in zip(clips, clips[1:], strict=False)]
        ours["mtm_ms_chance"] = float(np.mean([p.mean() for p in strangers if len(p)]) * 1000 / FPS)
    if "slcc_gap" in wanted:
        sounds = [clip.waveform for clip in clips]
        real["slcc"] = speech_lip_correlation(sounds, [lip_intensity(rig_lips(clip.motion)) for clip in clips])
        ours["slcc"] = speech_lip_correlation(sounds, [lip_intensity(rig_lips(motion)) for motion in motions])
        ours["slcc_gap"] = abs(ours["slcc"] - real["slcc"])
    ours["mouth_loudness_r_real_sound"] = loudness(
        [Spoken(rig_gap(m), c.waveform, np.zeros(0, int)) for m, c in zip(motions, clips, strict=True)]
    )["mouth_loudness_r"]
    return {"ours": ours, "real": real}


