"""What is measured in rendered pixels: closed lips on a real face, and who moves in drawn casts of one to four."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from generation.grid import FPS
from generation.metrics import change_energy, contact_frames, largest_change
from generation.motion import CHANNELS, MOUTH, WEIGHTS, MotionTrack
from generation.rendering.face import RenderFace
from generation.rendering.scene import SceneRenderer
from generation.tracking import MotionTracker, lip_gap
from masks.landmarks import FaceLandmarker
from masks.regions import motion_region
from masks.segment import segment_person
from masks.topology import LIPS_OUTER
from scripts.compose_portraits import DIVIDER, SIDE, compose
from scripts.draw_cast import draw_cast, write_cast
from scripts.evaluation.lips import Spoken, closure, loudness
from scripts.evaluation.synthesis import STEPS, Take
from studio.checks import check_scene
from studio.progress import Progress, Stage
from studio.seating import ALLOWED_MOTION, Places, find_places
from studio.speech import Speech
from studio.timeline import Timeline

VOICES = ("af_heart", "bm_george", "af_bella", "am_michael")
SENTENCES = ("My boat is open.", "Maybe we pay more.", "Five small apples fell.", "Bob may move above.")
SPEECH_CHANNELS = np.array([name in MOUTH and not name.startswith("mouthSmile") for name in CHANNELS])
"""What speaking moves; all else, a listener's smile too, is idle life."""


class Portrait:
    """A photograph of one person (Grace Hopper, US Navy, public domain), 512 x 512, and its renderer."""

    def __init__(self) -> None:
        self.picture = np.ascontiguousarray(compose()[:, SIDE + DIVIDER :])
        (face,) = FaceLandmarker().detect(self.picture)
        mask = segment_person(self.picture, face)
        region = motion_region(face, mask, [], ALLOWED_MOTION)
        self._renderer = SceneRenderer(self.picture, [RenderFace(face, region, mask=mask)])
        self._tracker = MotionTracker()
        self._rest = float(lip_gap(self._tracker.landmarks([self.picture]))[0])
        self.seconds, self.frames = 0.0, 0

    def gap(self, motion: np.ndarray) -> np.ndarray:
        """Lip gap (T,) as the tracker sees it in rendered frames of motion (T, 57), relative to the still picture."""
        began = perf_counter()
        frames = list(self._renderer.frames([MotionTrack(motion)]))
        self.seconds += perf_counter() - began
        self.frames += len(frames)
        return lip_gap(self._tracker.landmarks(frames)) - self._rest

    def figures(self, takes: Sequence[Take], motions: Sequence[np.ndarray]) -> dict[str, float]:
        """Closure and mouth_loudness_r of motions (T, 57) for the sound of some takes."""
        sentences = [
            Spoken(self.gap(motion), take.speech, contact_frames(take.phonemes, take.durations, take.start))
            for take, motion in zip(takes, motions, strict=True)
        ]
        return closure(sentences) | loudness(sentences)

    @property
    def rtf(self) -> float:
        """Seconds of rendering per second of video so far."""
        return self.seconds * FPS / self.frames


