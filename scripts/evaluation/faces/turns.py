"""Turned heads: are they turned as far as asked, and is their outline as smooth as it was?"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from generation.core.motion import N_CHANNELS, ROTATION, MotionTrack
from generation.motion.rig import PICTURE_TO_RIG, STABLE_POINTS, align_similarity
from generation.rendering.renderer import SceneRenderer
from masks.landmarks import FaceLandmarker
from masks.topology import CHIN
from scripts.evaluation.faces.portraits import JudgedPortrait

FARTHEST = 30.0
"""Degrees."""
_AGAIN = 2
"""How often a still is looked at: the first look is from the cut-out of the frame before."""


def turned_by(degrees: Sequence[float]) -> np.ndarray:
    """(T, 57) motion of a head turned by so many degrees about its upright axis, nothing else."""
    motion = np.zeros((len(degrees), N_CHANNELS), np.float32)
    motion[:, ROTATION.start + 1] = np.radians(degrees)
    return motion


def seen_turns(portrait: JudgedPortrait, degrees: Sequence[float], landmarker: FaceLandmarker) -> np.ndarray:
    """(T,) degrees by which the head of each frame is turned from the picture, as it is tracked."""
    still = landmarker.track(portrait.picture, portrait.face.landmarks) or portrait.face.landmarks
    points, before = [], still
    for frame in portrait.frames(turned_by(degrees)):
        for _ in range(_AGAIN):
            before = landmarker.track(frame, before) or landmarker.track(frame, still) or before
        points.append(before.points[STABLE_POINTS] * PICTURE_TO_RIG)
    _, rotation, _ = align_similarity(np.array(points, np.float64), still.points[STABLE_POINTS] * PICTURE_TO_RIG)
    return np.degrees(Rotation.from_matrix(rotation.transpose(0, 2, 1)).as_rotvec()[:, 1])


def roughness(alpha: np.ndarray, unit: float) -> float:
    """How much longer an outline (H, W) uint8 is than that of the same shape smoothed over 0.03 ``unit``, a share."""
    smooth = cv2.GaussianBlur(alpha, (0, 0), 0.03 * unit)
    longer, shorter = (
        sum(cv2.arcLength(c, True) for c in cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0])
        for shape in (np.uint8(alpha > 127), np.uint8(smooth > 127))
    )
    return longer / max(shorter, 1.0) - 1.0


def outline_roughness(portrait: JudgedPortrait, degrees: Sequence[float]) -> np.ndarray:
    """(T,) roughness of the head's outline, from its top to the chin, of the portrait turned by so many degrees."""
    face, mask = portrait.face, portrait.face.mask
    assert mask is not None
    cut = np.dstack([portrait.picture, cv2.GaussianBlur(np.uint8(255 * mask), (0, 0), 1.0)])
    cut[cut[..., 3] == 0] = 0
    unit, chin = face.landmarks.inter_ocular, int(face.landmarks.points[CHIN, 1])
    frames = SceneRenderer(portrait.picture, [face], cut=cut).frames([MotionTrack(turned_by(degrees))])
    return np.array([roughness(np.ascontiguousarray(frame[:chin, :, 3]), unit) for frame in frames])


def turn_figures(chosen: Sequence[JudgedPortrait], count: int = 20) -> dict[str, float]:
    """Twenty turns from -30 to 30 degrees on each portrait.

    Returns:
        ``turn_error_deg``: mean error of the tracked turns; ``turn_error_most_deg``: the largest of any; ``turn_30``:
        the mean turn that is seen where 30 degrees are asked; ``outline_ratio``: roughness of the outlines at 30
        degrees over that at 0.
    """
    landmarker = FaceLandmarker()
    keys = np.linspace(-FARTHEST, FARTHEST, count)
    errors, farthest, rough = [], [], []
    for portrait in chosen:
        seen = seen_turns(portrait, keys, landmarker)
        errors.append(np.abs(seen - keys))
        farthest += [-seen[0], seen[-1]]
        rough.append(outline_roughness(portrait, [-FARTHEST, 0.0, FARTHEST]))
    left, still, right = np.mean(rough, 0)
    return {
        "turn_error_deg": float(np.mean(errors)),
        "turn_error_most_deg": float(np.max(errors)),
        "turn_30": float(np.mean(farthest)),
        "outline_ratio": float((left + right) / (2 * still)),
    }
