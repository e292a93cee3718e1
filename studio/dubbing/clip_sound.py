"""The sound of a scene's video under the new voices: without its own speech where that is replaced, streamed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from generation.audio.loudness import MIX_LUFS, LoudnessMeter, mix_performance
from generation.audio.sound_file import stream_mono
from generation.audio.waveform import Sound, sound_of
from generation.core.clock import FPS, SAMPLE_RATE, samples_from_frames
from generation.core.performance import StoredPerformance
from generation.core.stored_array import StoredArray, blocks
from generation.recordings.cleaning import clean_recording
from studio.cast.clip_people import SceneClip
from studio.dubbing.clip_frames import replaced_speech
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

MOST_GAIN_DB = 12.0
"""Most by which the video's sound is lifted to the mix's loudness."""
QUIET_LUFS = -50.0
"""Softer sound than this is a room's, in which nobody speaks: it is not lifted."""
DUCKED = 0.5
"""Amplitude of what is left of the video's sound under a line (-6 dB): some of the old voice stays in it."""
_FADE = round(0.12 * SAMPLE_RATE)
_SECONDS = 20
"""Of the pieces in which speech is taken out."""
_AROUND = round(1.5 * SAMPLE_RATE)
"""Samples around a piece that are looked at with it."""


def mix_film(
    scene: Scene, clip: SceneClip | None, timeline: Timeline, performance: StoredPerformance, folder: Path
) -> Sound:
    """The mix of a film; over its video's own sound where there is some that is to be heard.

    Args:
        scene: the scene.
        clip: its video; None = it has a picture.
        timeline: of the same.
        performance: of the same.
        folder: where the mix, and what is made on the way, lies in files.
    """
    if clip is None or not clip.facts.sound or scene.ambience == 0:
        return mix_performance(performance, folder)
    return mix_over_clip(performance, clip.path, replaced_speech(scene, timeline), scene.ambience, folder)


def mix_over_clip(
    performance: StoredPerformance,
    clip: Path,
    replaced: Sequence[tuple[int, int]],
    ambience: float,
    folder: Path,
) -> Sound:
    """The mix of a performance with a video's own sound below it.

    Args:
        performance: of the scene, as long as the video.
        clip: the video; it has sound.
        replaced: first frame and stop of the times in which its own speech is taken out.
        ambience: 0..1, amplitude of its sound against the loudness of the mix.
        folder: where the mix, and what is made on the way, lies in files.

    Raises:
        ValueError: the sound cannot be read.
        OSError: the disk is full.
    """
    n_samples = samples_from_frames(performance.n_frames)
    own, meter = StoredArray((n_samples,), folder), LoudnessMeter(SAMPLE_RATE)
    at = 0
    for block in stream_mono(clip, _SECONDS, performance.n_frames / FPS):
        block = block[: n_samples - at]
        meter.add(block)
        own[at : at + len(block)] = block
        at += len(block)
    loudness = meter.loudness()
    gain = min(MIX_LUFS - loudness, MOST_GAIN_DB) if math.isfinite(loudness) else 0.0
    factor = ambience * 10 ** (min(gain, 0.0 if loudness < QUIET_LUFS else gain) / 20)
    bed = StoredArray((n_samples,), folder)
    for rows, piece in without_speech(own, [(samples_from_frames(a), samples_from_frames(b)) for a, b in replaced]):
        bed[rows] = piece * np.float32(factor)
    return mix_performance(performance, folder, sound_of(bed, SAMPLE_RATE))


def without_speech(
    sound: StoredArray | np.ndarray, spans: Sequence[tuple[int, int]]
) -> Iterator[tuple[slice, np.ndarray]]:
    """A sound (S,) at 24 kHz piece by piece, its speech taken out, and the rest softer, in spans of samples."""
    for rows, window, inner in blocks(len(sound), _SECONDS * SAMPLE_RATE, _AROUND):
        piece = sound[window]
        share = _share(spans, window)
        if share.any():
            rest = clean_recording(piece).rest
            piece = piece + share * (np.float32(DUCKED) * rest - piece)
        yield rows, piece[inner].astype(np.float32)


def _share(spans: Sequence[tuple[int, int]], window: slice) -> np.ndarray:
    """(S,) float32, 1 inside the spans, falling to 0 within a fade around them."""
    share = np.zeros(window.stop - window.start, np.float32)
    for first, stop in spans:
        low, high = max(first - _FADE, window.start), min(stop + _FADE, window.stop)
        if low < high:
            time = np.arange(low, high)
            outside = np.maximum(np.maximum(first - time, time - (stop - 1)), 0)
            part = slice(low - window.start, high - window.start)
            share[part] = np.maximum(share[part], 1 - outside / (_FADE + 1))
    return share
