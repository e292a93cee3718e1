"""Measures on three dialogues: words and closed mouths by line, blinks, and motion while listening."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from generation.core.arrays import runs
from generation.core.assets import asset
from generation.core.clock import FPS, samples_from_frames
from generation.core.motion import CHANNELS, MOUTH, MotionTrack
from generation.core.performance import Line
from generation.metrics.listeners import reaction_to_partner
from generation.metrics.word_errors import word_errors
from generation.motion.video_tracking import largest_face
from masks.tracking.people import PeopleTracker
from scripts.compose_portraits import DIVIDER, SIDE, write_scene
from scripts.evaluation.bootstrap import mean, ratio, renamed
from scripts.evaluation.judges import Judges, divided_as
from scripts.evaluation.measures.lip_sync import Spoken, pause_closed, rig_gap, rig_lips
from scripts.evaluation.measures.long_takes import longest_still_head
from scripts.evaluation.measures.rendered_face import inner_lip_speed, lids
from scripts.evaluation.scene_runs import SceneRun, perform, write_drawn
from scripts.evaluation.synthesis import Synthesis

DRAWN_VOICES = ("Claire", "Felix")
DRAWN_SCRIPT = (
    (0, "You are late again, and this time you have brought a pony.", 0.3),
    (1, "He followed me. I only stopped to ask him for the way.", 0.4),
    (0, "And did he know the way?", 0.3),
    (1, "Better than the map. We took a short cut through the brewery, and nobody minded but the brewer.", 0.5),
    (0, "Fine. He may stay until five, but he may not have my pudding.", 0.6),
    (1, "May he have mine?", 0.3),
    (0, "That is between you, the pony and your mother.", 0.7),
)
BLINK = 0.5
"""Closing of both lids from which a blink counts."""
LISTENED = 2 * FPS
"""Shortest line, in frames, whose listeners are measured."""
_MOUTH = np.array([name in MOUTH for name in CHANNELS])


def dialogue_scenes(folder: Path) -> dict[str, Path]:
    """The scene files: the sample with three drawn people, two photographs, and a drawn pair; made where missing."""
    cafe = folder / "cafe"
    shutil.copytree(asset("scenes/cafe"), cafe, dirs_exist_ok=True)
    return {
        "cafe": cafe / "scene.yaml",
        "portraits": write_scene(folder / "portraits"),
        "pair": write_drawn(folder / "pair", DRAWN_VOICES, DRAWN_SCRIPT, reverse=False),
    }


def dialogues(wanted: set[str], synthesis: Synthesis, judges: Judges, kept: Path, takes: int) -> dict[str, float]:
    """Figures over all three dialogues; ``takes`` of them where it is measured who moves while listening.

    Returns:
        ``dialogue_wer`` and ``dialogue_p808``; ``dialogue_pause_closed``; ``blinks_per_minute``, ``longest_stare``,
        seconds without a blink, and ``longest_still_head`` of all members; ``leak_idle`` and its floor
        (:func:`leak_idle`), and ``leak_idle_rig`` (:func:`leak_on_the_rig`); ``reaction_`` with
        what :func:`reaction_to_partner` finds in the listeners of lines that nobody talks into.
    """
    scenes = dialogue_scenes(kept / "dialogues")
    first = {name: perform(path, synthesis) for name, path in scenes.items()}
    found: dict[str, float] = {}
    if "dialogues" in wanted:
        found |= _lines(judges, list(first.values())) | _mouths(list(first.values()))
    if "blinks" in wanted:
        motions = [track.values for run in first.values() for track in run.tracks]
        found |= blinks(motions) | {"longest_still_head": longest_still_head(motions)}
    if "reactions" in wanted:
        found |= renamed(_reactions(list(first.values())), "reaction_")
    if "leak_idle" in wanted:
        more = {name: [perform(path, synthesis, seed) for seed in range(1, takes)] for name, path in scenes.items()}
        found |= leak_idle([first["portraits"], *more["portraits"]])
        found |= leak_on_the_rig([*first.values(), *chain.from_iterable(more.values())])
    return found


def _lines(judges: Judges, takes: Sequence[SceneRun]) -> dict[str, float]:
    errors, words, p808 = [], [], []
    for run in takes:
        for line, text in zip(run.timeline.lines, run.timeline.texts, strict=True):
            sound = run.performance.characters[line.character].speech
            sound = sound[samples_from_frames(line.start) : samples_from_frames(line.stop)]
            said = judges.normal(text)
            errors.append(word_errors(said, divided_as(said, judges.words(sound))))
            words.append(len(said))
            p808.append(judges.quality(sound)[1])
    numbers = range(len(errors))
    return ratio("dialogue_wer", numbers, errors, words) | mean("dialogue_p808", numbers, p808)


def _mouths(takes: Sequence[SceneRun]) -> dict[str, float]:
    none = np.zeros(0, int)
    spoken = [
        Spoken(rig_gap(part.motion.values), part.speech, none, number)
        for number, part in enumerate(part for run in takes for part in run.performance.characters)
    ]
    return renamed(pause_closed(spoken), "dialogue_")


def _reactions(takes: Sequence[SceneRun]) -> dict[str, float]:
    pairs = [
        [run.performance.characters[k].motion.values[line.start : line.stop] for k in (line.character, other)]
        for run in takes
        for line in _alone(run)
        for other in range(len(run.performance.characters))
        if other != line.character and line.n_frames >= LISTENED
    ]
    return reaction_to_partner(*zip(*pairs, strict=True))


def blinks(motions: Sequence[np.ndarray]) -> dict[str, float]:
    """Blinks a minute and the longest time without one, over motions (T, 57) of single people."""
    shut = [lids(motion) > BLINK for motion in motions]
    minutes = sum(len(s) for s in shut) / FPS / 60
    stares = [np.diff(np.flatnonzero(np.concatenate([[True], s, [True]]))).max() - 1 for s in shut]
    return {
        "blinks_per_minute": sum(len(runs(s)) for s in shut) / minutes,
        "longest_stare": float(max(stares)) / FPS,
    }


def leak_idle(takes: Sequence[SceneRun]) -> dict[str, float]:
    """How fast the inner lips of a listener move, idle life on, over those of the speaker: faces tracked in pixels.

    Args:
        takes: scenes of two photographs side by side.

    Returns:
        ``leak_idle``: mean over the lines that nobody talks into, pose taken out; ``leak_floor``: the same with every
        mouth channel of the listener at zero, so that only head, eyes and brows move: the tracker's own noise.
    """
    halves = (slice(0, SIDE), slice(SIDE + DIVIDER, 2 * SIDE + DIVIDER))
    shares, floors = [], []
    for run in takes:
        whole = _speeds(run, run.tracks, halves)
        floor = _speeds(run, [MotionTrack(track.values * ~_MOUTH) for track in run.tracks], halves)
        assigned = [person.character for person in run.geometry.assigned]
        for line in _alone(run):
            speaker = assigned.index(line.character)
            own = whole[speaker][line.start : line.stop].mean()
            shares.append(whole[1 - speaker][line.start : line.stop].mean() / own)
            floors.append(floor[1 - speaker][line.start : line.stop].mean() / own)
    return {"leak_idle": float(np.mean(shares)), "leak_floor": float(np.mean(floors))}


def leak_on_the_rig(takes: Sequence[SceneRun]) -> dict[str, float]:
    """The same where no tracker is between: ``leak_idle_rig``, mean over listeners of lines that nobody talks into."""
    shares = []
    for run in takes:
        parts = run.performance.characters
        speeds = [np.linalg.norm(np.diff(rig_lips(p.motion.values), axis=0), axis=-1).mean(1) for p in parts]
        for line in _alone(run):
            moved = [speed[line.start : line.stop].mean() for speed in speeds]
            own = moved.pop(line.character)
            shares += [other / own for other in moved]
    return {"leak_idle_rig": float(np.mean(shares))}


def _alone(run: SceneRun) -> list[Line]:
    """Lines that nobody talks into."""
    lines = run.timeline.lines
    return [a for a in lines if not any(b is not a and b.start < a.stop and a.start < b.stop for b in lines)]


def _speeds(run: SceneRun, tracks: Sequence[MotionTrack], halves: Sequence[slice]) -> list[np.ndarray]:
    """Inner-lip speed of each face as the tracker sees it, (T,)."""
    frames = list(run.renderer().frames(tracks))
    found = []
    for half in halves:
        tracker = PeopleTracker()
        still = largest_face([np.ascontiguousarray(run.picture[:, half])] * 3, tracker)[-1]
        points = largest_face((np.ascontiguousarray(frame[:, half]) for frame in frames), tracker)
        speed = inner_lip_speed(points, still)
        found.append(np.concatenate([speed[:1], speed]))
    return found
