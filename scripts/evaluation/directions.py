"""Directions in finished motion and sound: does each move what it should, against the same take without it?"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.core.arrays import runs
from generation.core.clock import FPS, samples_from_frames
from generation.core.motion import BLENDSHAPES, INDEX, ROTATION
from generation.core.performance import Line
from generation.metrics.style import speech_figures
from generation.text.directions import placed_directions
from generation.text.phonemizer import read_text
from studio.core.progress import Progress, Stage
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.scene.schema import Scene
from studio.timeline.directed import acted_line
from studio.timeline.word_clock import WordClock

TABLES = Path(__file__).resolve().parents[2] / "tests" / "studio" / "acting"
"""Where ``directions.tsv`` and ``no_directions.tsv`` lie, which were written before the grammar was."""
SIDES = np.array((-0.5, 0.5), np.float32)
"""Where the speaker and whom she may look at sit."""
_WINDOW = round(1.3 * FPS)
"""Frames of what is done at a line's start, or at a word."""
_BEFORE_END, _AFTER_END = round(0.6 * FPS), round(1.0 * FPS)
_STEADY = 0.8
"""Gaze weight by which eyes make up for a turn of the head by one radian."""


@dataclass(frozen=True)
class Said:
    """A line as it was said: its sound from its first to its last frame, its words' clock, and the speaker's motion."""

    line: Line
    sound: np.ndarray
    clock: WordClock
    motion: np.ndarray


def said(text: str, voice: str, models: Models, steps: int | None = None, seed: int = 0) -> Said:
    """A line of a scene of two through the studio, directions and all."""
    cast = [{"name": name, "voice": voice} for name in ("Nora", "Theo")]
    scene = Scene.model_validate({"picture": "", "cast": cast, "script": [{"who": "Nora", "text": text}]})
    with tempfile.TemporaryDirectory() as folder:
        performer = ScenePerformer(scene, Path(folder), models, seed=seed, steps=steps, speakers_only=True)
        timeline = performer.timeline()
        progress = Progress([Stage("speech", 1)])
        made = performer.perform(timeline, np.eye(2, dtype=np.float32), SIDES, Path(folder), progress).whole()
    (line,) = timeline.lines
    part = made.characters[0]
    sound = part.speech[samples_from_frames(line.start) : samples_from_frames(line.stop)]
    return Said(line, sound, WordClock(line, timeline.texts[0]), part.motion.values)


def direction_figures(models: Models, voice: str, steps: int | None = None) -> dict[str, float]:
    """Shares of directions that do what they should.

    Returns:
        ``direction_right`` of those that move the figure that they name the way that they name, by at least what can be
        seen or heard; ``directions_spoken`` whose words are said; ``directions_named``, of those that mean nothing.
    """
    rows = _table("directions")
    right = [moved(row, models, voice, steps) for row in rows]
    spoken = [row for row in rows if not _unspoken(row["line"])]
    nothing = [row["line"] for row in _table("no_directions")]
    return {
        "direction_right": float(np.mean(right)),
        "directions_spoken": float(len(spoken)),
        "directions_named": float(np.mean([_named(text) for text in nothing])),
    }


def moved(row: Mapping[str, str], models: Models, voice: str, steps: int | None = None) -> bool:
    """Whether the direction of a row moves its figure its way."""
    with_it, without = (
        figure(row["figure"], row["when"], said(text, voice, models, steps))
        for text in (row["line"], placed_directions(row["line"])[0])
    )
    least = LEAST[row["figure"]] if row["figure"] in LEAST else FIGURES[row["figure"]][1]
    return (with_it - without) * (1 if row["way"] == "+" else -1) >= least


def figure(name: str, when: str, made: Said) -> float:
    """A figure of a line in the part of it that ``when`` names: ``all``, ``start``, ``end`` or ``word N``."""
    line, clock = made.line, made.clock
    word = re.fullmatch(r"word (\d+)", when)
    if name in _SOUND:
        return _SOUND[name](made)
    if name == "pause":
        if word is None:
            return clock.at(0)
        return clock.at(int(word[1])) - clock.at(int(word[1]) - 1)
    first = line.start + (round(clock.at(int(word[1])) * FPS) if word else 0)
    stop = line.stop if when == "all" else first + _WINDOW
    if when == "end":
        first, stop = line.stop - _BEFORE_END, line.stop + _AFTER_END
    measure, _ = FIGURES[name]
    return float(measure(made.motion[max(0, first) : stop]))


