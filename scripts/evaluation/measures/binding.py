"""Binding in rendered pixels: drawn casts of one to four in which everybody says one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from generation.core.motion import CHANNELS, MOUTH, WEIGHTS, MotionTrack
from generation.metrics.binding import change_energy, largest_change
from scripts.evaluation.scene_runs import SceneRun, perform, write_drawn
from scripts.evaluation.synthesis import Synthesis

VOICES = ("Alice", "Arthur", "Maya", "Henry")
SENTENCES = ("My boat is open.", "Maybe we pay more.", "Five small apples fell.", "Bob may move above.")
SPEECH_CHANNELS = np.array([name in MOUTH and not name.startswith("mouthSmile") for name in CHANNELS])
"""What speaking moves; all else, a listener's smile too, is idle life."""


def binding(synthesis: Synthesis, kept: Path, casts: Sequence[int] = (1, 2, 3, 4)) -> dict[str, float]:
    """Who moves when somebody speaks, in drawn casts in which everybody says one line.

    Returns:
        ``leak``: mean over casts and lines of the change of a silent mouth over that of the speaker's, the worst
        silent person each time, idle life off; ``leak_worst``: the largest; ``smiles``: the mean with idle life on,
        heads still; ``swap``: share of lines in which, with everybody's track given to the neighbour, the neighbour's
        mouth moves most; ``order``: largest difference in grey levels after listing the cast backwards;
        ``outside``: largest change in grey levels outside the motion regions, head motion included.
    """
    leaks, smiles, swaps, order, outside = [], [], [], 0, 0
    for count in casts:
        script = [(who, SENTENCES[who], 0.4) for who in range(count)]
        folder = kept / "casts" / str(count)
        run = perform(write_drawn(folder, VOICES[:count], script, reverse=False), synthesis)
        people = list(range(count))
        fixed = np.max(run.geometry.regions, axis=0) <= 0
        outside = max(outside, largest_change(_frames(run, run.tracks), run.picture, fixed))
        if count == 1:
            continue
        speakers = [line.character for line in run.timeline.lines]
        quiet = [_only(track, SPEECH_CHANNELS) for track in run.tracks]
        frames = _frames(run, quiet)
        leaks += _shares(_energies(run, frames), speakers)
        heads_still = [_only(track, np.arange(len(CHANNELS)) < WEIGHTS.stop) for track in run.tracks]
        smiles += _shares(_energies(run, _frames(run, heads_still)), speakers)
        turned = _energies(run, _frames(run, quiet[1:] + quiet[:1]))
        swaps += [int(row.argmax()) == (speaker - 1) % count for row, speaker in zip(turned, speakers, strict=True)]
        other = perform(write_drawn(folder, VOICES[:count], script, reverse=True), synthesis).reversed()
        back = _frames(other, [_only(track, SPEECH_CHANNELS) for track in other.tracks], people[::-1])
        order = max(order, int(np.abs(back.astype(np.int16) - frames).max()))
    return {
        "leak": float(np.mean(leaks)),
        "leak_worst": float(np.max(leaks)),
        "smiles": float(np.mean(smiles)),
        "swap": float(np.mean(swaps)),
        "order": float(order),
        "outside": float(outside),
    }


def _frames(run: SceneRun, tracks: Sequence[MotionTrack], order: Sequence[int] | None = None) -> np.ndarray:
    """Every second frame (T, H, W, 3), the faces handed to the renderer in some order, each with its track."""
    order = range(len(tracks)) if order is None else order
    chosen = [MotionTrack(tracks[i].values[::2]) for i in order]
    return np.stack(list(run.renderer(order).frames(chosen)))


def _energies(run: SceneRun, frames: np.ndarray) -> np.ndarray:
    """(lines, faces) change of each mouth while each line is spoken, frames as of :func:`_frames`."""
    rows, mouths = [], run.mouths()
    for line in run.timeline.lines:
        span = frames[-(-line.start // 2) : -(-line.stop // 2)]
        rows.append([change_energy(span, run.picture, mouth) for mouth in mouths])
    return np.array(rows)


def _only(track: MotionTrack, channels: np.ndarray) -> MotionTrack:
    return MotionTrack(track.values * channels)


def _shares(energies: np.ndarray, speakers: Sequence[int]) -> list[float]:
    """The most moved silent mouth over the speaker's, a line."""
    return [max(np.delete(row, who)) / row[who] for row, who in zip(energies, speakers, strict=True)]
