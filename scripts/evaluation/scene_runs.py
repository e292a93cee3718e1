"""Runs whole scenes through the studio, from a file to everybody's speech and motion."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from generation.core.motion import MotionTrack
from generation.core.performance import Performance
from generation.rendering.face import RenderFace
from generation.rendering.renderer import SceneRenderer
from masks.topology import LIPS_OUTER
from scripts.draw_cast import draw_cast, write_cast
from scripts.evaluation.synthesis import Synthesis
from studio.cast.geometry import SceneGeometry, build_geometry
from studio.core.progress import Progress, Stage
from studio.performance.performer import ScenePerformer
from studio.timeline.timeline import Timeline
from studio.validation.scene_check import check_scene


@dataclass(frozen=True)
class SceneRun:
    """A cast and what its members do: geometry and motion tracks a face, the performance a member."""

    picture: np.ndarray
    geometry: SceneGeometry
    timeline: Timeline
    performance: Performance
    tracks: list[MotionTrack]

    def renderer(self, order: Sequence[int] | None = None) -> SceneRenderer:
        """A renderer of the picture with the faces handed over in some order."""
        p = self.geometry
        order = range(len(p.assigned)) if order is None else order
        faces = [RenderFace(p.assigned[i].face, p.regions[i], p.assigned[i].drawn, p.masks[i].mask) for i in order]
        return SceneRenderer(self.picture, faces)

    def mouths(self) -> list[np.ndarray]:
        """(H, W) bool a face: the lips and what is a little around them."""
        return [_mouth(person.face.points, self.picture.shape[:2]) for person in self.geometry.assigned]

    def reversed(self) -> SceneRun:
        """The same with the faces in the opposite order."""
        p = self.geometry
        geometry = replace(p, assigned=p.assigned[::-1], masks=p.masks[::-1], regions=p.regions[::-1])
        return replace(self, geometry=geometry, tracks=self.tracks[::-1])


def perform(path: Path, synthesis: Synthesis, seed: int = 0) -> SceneRun:
    """Everything of a scene file but its frames; finished pieces are kept beside it.

    Raises:
        ValueError: the scene has problems.
    """
    report = check_scene(path)
    if report.problems or report.scene is None or report.assignment is None:
        raise ValueError(" ".join(map(str, report.problems)))
    geometry = build_geometry(report.scene, report.assignment)
    performer = ScenePerformer(report.scene, path.parent, synthesis.models, seed=seed, steps=synthesis.steps)
    timeline = performer.timeline()
    work = path.parent / synthesis.weights
    progress = Progress([Stage("speech", 1)])
    performance = performer.perform(timeline, geometry.routing, geometry.sides, work, progress).whole()
    tracks = [performance.characters[person.character].motion for person in geometry.assigned]
    return SceneRun(report.assignment.picture, geometry, timeline, performance, tracks)


def write_drawn(folder: Path, voices: Sequence[str], script: Sequence[tuple[int, str, float]], reverse: bool) -> Path:
    """A scene file with a drawn cast, one member a voice, and its picture; the script is (who, text, pause) a line."""
    drawn = draw_cast(len(voices))
    write_cast(drawn, folder)
    names = [face.name for face in drawn.faces]
    cast = [{"name": n, "mask": f"{n.lower()}.png", "voice": v} for n, v in zip(names, voices, strict=True)]
    lines = [{"who": names[who], "text": text, "pause": pause} for who, text, pause in script]
    scene = {"picture": "picture.png", "consent": "drawn", "rig": "rig.yaml", "script": lines}
    path = folder / ("backwards.json" if reverse else "scene.json")
    path.write_text(json.dumps(scene | {"cast": cast[::-1] if reverse else cast}), encoding="utf-8")
    return path


def _mouth(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    hull = cv2.convexHull(np.round(points[list(LIPS_OUTER), :2]).astype(np.int32))
    filled = cv2.fillConvexPoly(np.zeros(size, np.uint8), hull, 1)
    reach = max(1, int(0.3 * np.ptp(hull[:, 0, 0])))
    return cv2.dilate(filled, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(bool)
