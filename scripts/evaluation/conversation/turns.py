"""Turns of a conversation in finished motion and sound: interrupted lines, listeners, and blinks at a given rate."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from generation.core.arrays import runs
from generation.core.clock import FPS, SAMPLE_RATE, samples_from_frames
from generation.core.motion import INDEX, MOUTH, ROTATION
from generation.core.performance import Performance
from generation.motion.gaze import gaze_of
from studio.core.progress import Progress, Stage
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

SIDES = np.array((-0.5, 0.5), np.float32)
"""Where the two people sit."""
VOICES = ("Alice", "Henry")
LINES = (
    "I only wanted to tell you about the elephants in the garden behind the old house.",
    "Nobody has ever asked me what I think about the plan that we made in October.",
    "When we came home that evening the door was open and all the lamps were burning.",
    "There are several good reasons to leave the boat in the harbour until it is repaired.",
)
STOP = "That is enough, we have heard all of it."
_HEARD = 10 ** (-40 / 20)
"""Level, of a line's loudest 10 ms, below which nothing more is heard of it."""


@dataclass(frozen=True)
class Run:
    """A scene of two as it was performed."""

    timeline: Timeline
    made: Performance


def performed(
    script: list[dict[str, Any]], models: Models, seed: int = 0, kept: Path | None = None, **of_theo: object
) -> Run:
    """Nora and Theo in a scene; ``of_theo`` are further keys of his, finished segments lie in ``kept``."""
    cast = [{"name": name, "voice": voice} for name, voice in zip(("Nora", "Theo"), VOICES, strict=True)]
    cast[1] |= of_theo  # type: ignore[arg-type]
    scene = Scene.model_validate({"picture": "", "cast": cast, "script": script})
    with tempfile.TemporaryDirectory() as folder:
        performer = ScenePerformer(scene, Path(folder), models, seed=seed)
        timeline = performer.timeline()
        progress, work = Progress([Stage("speech", 1)]), Path(folder) if kept is None else kept
        made = performer.perform(timeline, np.eye(2, dtype=np.float32), SIDES, work, progress).whole()
    return Run(timeline, made)


def interrupted(models: Models) -> Iterator[Run]:
    """Lines of Nora's that Theo interrupts at several places, cut off and yielded."""
    for number, text in enumerate(LINES):
        for how, overlap in (("cut", 1.2), ("cut", 2.1), ("yield", 1.6)):
            first = {"who": "Nora", "text": text, "interrupted": how}
            yield performed([first, {"who": "Theo", "text": STOP, "overlap": overlap}], models, number)


def interruption_figures(models: Models) -> dict[str, float]:
    """How interrupted lines end.

    Returns:
        ``interrupted_stop_ms``: longest time from the frame in which the other's line begins to where nothing more is
        heard; ``interrupted_looks``: share of lines after which the eyes are with the other 0.6 s later;
        ``interrupted_jaw``: greatest jaw weight from 0.24 s after the voice stops to 0.3 s later;
        ``interrupted_retake``: greatest difference in the other's samples, counted from where his line begins, when the
        interrupted line is another take.
    """
    stops, looks, jaws = [], [], []
    for run in interrupted(models):
        nora, theo = run.timeline.lines
        last = _last_heard(run.made.speech[0][samples_from_frames(nora.start) :]) + nora.start / FPS
        stops.append(1000 * (last - theo.start / FPS))
        motion = run.made.motion[0]
        looks.append(_across(motion)[theo.start + round(0.6 * FPS)] > 0.2)
        after = round(last * FPS + 0.24 * FPS)
        jaws.append(float(motion[after : after + round(0.3 * FPS), INDEX["jawOpen"]].max()))
    return {
        "interrupted_stop_ms": max(stops),
        "interrupted_looks": float(np.mean(looks)),
        "interrupted_jaw": max(jaws),
        "interrupted_retake": _retake_difference(models),
    }


def _retake_difference(models: Models) -> float:
    sounds = []
    for take in (0, 1):
        first = {"who": "Nora", "text": LINES[0], "interrupted": "cut", "take": take}
        run = performed([first, {"who": "Theo", "text": STOP, "overlap": 1.5}], models)
        line = run.timeline.lines[1]
        sounds.append(run.made.speech[1][samples_from_frames(line.start) : samples_from_frames(line.stop)])
    return float(np.abs(sounds[0] - sounds[1]).max())


