"""Post-processing of sampled latents: lines to sound, motion held to its ranges, the pause gate that shuts mouths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.ndimage import binary_dilation, gaussian_filter1d, uniform_filter1d

from generation.audio.effects import change_pitch
from generation.audio.mel import match_loudness
from generation.audio.pitch import envelope
from generation.audio.timbre import apply_timbre
from generation.audio.voice_activity import voice_level
from generation.core.arrays import runs
from generation.core.clock import HOP, MELS_PER_FRAME, SAMPLES_PER_FRAME, mels_from_frames, samples_from_frames
from generation.core.motion import INDEX, MOUTH, ROTATION, TRANSLATION, WEIGHTS, MotionTrack
from generation.core.performance import Line, Prosody
from generation.recordings.infilling import fill_gaps

if TYPE_CHECKING:
    from generation.models.vocoder import Vocoder

_GATED = [INDEX[name] for name in MOUTH if not name.startswith("mouthSmile")]
_POSE = slice(ROTATION.start, TRANSLATION.stop)
_POSE_BLUR = 1.0
"""Frames of Gaussian blur over the head's pose, half power at 3.3 Hz: heads move slower, what is faster is sampling."""
_LONGEST_GAP = 6
"""Frames without voice up to which the mouth is left to the model (stops, breaths inside words)."""
_SHORTEST_VOICE = 3
"""Frames of sound among silence below which it is a click, not a voice."""
_FADE = SAMPLES_PER_FRAME // 4
_LONGEST_PIECE = 2000
"""Mel frames that are turned into sound at once."""
_POST_FILTER_GAIN = 0.5
"""Share by which the ripples of a sampled spectrum are raised."""


