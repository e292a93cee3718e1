"""Scores of a clip of one face: expression a frame, identity, flicker of still skin, blinks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from generation.core.arrays import runs
from generation.core.clock import FPS
from generation.motion.tracking import eye_opening
from masks.landmarks import FaceLandmarker, FaceLandmarks
from scripts.evaluation.faces.networks import EXPRESSIONS, FaceJudges

_SHUT = 0.6
"""Share of the clip's usual opening of the eyes below which the lids count as shut."""
_SKIN = (151, 108, 337, 205, 425)
"""Middle of the forehead and of both cheeks: skin that speech moves little."""


@dataclass(frozen=True)
class ClipScores:
    """What judges say of a clip of T frames.

    Attributes:
        first: (T, 7) probabilities of :data:`EXPRESSIONS` by the first network.
        second: (T, 7) by the second one.
        identity: (T,) distance to the picture that was animated, or to the first frame.
        flicker: grey levels by which patches of skin, each laid on its place of the frame before, change a frame.
        blinks_a_minute: how often both eyes shut.
        blink_ms: (B,) how long each of those lasted.
        points: (T, 478, 3) landmarks, pixels.
    """

    first: np.ndarray
    second: np.ndarray
    identity: np.ndarray
    flicker: float
    blinks_a_minute: float
    blink_ms: np.ndarray
    points: np.ndarray

    def named(self, expression: str, by: np.ndarray) -> np.ndarray:
        """(T,) bool: frames in which the likeliest expression of (T, 7) is this one."""
        return by.argmax(1) == EXPRESSIONS.index(expression)


def score_clip(
    frames: Iterable[np.ndarray],
    judges: FaceJudges,
    landmarker: FaceLandmarker,
    picture: np.ndarray,
    face: FaceLandmarks,
    second: bool = True,
) -> ClipScores:
    """Scores of uint8 (H, W, 3) frames of one face, which is followed from its place ``face`` in ``picture``.

    ``second``: whether the second network of expressions is asked, too; without it, its scores are NaN.
    """
    own = judges.identity(picture, face.points)
    first, others, identity, points, grey = [], [], [], [], []
    before = face
    for frame in frames:
        before = landmarker.track(frame, before) or before
        first.append(judges.expressions(frame, before.points))
        others.append(judges.second_expressions(frame, before.points) if second else np.full(len(EXPRESSIONS), np.nan))
        identity.append(float(np.linalg.norm(judges.identity(frame, before.points) - own)))
        points.append(before.points)
        grey.append(_patches(frame, before))
    seen = np.array(points)
    shut = shut_runs(eye_opening(seen))
    lengths = np.array([1000.0 / FPS * (stop - start) for start, stop in shut])
    return ClipScores(
        np.array(first), np.array(others), np.array(identity), flicker(grey), len(shut) * 60.0 * FPS / len(seen),
        lengths, seen,
    )  # fmt: skip


def shut_runs(opening: np.ndarray) -> list[tuple[int, int]]:
    """First and behind last frame of each time at which eyes that open by (T,) are shut."""
    return runs(opening < _SHUT * np.median(opening))


def flicker(patches: list[np.ndarray]) -> float:
    """Mean change from one frame to the next of (P, h, w) patches of skin, grey levels; 0 for a single frame."""
    if len(patches) < 2:
        return 0.0
    return float(np.mean([np.abs(a - b).mean() for a, b in zip(patches, patches[1:], strict=False)]))


def _patches(frame: np.ndarray, face: FaceLandmarks, size: int = 16) -> np.ndarray:
    """(5, size, size) mean-free grey patches of skin, a tenth of the eyes' distance wide each way."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    reach = 0.1 * face.inter_ocular
    steps = np.linspace(-reach, reach, size, dtype=np.float32)
    found = []
    for x, y in face.points[list(_SKIN), :2] - 0.5:
        at_x, at_y = np.meshgrid(np.float32(x) + steps, np.float32(y) + steps)
        patch = cv2.remap(grey, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        found.append(patch - patch.mean())
    return np.array(found)