def _mean(*names: str) -> Callable[[np.ndarray], float]:
    channels = [INDEX[name] for name in BLENDSHAPES if name.startswith(names)]
    return lambda motion: float(motion[:, channels].mean())


def _turned(axis: int) -> Callable[[np.ndarray], float]:
    return lambda motion: float(np.degrees(motion[:, ROTATION.start + axis]).mean())


def _way(axis: int) -> Callable[[np.ndarray], float]:
    """Degrees that a head goes to and fro about an axis."""
    return lambda motion: float(np.abs(np.diff(np.degrees(motion[:, ROTATION.start + axis]))).sum())


def _across(motion: np.ndarray) -> np.ndarray:
    """Where the eyes look to the picture's right, the head included, (T,)."""
    looks = {name: motion[:, INDEX[f"eyeLook{name}"]] for name in ("OutLeft", "InRight", "InLeft", "OutRight")}
    eyes = (looks["OutLeft"] + looks["InRight"] - looks["InLeft"] - looks["OutRight"]) / 2
    return eyes + _STEADY * motion[:, ROTATION.start + 1]


def _up(motion: np.ndarray) -> np.ndarray:
    looks = {name: motion[:, INDEX[f"eyeLook{name}"]] for name in ("UpLeft", "UpRight", "DownLeft", "DownRight")}
    eyes = (looks["UpLeft"] + looks["UpRight"] - looks["DownLeft"] - looks["DownRight"]) / 2
    return eyes - _STEADY * motion[:, ROTATION.start]


def _blinks(motion: np.ndarray) -> float:
    return float(len(runs(motion[:, INDEX["eyeBlinkLeft"]] > 0.6)))


_SOUND: dict[str, Callable[[Said], float]] = {
    "seconds": lambda made: made.line.n_frames / FPS,
    "loudness": lambda made: speech_figures(made.sound)["level"],
    "voiced": lambda made: speech_figures(made.sound)["voiced_share"],
}
FIGURES: dict[str, tuple[Callable[[np.ndarray], float], float]] = {
    "nod": (_way(0), 6.0), "shake": (_way(1), 6.0), "tilt": (_turned(2), 2.0), "turn": (_turned(1), 3.0),
    "pitch_down": (_turned(0), 2.0), "gaze_up": (lambda m: float(_up(m).mean()), 0.05),
    "gaze_across": (lambda m: float(_across(m).mean()), 0.05),
    "gaze_away": (lambda m: float(np.hypot(_across(m), _up(m)).mean()), 0.02),
    "lids": (_mean("eyeBlink"), 0.03), "blinks": (_blinks, 1.0),
    "wink": (lambda m: float(np.abs(m[:, INDEX["eyeBlinkLeft"]] - m[:, INDEX["eyeBlinkRight"]]).mean()), 0.03),
    "wide": (_mean("eyeWide"), 0.05), "squint": (_mean("eyeSquint"), 0.05), "brow_up": (_mean("browInner", "browOuter"),
    0.05), "brow_down": (_mean("browDown"), 0.05), "smile": (_mean("mouthSmile"), 0.05), "frown": (_mean("mouthFrown"),
    0.03), "pout": (_mean("mouthPucker", "mouthShrugLower"), 0.03), "sneer": (_mean("noseSneer"), 0.05),
    "puff": (_mean("cheekPuff"), 0.05), "press": (_mean("mouthPress"), 0.05),
}  # fmt: skip
"""What is measured on (T, 57) of motion: the face's weights, degrees of the head, and the least difference."""
LEAST = {"seconds": 0.12, "loudness": 1.5, "voiced": 0.1, "pause": 0.3}
"""The same for seconds, dB and the share of a line with a pitch."""


def _unspoken(line: str) -> bool:
    words, directions = read_text(line).words, placed_directions(line)[1]
    return bool(directions) and not any(direction.casefold() in words.casefold() for direction, _ in directions)


def _named(line: str) -> bool:
    scene = Scene.model_validate({"picture": "", "cast": [{"name": "Nora"}], "script": [{"who": "Nora", "text": line}]})
    return bool(acted_line(scene, scene.script[0]).unknown)


def _table(name: str) -> Sequence[dict[str, str]]:
    with (TABLES / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
