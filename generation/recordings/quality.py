"""What is worth a look in a recording that will be a line: clipping, two voices; sentences for its author."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.audio.clip_quality import is_clipped, pitch_groups_apart
from generation.audio.voice_activity import is_speech
from generation.audio.waveform import Audio
from generation.recordings.recorded_speech import find_speech

_FRAME_SECONDS = 0.04
_APART_DB, _APART_SHARE, _LEAST_SECONDS = 10.0, 0.15, 1.0
"""A speaker is on one channel where it is so much louder, for this share of the speech and this long."""
_MUSIC_SHARE, _LOUD_SHARE = 0.94, 0.55
"""Of the power while somebody speaks that is speech: at 12 dB above music it is 0.94, as loud as it 0.5."""
_LEAD_SECONDS = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing worth a look: a clause without its subject, and what to do about it."""

    what: str
    repair: str


def assess_recording(audio: Audio) -> tuple[Finding, ...]:
    """What to say of a recording at 24 kHz, most important first."""
    speech = find_speech(audio.waveform)
    if speech.level is None:
        return (Finding("holds nobody's voice, and no mouth will move in it", "choose one in which somebody speaks"),)
    found = []
    if is_clipped(audio.waveform):
        found.append(Finding("is clipped", "record it at a lower level"))
    if speech.share < _MUSIC_SHARE:
        much = "as loud as the voice or louder" if speech.share < _LOUD_SHARE else "under the voice"
        found.append(Finding(f"has music or noise {much}", "lips follow it less well; use one of the voice alone"))
    elif speech.lead_in > _LEAD_SECONDS:
        what = f"begins with {speech.lead_in:.0f} s in which nobody speaks"
        found.append(Finding(what, "cut them off, unless the face is to wait"))
    if pitch_groups_apart(audio):
        found.append(Finding("sounds as if two people spoke in it", "give each a line of their own: parley split"))
    return tuple(found)


def speakers_apart(samples: np.ndarray, sampling_rate: int) -> bool:
    """Whether two channels (S, 2) hold a speaker each: now the one, now the other is 10 dB louder."""
    if samples.shape[1] != 2:
        return False
    frame = max(1, round(_FRAME_SECONDS * sampling_rate))
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame, 2)
    if len(frames) < 2:
        return False
    level = 10 * np.log10(np.square(frames, dtype=np.float64).mean(1) + 1e-12)
    spoken = is_speech(level.max(1))
    apart = (level[:, 0] - level[:, 1])[spoken]
    least = max(_APART_SHARE * spoken.sum(), _LEAST_SECONDS / _FRAME_SECONDS)
    return bool((apart > _APART_DB).sum() > least and (apart < -_APART_DB).sum() > least)
