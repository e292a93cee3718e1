"""Lines on a video: those that are longer than the gap before what follows are spoken faster, within limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from generation.core.clock import seconds_from_frames
from studio.core.problems import Problem
from studio.scene.schema import Scene

MOST_FASTER = 1.3
"""Most by which a line is spoken faster to fit its gap."""
_ROUNDS = 4
_SPARE = 1.01
"""A little faster than the lengths say, for ends are rounded to whole frames."""

PlacedLengths = Callable[[Scene], tuple[list[int], list[int]]]
"""First frames and lengths in frames of a scene's lines."""


def fit_to_gaps(scene: Scene, placed: PlacedLengths, n_frames: int) -> Scene:
    """The scene with faster lines where they do not fit.

    A gap ends where the next line with a ``start`` begins, or the video. Before another person's line a line is only
    made faster if that is enough: longer ones go on below it.

    Args:
        scene: the scene.
        placed: measures and places lines; asked again where some became faster.
        n_frames: length of the video.

    Raises:
        DocumentError: as of ``placed``.
    """
    factors = [1.0] * len(scene.script)
    written = scene
    for _ in range(_ROUNDS):
        starts, lengths = placed(scene)
        wanted = [_wanted(scene, index, starts, lengths, n_frames) for index in range(len(starts))]
        fixed = [line.recording is not None for line in scene.script]
        new = [
            factor if still else min(MOST_FASTER, factor * (want * _SPARE if want > 1 else 1))
            for factor, want, still in zip(factors, wanted, fixed, strict=True)
        ]
        if new == factors:
            break
        factors = new
        script = tuple(
            line.model_copy(update={"speed": line.speed * factor})
            for line, factor in zip(written.script, factors, strict=True)
        )
        scene = written.model_copy(update={"script": script})
    return scene


def _wanted(scene: Scene, index: int, starts: Sequence[int], lengths: Sequence[int], n_frames: int) -> float:
    """How much faster a line has to be to fit; 1 where it fits, or where that is not to be reached and need not be."""
    start, length = starts[index], lengths[index]
    speakers = set(scene.speakers_of(scene.script[index]))
    own, others = n_frames, n_frames
    for line, begin in zip(scene.script, starts, strict=True):
        if line.start is not None and begin > start:
            others = min(others, begin)
            if speakers & set(scene.speakers_of(line)):
                own = min(own, begin)
    to_others = length / max(others - start, 1)
    return max(1.0, to_others if to_others <= MOST_FASTER else length / max(own - start, 1))


def find_overruns(scene: Scene, starts: Sequence[int], lengths: Sequence[int], n_frames: int) -> list[Problem]:
    """Each line that goes on after the end of the video."""
    problems = []
    for index, (line, start, length) in enumerate(zip(scene.script, starts, lengths, strict=True)):
        if start + length > n_frames:
            ends, end = seconds_from_frames(start + length), seconds_from_frames(n_frames)
            what = f"script line {index + 1} ({line.who}) ends at {ends:.2f} s, and the video at {end:.2f} s"
            problems.append(Problem("script", what, "shorten it, or begin it earlier", ("script", index)))
    return problems


def long_lines(scene: Scene, starts: Sequence[int], lengths: Sequence[int], n_frames: int) -> list[Problem]:
    """What is worth a look about lines that are longer than their gaps; lengths are estimates."""
    told = []
    for index, line in enumerate(scene.script):
        wanted = _wanted(scene, index, starts, lengths, n_frames)
        if wanted <= 1 or line.recording is not None:
            continue
        seconds = seconds_from_frames(lengths[index])
        room = seconds / wanted
        takes = f"script line {index + 1} ({line.who}) takes about {seconds:.1f} s and has {room:.1f} s"
        if wanted <= MOST_FASTER:
            what = f"{takes}, so that it is spoken faster"
        else:
            what = f"{takes}, and it is spoken at most {MOST_FASTER:g} times as fast"
        told.append(Problem("script", what, "shorten it", ("script", index)))
    return told
