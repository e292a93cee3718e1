"""Where a person's face is in each frame, and where its points are to be for the wanted mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from generation.core.arrays import smoothstep
from generation.core.motion import BLENDSHAPES, MOUTH, N_CHANNELS, WEIGHTS
from generation.motion.rig import STABLE_POINTS, FaceRig, align_similarity
from generation.motion.tracking import weights_from_landmarks
from masks.tracking.smoothing import smooth_peaks

RIGID = np.unique(np.concatenate([STABLE_POINTS, [2, 19, 94, 97, 98, 326, 327, 195, 5]]))
"""Points that facial motion hardly moves, down to the base of the nose, near the mouth."""
_POSE_WINDOW = 9
"""Frames over which the head's turn and size are smoothed."""
_LOWER = -0.55, -0.85
"""Height in the rig's space at which the lower face begins, and from which on it is all new."""
_MOUTH = [BLENDSHAPES.index(name) for name in MOUTH]


@dataclass(frozen=True)
class Placement:
    """One run of frames of a person, as the dub needs it.

    Attributes:
        source: (n, 478, 2) landmarks as they are, pixels of the frame.
        wanted: (n, 478, 2) as they are to be; upper faces are the same.
        values: (n, 57) motion of the mouth that is drawn, from the reference's rest.
        share: (n,) 0..1, how much of the new mouth is seen.
    """

    source: np.ndarray
    wanted: np.ndarray
    values: np.ndarray
    share: np.ndarray


def lower_share(rig: FaceRig) -> np.ndarray:
    """(478,) 1 where points belong to the lower face, 0 from the nose's tip upwards."""
    share: np.ndarray = smoothstep((_LOWER[0] - rig.mean[:, 1]) / (_LOWER[0] - _LOWER[1]))
    return share


def place_mouth(
    rig: FaceRig, reference: np.ndarray, points: np.ndarray, motion: np.ndarray, share: np.ndarray
) -> Placement:
    """Where the points of consecutive frames are to be.

    Args:
        rig: the face rig.
        reference: (478, 3) landmarks of the person's reference: the zero of the motion.
        points: (n, 478, 3) smoothed landmarks of frames that follow each other within one shot.
        motion: (n, 57) wanted; only mouth and jaw count.
        share: (n,) 0 = the person's own mouth, 1 = the wanted one; in between the one becomes the other.
    """
    reference, points = reference.astype(np.float64), points.astype(np.float64)
    own = weights_from_landmarks(points, reference, rig)
    values = np.zeros((len(points), N_CHANNELS), np.float32)
    values[:, _MOUTH] = own[:, _MOUTH] + share[:, None] * (motion[:, _MOUTH] - own[:, _MOUTH])
    pose = rig.fit_pose(reference)
    moved = pose.displacement_to_picture(rig.displace(values[:, WEIGHTS]))
    scale, rotation, centre = _head(reference, points)
    middle = reference[RIGID].mean(0)
    turned = np.einsum("tij,tnj->tni", rotation, reference - middle + moved)[..., :2]
    goal = scale[:, None, None] * turned + centre[:, None]
    source = points[..., :2]
    weight = lower_share(rig)[None, :, None] * np.asarray(share)[:, None, None]
    return Placement(source, source + weight * (goal - source), values, np.asarray(share, np.float32))


def _head(reference: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Size (n,), rotation (n, 3, 3) and middle (n, 2) of the head in each frame, from the reference, smoothed."""
    rigid = np.broadcast_to(reference[RIGID], (len(points), len(RIGID), 3))
    scale, rotation, _ = align_similarity(rigid, points[:, RIGID])
    vectors = smooth_peaks(Rotation.from_matrix(rotation).as_rotvec(), _POSE_WINDOW)
    scale = np.exp(smooth_peaks(np.log(scale), _POSE_WINDOW))
    return scale, Rotation.from_rotvec(vectors).as_matrix(), points[:, RIGID, :2].mean(1)