def pause_gate(mel: np.ndarray, lines: Sequence[slice]) -> np.ndarray:
    """1 where a voice may move the mouth, falling to 0 inside pauses, (T,) float32.

    The one rule that touches the sampled mouth: a pause is a closed mouth, in digital silence and in a noisy room.

    Args:
        mel: one person's log-mel (4 T, 100).
        lines: video frames of their lines, each judged by its own loudness and noise; elsewhere is silence.
    """
    voiced = np.zeros(len(mel) // MELS_PER_FRAME, bool)
    for line in lines:
        voiced[line] = voice_level(mel[mels_from_frames(line.start) : mels_from_frames(line.stop)]) > 0.15
    for start, stop in runs(~voiced):
        if stop - start <= _LONGEST_GAP and start > 0 and stop < len(voiced):
            voiced[start:stop] = True
    for start, stop in runs(voiced):
        if stop - start < _SHORTEST_VOICE:
            voiced[start:stop] = False
    # The mouth opens up to two frames before the sound and closes within two after it.
    widened = binary_dilation(voiced, iterations=2).astype(np.float32)
    return gaussian_filter1d(widened, 0.8, mode="nearest") * binary_dilation(voiced, iterations=3)


def postprocess_motion(values: np.ndarray, gate: np.ndarray, made: np.ndarray) -> MotionTrack:
    """Motion (T, 57) of one face -> a track within its ranges whose mouth is shut where its voices pause.

    Args:
        values: as sampled.
        gate: (T,) 0..1, :func:`pause_gate` of the voices that drive the face, by their routing weights.
        made: (T,) 1 = sampled; what was given (0) stays as it is.
    """
    finished = values.astype(np.float32)
    finished[:, WEIGHTS] = finished[:, WEIGHTS].clip(0, 1)
    finished[:, _GATED] *= gate[:, None]
    finished[:, _POSE] = gaussian_filter1d(finished[:, _POSE], _POSE_BLUR, axis=0, mode="nearest")
    return MotionTrack(np.where(made[:, None] > 0, finished, values))


def post_filter(mel: np.ndarray) -> np.ndarray:
    """A sampled log-mel (N, 100) with harmonics and formants as deep as a voice has them.

    Whatever a network is unsure of it averages, and averages are flat. An unsharp mask along frequency; its amount was
    chosen by DNSMOS and by what Whisper still understood (docs/training/notebook.md).
    Each frame stays as loud as it was.
    """
    raised = mel + _POST_FILTER_GAIN * (mel - envelope(mel))
    return match_loudness(raised, mel)


def assemble_speech(
    lines: Sequence[Line], mel: np.ndarray, n_frames: int, vocoder: Vocoder, timbre: np.ndarray | None = None
) -> np.ndarray:
    """One person's lines on the clock, (960 T,) float32; exact zeros between them.

    Each line is decoded by itself, so that its sound does not depend on its neighbours, and made softer as a whole if
    it would not fit between -1 and 1; recordings stay as they are, but for the prosody that a line has, and outside the
    gaps of one that has gaps. ``timbre`` is the voice's, of :mod:`generation.audio.timbre`.
    """
    speech = np.zeros(samples_from_frames(n_frames), np.float32)
    for line in lines:
        span = slice(samples_from_frames(line.start), samples_from_frames(line.stop))
        own = mel[mels_from_frames(line.start) : mels_from_frames(line.stop)]
        if line.recording is not None:
            # what is around a gap has the line's prosody already, and what fills it goes by that
            filled = fill_gaps(line, lambda made: finished_mel(made, timbre), own, vocoder)
            speech[span] = _faded(filled if line.gaps else _with_prosody(filled, line.prosody), line)
            continue
        sound = _decoded(finished_mel(own, timbre), vocoder)
        ramp = np.linspace(0, 1, _FADE, dtype=np.float32)
        sound[:_FADE] *= ramp
        sound[-_FADE:] *= ramp[::-1]
        speech[span] = _faded(_with_prosody(sound / max(1.0, np.abs(sound).max()), line.prosody), line)
    return speech


def _faded(sound: np.ndarray, line: Line) -> np.ndarray:
    """A line's sound (S,), which falls to nothing, as half a cosine does, where the line breaks off."""
    if line.fade is None:
        return sound
    first, stop = (HOP * mel for mel in line.fade)
    gone = ((np.arange(len(sound)) - first) / (stop - first)).clip(0, 1)
    return (sound * (0.5 + 0.5 * np.cos(np.pi * gone))).astype(np.float32)


def _with_prosody(sound: np.ndarray, prosody: Prosody) -> np.ndarray:
    """A line's sound (S,) with its prosody, no louder than fits between -1 and 1."""
    if (prosody.pitch, prosody.melody) != (0, 1):
        sound = change_pitch(sound, prosody.melody, prosody.pitch)
    if prosody.loudness:
        sound = sound * np.float32(10 ** (prosody.loudness / 20))
        sound = sound / np.float32(max(1.0, np.abs(sound).max()))
    return sound


def finished_mel(mel: np.ndarray, timbre: np.ndarray | None) -> np.ndarray:
    """A sampled log-mel (N, 100) in a voice's own timbre, after :func:`post_filter`."""
    return post_filter(mel if timbre is None else apply_timbre(mel, timbre))


def _decoded(mel: np.ndarray, vocoder: Vocoder) -> np.ndarray:
    """Sound (240 N,) of a log-mel (N, 100); a long one in pieces that pass over, within 10 ms, where it is softest."""
    parts: list[np.ndarray] = []
    first = 0
    while first < len(mel):
        stop = len(mel)
        if stop - first > _LONGEST_PIECE:
            late = slice(first + _LONGEST_PIECE // 2, first + _LONGEST_PIECE)
            level = uniform_filter1d(np.exp(mel[late]).mean(1), 5)
            stop = late.start + int(level.argmin())
        piece = mel[first : min(stop + 1, len(mel))]  # one more, which the next begins with
        sound = vocoder.decode(torch.from_numpy(piece)[None].to(vocoder.device))[0].cpu().numpy()
        if parts:
            rise = np.linspace(0, 1, HOP, dtype=np.float32)
            sound[:HOP] = (1 - rise) * parts[-1][-HOP:] + rise * sound[:HOP]
            parts[-1] = parts[-1][:-HOP]
        parts.append(sound)
        first = stop
    return np.concatenate(parts)
