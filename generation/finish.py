"""From sampled latents to what is delivered: lines as sound, motion in its ranges with the mouth shut in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.ndimage import binary_dilation, gaussian_filter1d

from generation.grid import MELS_PER_FRAME, SAMPLES_PER_FRAME, mels_from_frames, samples_from_frames
from generation.motion import INDEX, MOUTH, WEIGHTS, MotionTrack
from generation.performance import Line

if TYPE_CHECKING:
    from generation.vocoder import Vocoder

_GATED = [INDEX[name] for name in MOUTH if not name.startswith("mouthSmile")]
_LONGEST_GAP = 6
"""Frames without voice up to which the mouth is left to the model (stops, breaths inside words)."""
_FADE = SAMPLES_PER_FRAME // 4


def voice_level(mel: np.ndarray) -> np.ndarray:
    """How much voice there is in each video frame, 0..1, (T,) float32, from log-mel (4 T, 100)."""
    level = np.log(np.exp(2 * mel).mean(1) + 1e-9).reshape(-1, MELS_PER_FRAME).max(1)
    return np.clip((level + 11) / 4, 0, 1).astype(np.float32)


def pause_gate(mel: np.ndarray) -> np.ndarray:
    """1 where a voice may move the mouth, falling to 0 inside pauses, (T,) float32, from log-mel (4 T, 100).

    The one rule that touches sampled motion: digital or nearly digital silence is a closed mouth.
    """
    voiced = voice_level(mel) > 0.15
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ~voiced, [0]]).astype(int)))
    open_frames = voiced.copy()
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start <= _LONGEST_GAP and start > 0 and stop < len(voiced):
            open_frames[start:stop] = True
    # The mouth opens up to two frames before the sound and closes within two after it.
    widened = binary_dilation(open_frames, iterations=2).astype(np.float32)
    return gaussian_filter1d(widened, 0.8, mode="nearest") * binary_dilation(open_frames, iterations=3)


def finished_motion(values: np.ndarray, mel: np.ndarray, made: np.ndarray) -> MotionTrack:
    """Motion (T, 57) -> a track within its ranges whose mouth is shut where ``mel`` (4 T, 100) is silent.

    Only sampled frames are touched, those where ``made`` (T,) is 1: what was given stays as it is.
    """
    finished = values.astype(np.float32)
    finished[:, WEIGHTS] = finished[:, WEIGHTS].clip(0, 1)
    finished[:, _GATED] *= pause_gate(mel)[:, None]
    return MotionTrack(np.where(made[:, None] > 0, finished, values))


def joined_speech(lines: Sequence[Line], mel: np.ndarray, n_frames: int, vocoder: Vocoder) -> np.ndarray:
    """One person's lines on the clock, (960 T,) float32; exact zeros between them.

    Each line is decoded by itself, so that its sound does not depend on its neighbours; recordings stay as they are.
    """
    speech = np.zeros(samples_from_frames(n_frames), np.float32)
    for line in lines:
        span = slice(samples_from_frames(line.start), samples_from_frames(line.stop))
        if line.recording is not None:
            speech[span] = line.recording
            continue
        own = torch.from_numpy(mel[mels_from_frames(line.start) : mels_from_frames(line.stop)])[None]
        sound = vocoder.decode(own.to(vocoder.device))[0].cpu().numpy()
        ramp = np.linspace(0, 1, _FADE, dtype=np.float32)
        sound[:_FADE] *= ramp
        sound[-_FADE:] *= ramp[::-1]
        speech[span] = sound.clip(-1, 1)
    return speech