def _last_heard(sound: np.ndarray) -> float:
    """Seconds up to the last 10 ms in which something is heard."""
    hop = SAMPLE_RATE // 100
    level = np.sqrt(np.square(sound[: len(sound) // hop * hop].reshape(-1, hop)).mean(1))
    return float(np.flatnonzero(level > _HEARD * level.max())[-1] + 1) / 100


def _across(motion: np.ndarray) -> np.ndarray:
    return np.asarray(gaze_of(motion, motion[:, ROTATION])[:, 0])


def listener_figures(models: Models, kept: Path, seeds: int = 20) -> dict[str, float]:
    """How somebody listens to another, by attitude and by what the other does.

    Args:
        models: loaded.
        kept: folder for finished segments.
        seeds: scenes of two sentences, each with every attitude and three rates of blinks.

    Returns:
        ``listener_nods_*`` a minute and ``listener_smile_*`` by attitude, and ``listener_nods_d``,
        ``listener_smile_d``: Cohen's d of positive to neutral and of neutral to negative, the smaller one;
        ``listener_*_gain``: r of the listener's nodding, smile, turn and gaze with the partner's, at the best lag of
        0.2 to 1 s over all scenes, less that with the partners of the other scenes; ``listener_lips``: how far lips
        move by the attitude, over their spread in speech; ``blinks_N_off``: by how much N blinks a minute are missed.
    """
    attitudes, rates = ("positive", "neutral", "negative"), (6, 15, 30)
    runs_of: dict[object, list[Run]] = {how: [] for how in (*attitudes, *rates)}
    for seed in range(seeds):
        first: dict[str, Any] = {"who": "Nora", "text": LINES[seed % 4]}
        script = [first, {"who": "Nora", "text": LINES[(seed + 1 + seed // 4) % 4], "pause": 0.8}]
        for how in attitudes:
            runs_of[how].append(performed(script, models, seed, kept, attitude=how))
        for rate in rates:
            runs_of[rate].append(performed(script, models, seed, kept, blinks=rate))
    heard = {how: [run.made.motion[1] for run in runs_of[how]] for how in attitudes}
    nods = {how: np.array([_nods(motion) for motion in each]) for how, each in heard.items()}
    smile = {how: np.array([motion[:, _SMILE].mean() for motion in each]) for how, each in heard.items()}
    seen = [run.made.motion[0] for run in runs_of["neutral"]]
    found = {f"listener_nods_{how}": float(nods[how].mean()) for how in attitudes}
    found |= {f"listener_smile_{how}": float(smile[how].mean()) for how in attitudes}
    found["listener_nods_d"], found["listener_smile_d"] = (
        min(_cohen(by["positive"], by["neutral"]), _cohen(by["neutral"], by["negative"])) for by in (nods, smile)
    )
    for name, track in _TRACKS.items():
        pairs = [track(motion) for motion in seen], [track(motion) for motion in heard["neutral"]]
        found[f"listener_{name}_gain"] = _gain(*pairs)
    lips = [INDEX[name] for name in MOUTH if not name.startswith("mouthSmile")]
    moved = [np.abs(a[:, lips] - b[:, lips]).max() for a, b in zip(heard["positive"], heard["negative"], strict=True)]
    found["listener_lips"] = float(max(moved) / np.concatenate(seen)[:, lips].std(0).mean())
    for rate in rates:
        counted = [sum(_blinks(run.made.motion[1]) for run in runs_of[rate])]
        minutes = sum(run.timeline.seconds for run in runs_of[rate]) / 60
        found[f"blinks_{rate}_off"] = abs(float(np.sum(counted)) / minutes / rate - 1)
    return found


_SMILE = [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]
_PITCH = ROTATION.start


def _nodding(motion: np.ndarray) -> np.ndarray:
    """How much a head goes up and down, (T, 1)."""
    return np.asarray(gaussian_filter1d(np.abs(np.gradient(motion[:, _PITCH])), 0.3 * FPS))[:, None]


_TRACKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "nod": _nodding,
    "smile": lambda motion: motion[:, _SMILE].mean(1, keepdims=True),
    "turn": lambda motion: motion[:, _PITCH + 1 : _PITCH + 2],
    "gaze": lambda motion: gaze_of(motion, motion[:, ROTATION]),
}
"""What of the other's motion a listener reacts to, (T, C)."""


def _nods(motion: np.ndarray) -> float:
    """Nods a minute, of at least two degrees."""
    found, _ = find_peaks(gaussian_filter1d(motion[:, _PITCH], 1.0), prominence=np.radians(2.0), wlen=2 * FPS)
    return len(found) / len(motion) * FPS * 60


def _blinks(motion: np.ndarray) -> int:
    return len(runs(motion[:, INDEX["eyeBlinkLeft"]] > 0.5))


def _cohen(more: np.ndarray, less: np.ndarray) -> float:
    return float((more.mean() - less.mean()) / max(np.sqrt((more.var(ddof=1) + less.var(ddof=1)) / 2), 1e-9))


def _gain(seen: list[np.ndarray], heard: list[np.ndarray]) -> float:
    """R of what was seen with what a listener does, over that with what others did, at the lag that is best for it."""
    lags = range(round(0.2 * FPS), round(1.0 * FPS))
    return max(
        float(np.mean([_r(seen[i], heard[i], lag) for i in range(len(seen))]))
        - float(np.mean([_r(seen[i - 1], heard[i], lag) for i in range(len(seen))]))
        for lag in lags
    )


def _r(seen: np.ndarray, heard: np.ndarray, lag: int) -> float:
    n = min(len(seen), len(heard) - lag)
    one, other = (a - a.mean(0) for a in (seen[:n], heard[lag : lag + n]))
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / scale) if scale > 0 else 0.0
