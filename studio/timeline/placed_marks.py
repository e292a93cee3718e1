"""Places the curves and gazes of a scene on its words and seconds, and lays them over finished motion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from generation.core.arrays import smoothstep
from generation.core.clock import FPS, MELS_PER_FRAME
from generation.core.motion import ROTATION, WEIGHTS
from generation.core.performance import Line, StoredPerformance
from generation.motion.gaze import ACROSS, AWAY
from generation.motion.keyframes import FADE, HANDLES, Handle
from studio.acting.marks import Curve, Gaze
from studio.scene.schema import Scene, ScriptLine
from studio.timeline.timeline import Timeline
from studio.timeline.word_clock import WordClock

_RELEASE = 0.4
"""Seconds in which a held value is let go, and a head turns to where its eyes look and back."""
_EDGE = 0.1
"""Seconds before and after a course in which it would stay as it begins and ends."""
_TURN = 20.0
"""Degrees by which a head turns to somebody at whom the eyes look by :data:`ACROSS`."""
_LOOKS = {"left": (-0.4, 0.0), "right": (0.4, 0.0), "up": (0.0, 0.4), "down": (0.0, -0.45)}

_NOTICED, _WATCHES, _TURNS_TO_INTERRUPTER = 0.16, 4.0, 0.5
"""Seconds after which somebody who is interrupted looks at who does it, for how long at most, and how far the head
turns along."""
_REACTION = ((-0.05, 0.0), (0.2, 1.0), (0.6, 0.7), (1.1, 0.0))
_INTERRUPTED: dict[str, dict[str, float]] = {
    "cut": {"browInnerUp": 0.35, "browOuterUp": 0.3, "eyeWide": 0.15},
    "yield": {"headNod": 4.0},
}
"""What faces show then: its course in seconds from where the voice stops, and how much of it."""


@dataclass(frozen=True)
class PlacedCurve:
    """A course over the channels of a handle on the scene's clock: seconds and values, and whether it replaces."""

    face: int
    handle: Handle
    seconds: np.ndarray
    values: np.ndarray
    replaces: bool = False

    @property
    def turns_head(self) -> bool:
        """Whether it moves the head, which the eyes make up for."""
        return self.handle.channels[0] >= ROTATION.start


@dataclass(frozen=True)
class PlacedGaze:
    """Where a face looks from one frame to another: weights across and up, and how far its head turns along."""

    face: int
    first: int
    stop: int
    aim: tuple[float, float]
    turn: float


@dataclass(frozen=True)
class _ActedLine:
    """A line with curves or gazes: as written, as said, its words on its clock, and the faces that say it."""

    written: ScriptLine
    line: Line
    clock: WordClock
    faces: tuple[int, ...]

    @property
    def start(self) -> float:
        """Second of the scene at which it begins."""
        return self.line.start / FPS


def placed_curves(scene: Scene, timeline: Timeline) -> list[PlacedCurve]:
    """All curves of a directed scene on its clock: those of characters, and of lines by the faces that say them."""
    found = _interrupted_faces(scene, timeline)
    found += [_placed(face, curve, 0.0, None) for face, member in enumerate(scene.cast) for curve in member.curves]
    for acted in _acted_lines(scene, timeline):
        for curve in acted.written.curves:
            found += [_placed(face, curve, acted.start, acted.clock) for face in acted.faces]
    return found


def placed_gazes(scene: Scene, timeline: Timeline, sides: np.ndarray) -> list[PlacedGaze]:
    """All gazes of a directed scene on its clock.

    Args:
        scene: directed.
        timeline: of it.
        sides: (K,) where each person sits, -1 (left) .. 1 (right).
    """
    found = _looks_at_interrupters(scene, timeline, sides)
    for face, member in enumerate(scene.cast):
        for gaze in member.gazes:
            found.append(
                _gaze(scene, face, gaze, gaze.start, timeline.seconds if gaze.end is None else gaze.end, sides)
            )
    for acted in _acted_lines(scene, timeline):
        for gaze in acted.written.gazes:
            anchor = acted.start + acted.clock.at(gaze.after)
            end = acted.line.stop / FPS if gaze.until is None else acted.start + acted.clock.at(gaze.until)
            end = end if gaze.end is None else anchor + gaze.end
            begin = anchor + gaze.start
            found += [_gaze(scene, face, gaze, begin, max(end, begin + 1 / FPS), sides) for face in acted.faces]
    return found


def _interrupted_faces(scene: Scene, timeline: Timeline) -> list[PlacedCurve]:
    """What faces show where they are interrupted: brows that go up where they are cut off, a nod where they yield."""
    found = []
    for stopped in timeline.interruptions:
        line = timeline.lines[stopped.line]
        at = (line.start + (line.n_frames if line.fade is None else line.fade[1] / MELS_PER_FRAME)) / FPS
        for face in _faces(scene, timeline, stopped.line):
            for channel, height in _INTERRUPTED[stopped.how].items():
                seconds, values = zip(*_REACTION, strict=True)
                found.append(PlacedCurve(face, HANDLES[channel], np.array(seconds) + at, height * np.array(values)))
    return found


def _looks_at_interrupters(scene: Scene, timeline: Timeline, sides: np.ndarray) -> list[PlacedGaze]:
    """Eyes of who is interrupted go to the one who does it, a moment after that voice begins."""
    found = []
    for stopped in timeline.interruptions:
        by = timeline.lines[stopped.by]
        seen = [face for face in _faces(scene, timeline, stopped.by) if face in scene.on_screen]
        first = by.start / FPS + _NOTICED
        for face in _faces(scene, timeline, stopped.line):
            if seen and face not in seen:
                look = Gaze(looks=scene.cast[seen[0]].name, turn=_TURNS_TO_INTERRUPTER)
                found.append(_gaze(scene, face, look, first, min(by.stop / FPS, first + _WATCHES), sides))
    return found


