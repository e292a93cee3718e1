"""Lip-sync measures on the motion itself: ours, the rules alone, the teacher, and real clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from generation.audio.voice_activity import loudness_track, quiet_frames, speech_frames
from generation.audio.waveform import Audio
from generation.core.clock import FPS, HOP, MEL_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from generation.core.motion import INDEX, N_CHANNELS, WEIGHTS
from generation.data.grid_corpus import Sentence
from generation.data.grid_corpus import clip as as_clip
from generation.labels.motion_labels import label_speech
from generation.labels.motion_teacher import load_teacher
from generation.metrics.lip_sync import (
    closed,
    contact_frames,
    least_near,
    lip_intensity,
    mouth_loudness,
    mouth_timing,
    open_range,
    pause_frames,
    speech_lip_correlation,
)
from generation.motion.articulation import INNER_LIP_PAIRS, LipGeometry, correct_lips, lip_targets, pauses
from generation.motion.rig import FaceRig
from generation.text.timed_phonemes import TimedPhonemes
from generation.voices.bank import speaker_embedding_from_clip
from masks.topology import LIPS_INNER, LIPS_OUTER
from scripts.evaluation.bootstrap import mean, ratio
from scripts.evaluation.synthesis import Synthesis, Take

T = TypeVar("T")
Words = tuple[str, tuple[int, ...] | None]
"""Phonemes of a recording with their mel frames; ``" "`` and None where the model is not told them."""
UNTOLD: Words = " ", None


@dataclass(frozen=True)
class Spoken:
    """Lips of one sentence: gap (T,), sound (960 T,), the video frames of its p, b and m, and its number."""

    gap: np.ndarray
    waveform: np.ndarray
    contacts: np.ndarray
    number: int = 0


def rig_gap(motion: np.ndarray) -> np.ndarray:
    """Inner-lip gap of motion (T, 57) on the rig: mean of three pairs at the middle of the mouth, 0 at rest, (T,)."""
    moved = FaceRig.load().displace(motion[:, WEIGHTS])[..., 1]
    upper, lower = (moved[:, list(points)].mean(1) for points in zip(*INNER_LIP_PAIRS[:3], strict=True))
    return upper - lower


def rig_lips(motion: np.ndarray) -> np.ndarray:
    """Lip points (T, V, 3) of motion (T, 57) on the rig, inter-ocular distances."""
    return FaceRig.load().displace(motion[:, WEIGHTS])[:, [*LIPS_OUTER, *LIPS_INNER]]


def spoken(take: Take, gap: np.ndarray, number: int = 0) -> Spoken:
    """The lip gap (T,) of a take, or that of other motion for its sound."""
    return Spoken(gap, take.speech, contact_frames(take.phonemes, take.durations, take.start), number)


def closure(sentences: Sequence[Spoken]) -> dict[str, float]:
    """Share of p, b and m at which the lips close, and the share of all speech frames that would pass the same test."""
    opening = open_range([s.gap for s in sentences], [s.waveform for s in sentences])
    numbers = [s.number for s in sentences]
    shut = [closed(least_near(s.gap), opening) for s in sentences]
    at = [c[s.contacts] for c, s in zip(shut, sentences, strict=True)]
    anywhere = np.concatenate([c[speech_frames(s.waveform)] for c, s in zip(shut, sentences, strict=True)])
    found = ratio("closure", numbers, [a.sum() for a in at], [len(a) for a in at])
    return found | {"closure_chance": float(anywhere.mean()), "open_range": opening}


def loudness(sentences: Sequence[Spoken]) -> dict[str, float]:
    """Mean over sentences of the correlation of lips and loudness."""
    values = [mouth_loudness(s.gap, s.waveform) for s in sentences]
    return mean("mouth_loudness_r", [s.number for s in sentences], values)


def pause_closed(sentences: Sequence[Spoken]) -> dict[str, float]:
    """Share of the frames inside pauses with closed lips."""
    opening = open_range([s.gap for s in sentences], [s.waveform for s in sentences])
    shut = [closed(s.gap, opening)[pause_frames(s.waveform)] for s in sentences]
    return ratio("pause_closed", [s.number for s in sentences], [a.sum() for a in shut], [len(a) for a in shut])


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
    return correct_lips(still, targets, LipGeometry.of(FaceRig.load()), pull=1.0)


def viseme_curves(waveform: np.ndarray, timed: TimedPhonemes) -> np.ndarray:
    """Lips by OpenFaceFX (MIT), a viseme a phoneme with its own blending and ARKit table, (n, 51); the sound is unused.

    It is told the same phonemes at the same times as we are.
    """
    from openfacefx import IPA_MAPPING, generate_from_alignment
    from openfacefx.alignment import PhonemeSegment
    from openfacefx.retarget import PRESETS, retarget

    segments: list[PhonemeSegment] = []
    began = 0.0
    for symbol, end in zip(timed.symbols, timed.bounds[1:].tolist(), strict=True):
        if symbol in "ˈˌ":
            continue  # the mark's time goes to the vowel after it
        if symbol == "ː" and segments:
            segments[-1].end = end
        else:
            segments.append(PhonemeSegment(symbol, began, end))
        began = end
    track = retarget(generate_from_alignment(segments, fps=FPS, mapping=IPA_MAPPING), PRESETS["arkit"])
    weights = np.zeros((len(waveform) // SAMPLES_PER_FRAME, WEIGHTS.stop), np.float32)
    middles = (np.arange(len(weights)) + 0.5) / FPS
    for channel in track.channels:
        if channel.name in INDEX:
            times, values = zip(*[(key.time, key.value) for key in channel.keys], strict=True)
            weights[:, INDEX[channel.name]] = np.interp(middles, times, values)
    return weights


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


def real_clips(
    wanted: set[str], synthesis: Synthesis, clips: Sequence[Sentence], takes: int, peers: Mapping[str, Lips]
) -> dict[str, dict[str, float]]:
    """Real tracked clips, and ours and the peers' driven by their sound: timing, liveliness, and loudness.

    Ours is not told the words, but once more for ``mtm_ms_words``, and for ``mtm_ms_text`` as a scene's recording with
    a text is: laid on its words by the model itself; the peers are.

    Args:
        wanted: names of metrics.
        synthesis: the shipped models.
        clips: real sentences.
        takes: of ours for each clip.
        peers: other ways of moving lips.

    Returns:
        Figures of ``ours``, of ``real``, and of each of the peers.
    """
    tracked = [
        Spoken(clip.gap - np.quantile(clip.gap, 0.1), clip.waveform, _clip_contacts(clip), number)
        for number, clip in enumerate(clips)
    ]
    found: dict[str, dict[str, float]] = {"real": figures(wanted - {"pause_closed"}, tracked), "ours": {}}
    if not wanted & {"mtm_ms", "slcc_gap"}:
        return found
    voice = speaker_embedding_from_clip(Audio(np.concatenate([clip.waveform for clip in clips[:3]]), SAMPLE_RATE))

    def driven(several: Sequence[Sentence], told: Callable[[Sentence], Words]) -> list[np.ndarray]:
        """Motion of every take, all takes of a clip one after the other."""
        motions = []
        for number, clip in enumerate(several):
            for seed in range(number, number + 1000 * takes, 1000):
                take = synthesis.play(clip.waveform, voice, seed, *told(clip))
                motions.append(take.motion[take.start : take.start + len(clip.motion)])
        return motions

    motions = driven(clips, lambda clip: UNTOLD)
    if "mtm_ms" in wanted:
        found["ours"] |= timing(clips, [rig_gap(motion) for motion in motions])
        # How far the matching itself goes wrong: real lips against those of the clip after it.
        strangers = timing(clips, [b.gap[: len(a.gap)] for a, b in zip(clips, [*clips[1:], clips[0]], strict=True)])
        found["real"]["mtm_ms_chance"] = strangers["mtm_ms"]
        known = [clip for clip in clips if clip.timed is not None]
        for name, told in (("words", words_of), ("text", partial(_laid_words, synthesis))):
            gaps = [rig_gap(motion) for motion in driven(known, told)]
            found["ours"][f"mtm_ms_{name}"] = timing(known, gaps)["mtm_ms"]
        for name, lips in peers.items():
            found[name] = timing(known, [_weights_gap(lips(clip.waveform, clip.timed)) for clip in known if clip.timed])
    if "slcc_gap" in wanted:
        sounds = [clip.waveform for clip in clips]
        found["real"]["slcc"] = speech_lip_correlation(sounds, [lip_intensity(rig_lips(c.motion)) for c in clips])
        lively = np.reshape([lip_intensity(rig_lips(m)) for m in motions], (len(clips), takes))
        found["ours"]["slcc"] = float(np.mean([speech_lip_correlation(sounds, column) for column in lively.T]))
        found["ours"]["slcc_gap"] = abs(found["ours"]["slcc"] - found["real"]["slcc"])
    heard = [
        Spoken(rig_gap(m), s.waveform, s.contacts, s.number)
        for m, s in zip(motions, _each(tracked, takes), strict=True)
    ]
    found["ours"]["mouth_loudness_r_real_sound"] = loudness(heard)["mouth_loudness_r"]
    return found


def words_of(clip: Sentence) -> tuple[str, tuple[int, ...]]:
    """Phonemes of a clip whose words are known, and their lengths in mel frames."""
    material = as_clip(clip)
    return material.phonemes, material.durations


def _laid_words(synthesis: Synthesis, clip: Sentence) -> Words:
    """Phonemes of a clip with the times that the model finds for them, where it finds them."""
    phonemes, _ = words_of(clip)
    durations = synthesis.models.times_of_words(clip.waveform, phonemes)
    return UNTOLD if durations is None else (phonemes, durations)


def timing(clips: Sequence[Sentence], gaps: Sequence[np.ndarray]) -> dict[str, float]:
    """MTM in ms with its interval over clips, and matched pairs a take; ``gaps`` are all takes of a clip in a row."""
    numbers = _each(range(len(clips)), len(gaps) // len(clips))
    pairs = [mouth_timing(clips[number].gap, gap) for number, gap in zip(numbers, gaps, strict=True)]
    matched = [(number, p.mean() * 1000 / FPS) for number, p in zip(numbers, pairs, strict=True) if len(p)]
    return mean("mtm_ms", [n for n, _ in matched], [ms for _, ms in matched]) | {
        "mtm_pairs": float(np.mean([len(p) for p in pairs]))
    }


def _each(items: Sequence[T], times: int) -> list[T]:
    return [item for item in items for _ in range(times)]


def _weights_gap(weights: np.ndarray) -> np.ndarray:
    motion = np.zeros((len(weights), N_CHANNELS), np.float32)
    motion[:, WEIGHTS] = weights
    return rig_gap(motion)