@dataclass(frozen=True)
class _Stage:
    """A drawn cast and what its members do: motion a face, and where faces, mouths and lines are."""

    picture: np.ndarray
    places: Places
    timeline: Timeline
    tracks: list[MotionTrack]
    mouths: list[np.ndarray]

    def frames(self, tracks: Sequence[MotionTrack], order: Sequence[int]) -> np.ndarray:
        """Every second frame (T, H, W, 3), the faces handed to the renderer in some order, each with its track."""
        p = self.places
        faces = [RenderFace(p.seats[i].face, p.regions[i], p.seats[i].drawn, p.masks[i].mask) for i in order]
        chosen = [MotionTrack(tracks[i].values[::2]) for i in order]
        return np.stack(list(SceneRenderer(self.picture, faces).frames(chosen)))

    def energies(self, frames: np.ndarray) -> np.ndarray:
        """(lines, faces) change of each mouth while each line is spoken, frames as of :meth:`frames`."""
        rows = []
        for line in self.timeline.lines:
            span = frames[-(-line.start // 2) : -(-line.stop // 2)]
            rows.append([change_energy(span, self.picture, mouth) for mouth in self.mouths])
        return np.array(rows)


def binding(kept: Path, casts: Sequence[int] = (1, 2, 3, 4)) -> dict[str, float]:
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
        stage = _perform(count, kept, reverse=False)
        people = list(range(count))
        fixed = np.max(stage.places.regions, axis=0) <= 0
        outside = max(outside, largest_change(stage.frames(stage.tracks, people), stage.picture, fixed))
        if count == 1:
            continue
        speakers = [line.character for line in stage.timeline.lines]
        quiet = [_only(track, SPEECH_CHANNELS) for track in stage.tracks]
        frames = stage.frames(quiet, people)
        leaks += _shares(stage.energies(frames), speakers)
        heads_still = [_only(track, np.arange(len(CHANNELS)) < WEIGHTS.stop) for track in stage.tracks]
        smiles += _shares(stage.energies(stage.frames(heads_still, people)), speakers)
        turned = stage.energies(stage.frames(quiet[1:] + quiet[:1], people))
        swaps += [int(row.argmax()) == (speaker - 1) % count for row, speaker in zip(turned, speakers, strict=True)]
        other = _perform(count, kept, reverse=True)
        back = other.frames([_only(track, SPEECH_CHANNELS) for track in other.tracks], people)
        order = max(order, int(np.abs(back.astype(np.int16) - frames).max()))
    return {
        "leak": float(np.mean(leaks)),
        "leak_worst": float(np.max(leaks)),
        "smiles": float(np.mean(smiles)),
        "swap": float(np.mean(swaps)),
        "order": float(order),
        "outside": float(outside),
    }


def _only(track: MotionTrack, channels: np.ndarray) -> MotionTrack:
    return MotionTrack(track.values * channels)


def _shares(energies: np.ndarray, speakers: Sequence[int]) -> list[float]:
    """The most moved silent mouth over the speaker's, a line."""
    return [max(np.delete(row, who)) / row[who] for row, who in zip(energies, speakers, strict=True)]


def _perform(count: int, kept: Path, reverse: bool) -> _Stage:
    """The studio's own way from a scene file to motion, for a drawn cast; seats and tracks from left to right."""
    folder = kept / "casts" / str(count)
    drawn = draw_cast(count)
    write_cast(drawn, folder)
    names = [face.name for face in drawn.faces]
    cast = [{"name": n, "mask": f"{n.lower()}.png", "voice": v} for n, v in zip(names, VOICES, strict=False)]
    script = [{"who": n, "text": t, "pause": 0.4} for n, t in zip(names, SENTENCES, strict=False)]
    scene = {"picture": "picture.png", "consent": "drawn", "rig": "rig.yaml", "script": script}
    path = folder / ("backwards.json" if reverse else "scene.json")
    path.write_text(json.dumps(scene | {"cast": cast[::-1] if reverse else cast}), encoding="utf-8")
    report = check_scene(path)
    if report.problems or report.scene is None or report.casting is None:
        raise ValueError(" ".join(report.problems))
    places = find_places(report.scene, report.casting)
    speech = Speech(report.scene, folder, seed=0, steps=STEPS, device=None)
    timeline = speech.timeline()
    progress = Progress([Stage("speech", 1)])
    performance = speech.perform(timeline, places.routing, places.sides, folder / "work", progress)
    tracks = [performance.characters[seat.character].motion for seat in places.seats]
    mouths = [_mouth(seat.face.points, report.casting.picture.shape[:2]) for seat in places.seats]
    if reverse:
        places = replace(places, seats=places.seats[::-1], masks=places.masks[::-1], regions=places.regions[::-1])
        tracks, mouths = tracks[::-1], mouths[::-1]
    return _Stage(report.casting.picture, places, timeline, tracks, mouths)


def _mouth(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: the lips and what is a little around them."""
    hull = cv2.convexHull(np.round(points[list(LIPS_OUTER), :2]).astype(np.int32))
    filled = cv2.fillConvexPoly(np.zeros(size, np.uint8), hull, 1)
    reach = max(1, int(0.3 * np.ptp(hull[:, 0, 0])))
    return cv2.dilate(filled, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(bool)