def _faces(scene: Scene, timeline: Timeline, index: int) -> list[int]:
    """Faces that say a line of the script."""
    voices = timeline.of_all_speakers(timeline.lines[index])
    return sorted({face for voice in voices for face in scene.faces_of(scene.script[index], voice.character)})


def _acted_lines(scene: Scene, timeline: Timeline) -> Iterator[_ActedLine]:
    for written, line, text in zip(scene.script, timeline.lines, timeline.texts, strict=True):
        if written.curves or written.gazes:
            voices = timeline.of_all_speakers(line)
            faces = {face for voice in voices for face in scene.faces_of(written, voice.character)}
            yield _ActedLine(written, line, WordClock(line, text), tuple(sorted(faces)))


def _placed(face: int, curve: Curve, start: float, clock: WordClock | None) -> PlacedCurve:
    begin = start + (clock.at(curve.after) if clock else 0.0)
    seconds, values = (np.array(column, float) for column in zip(*curve.points, strict=True))
    seconds = seconds + begin
    if clock and curve.until is not None:
        until = max(start + clock.at(curve.until), seconds[-1] + 1 / FPS)
        seconds, values = np.append(seconds, (until, until + _RELEASE)), np.append(values, (values[-1], 0.0))
    return PlacedCurve(face, HANDLES[curve.channel], seconds, values, curve.replaces)


def _gaze(scene: Scene, face: int, gaze: Gaze, begin: float, end: float, sides: np.ndarray) -> PlacedGaze:
    other = scene.find(gaze.looks)
    if other is not None:
        aim = (ACROSS * float(np.clip(sides[other] - sides[face], -1, 1)), 0.0)
    elif gaze.looks == "away":
        aim = (-AWAY[0] if sides[face] > 0 else AWAY[0], AWAY[1])
    else:
        aim = _LOOKS.get(gaze.looks, (0.0, 0.0))
    if gaze.opposite:
        aim = (-aim[0], -aim[1])
    return PlacedGaze(face, max(0, round(begin * FPS)), max(0, round(end * FPS)), aim, gaze.turn)


def aim_along(targets: np.ndarray, gazes: Sequence[PlacedGaze]) -> None:
    """Writes gazes into the targets (K, T, 2) that a script asks for; later ones win."""
    for gaze in gazes:
        targets[gaze.face, gaze.first : gaze.stop] = gaze.aim


def head_turns(gazes: Sequence[PlacedGaze]) -> list[PlacedCurve]:
    """The turns of heads that go along with gazes."""
    turns = []
    for gaze in gazes:
        degrees = gaze.turn * _TURN * gaze.aim[0] / ACROSS
        if degrees:
            first, stop = gaze.first / FPS, max(gaze.stop / FPS, gaze.first / FPS + _RELEASE)
            seconds = np.array((first - _RELEASE / 2, first + _RELEASE / 2, stop, stop + _RELEASE))
            turns.append(PlacedCurve(gaze.face, HANDLES["headTurn"], seconds, np.array((0, degrees, degrees, 0.0))))
    return turns


def lay_curves(
    performance: StoredPerformance, curves: Sequence[PlacedCurve], begin: int = 0, end: int | None = None
) -> None:
    """Writes curves into the motion of a performance from one frame to another; elsewhere it stays to the bit."""
    end = performance.n_frames if end is None else end
    for curve in curves:
        first = max(begin, math.ceil(curve.seconds[0] * FPS - 1e-6))
        stop = min(end, math.floor(curve.seconds[-1] * FPS + 1e-6) + 1)
        if stop > first:
            track = performance.motion[curve.face]
            track[first:stop] = _laid(track[first:stop], np.arange(first, stop) / FPS, curve)


def with_curves(motion: np.ndarray, face: int, curves: Sequence[PlacedCurve], first: int) -> np.ndarray:
    """Motion (n, 57) of a face from a frame on with the curves of that face over it."""
    for curve in curves:
        begin = max(0, math.ceil(curve.seconds[0] * FPS - 1e-6) - first)
        stop = min(len(motion), math.floor(curve.seconds[-1] * FPS + 1e-6) + 1 - first)
        if curve.face == face and stop > begin:
            motion = motion.copy()
            motion[begin:stop] = _laid(motion[begin:stop], np.arange(first + begin, first + stop) / FPS, curve)
    return motion


def _laid(motion: np.ndarray, seconds: np.ndarray, curve: PlacedCurve) -> np.ndarray:
    """Motion (n, 57) at some seconds with a curve over it."""
    values = course(seconds, curve.seconds, curve.values) * curve.handle.unit
    out = motion.copy()
    for channel in curve.handle.channels:
        if curve.replaces:
            inside = np.minimum(seconds - curve.seconds[0], curve.seconds[-1] - seconds) * FPS
            share = smoothstep((inside + 1) / (FADE + 1)) if len(curve.seconds) > 1 else 1.0
            out[:, channel] = (1 - share) * motion[:, channel] + share * values
        else:
            out[:, channel] = motion[:, channel] + values
        if channel < WEIGHTS.stop:
            out[:, channel] = out[:, channel].clip(0, 1)
    return out.astype(np.float32)


def course(seconds: np.ndarray, points: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (n,) at some seconds of a smooth course through points, level at its ends, that never goes beyond them."""
    if len(points) == 1:
        return np.full(len(seconds), values[0])
    ends = (points[0] - _EDGE, *points, points[-1] + _EDGE)
    smooth: np.ndarray = PchipInterpolator(ends, (values[0], *values, values[-1]))(seconds)
    return smooth
