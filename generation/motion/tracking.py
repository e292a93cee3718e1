"""Landmarks to motion: ARKit weights and head pose by bounded least squares on the rig.

For frames t with displacements d_t from the person's own rest (pose taken out), all weights are found together::

    minimise  sum_t |S (w_t B - d_t)|^2 + ridge |w_t|^2 + sparse . w_t + smooth |w_t - w_{t-1}|^2,   0 <= w <= 1

S weighs points by what they tell (lids and lips most, depth little). Solved by accelerated projected gradient
(FISTA; Beck and Teboulle 2009), which needs only the 51 x 51 matrix B'S²B.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from generation.core.clock import FPS
from generation.core.motion import BLENDSHAPES, N_CHANNELS, ROTATION, TRANSLATION, WEIGHTS
from generation.core.stored_array import StoredArray, blocks
from generation.motion.rig import PICTURE_TO_RIG, STABLE_POINTS, FaceRig, align_similarity, eye_centres
from generation.motion.rig_basis import LIDS, LIPS
from masks.topology import FACE_OVAL, LEFT_BROW, LEFT_EYE_RING, LEFT_IRIS, RIGHT_BROW, RIGHT_EYE_RING, RIGHT_IRIS

RIDGE = 0.05
SPARSE = 0.01
RARE = ("cheekPuff", "cheekSquint", "noseSneer", "mouthLeft", "mouthRight", "jawLeft", "jawRight", "jawForward")
RARE_SPARSE = 0.05
"""Higher price of channels that speech never uses and that the fit would take for others near by."""
SMOOTH = 0.02
ITERATIONS = 400
SHUT_SHARE = 0.16
"""Share of the open eye's height that the tracker still sees between the edges of shut lids (recorded blinks)."""
SMALLEST_EYES = 0.06
"""Opening of the lids, inter-ocular distances, below which blinks are not stretched any further."""
VIEWING_DISTANCE = 10.0
"""Inter-ocular distances between face and camera (about 0.6 m): turns a change of size into headTranslationZ."""
POSE_SMOOTHING = 1.0
"""Standard deviation in frames of the Gaussian that takes the landmarks' jitter out of the head's pose."""

_REST_FRAMES = 1000
"""Most frames at rest of which somebody's own rest is the mean."""
_BLOCK, _REACH = 1000, 50
"""Frames whose weights are found together, and those around them that count for smoothness alone."""


def lip_gap(points: np.ndarray) -> np.ndarray:
    """Opening of the inner lips (points 13 and 14) over the distance between the eyes; (..., 478, 3) -> (...)."""
    right, left = eye_centres(points)
    return np.linalg.norm(points[..., 13, :] - points[..., 14, :], axis=-1) / np.linalg.norm(left - right, axis=-1)


def eye_opening(points: np.ndarray) -> np.ndarray:
    """Mean height of both eyes' openings in the points' unit; (..., 478, 3) -> (...)."""
    return np.linalg.norm(points[..., [159, 386], :] - points[..., [145, 374], :], axis=-1).mean(-1)


def at_rest(points: np.ndarray) -> np.ndarray:
    """(T,) bool: frames of points (T, 478, 3) with the most closed lips (lowest fifth) and open eyes (upper 60 %)."""
    return _at_rest(lip_gap(points), eye_opening(points))


def _at_rest(gap: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    closed = gap <= np.quantile(gap, 0.2)
    still = closed & (eyes >= np.quantile(eyes, 0.4))
    return still if still.any() else closed


def weights_from_landmarks(
    points: np.ndarray, rest: np.ndarray | None = None, rig: FaceRig | None = None
) -> np.ndarray:
    """Motion channels of one person's landmarks.

    Args:
        points: (T, 478, 3) landmarks at 25 frames/s in pixels: x right, y down, z away from the viewer on x's scale.
        rest: (478, 3) landmarks of the same person with closed lips and open eyes, e.g. of the picture that was
            animated; by default the mean of the clip's own frames at rest. It is the zero of all channels.
        rig: the packaged one by default.

    Returns:
        (T, 57) float32 in the order and units of :data:`generation.core.motion.CHANNELS`.

    Raises:
        ValueError: another shape, or a coordinate that is not finite.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 3 or points.shape[1:] != (478, 3) or not len(points):
        raise ValueError(f"Landmarks need shape (frames, 478, 3); these have {points.shape}.")
    if not np.isfinite(points).all():
        raise ValueError(f"The landmarks of frame {np.argwhere(~np.isfinite(points))[0][0]} are not finite numbers.")
    rig = rig or FaceRig.load()
    camera = points * PICTURE_TO_RIG
    neutral = _own_rest(camera, at_rest(points)) if rest is None else np.asarray(rest, np.float64) * PICTURE_TO_RIG
    scale, rotation, shift = align_similarity(camera[:, STABLE_POINTS], neutral[STABLE_POINTS])
    laid = scale[:, None, None] * camera @ rotation.transpose(0, 2, 1) + shift[:, None]
    pose = rig.fit_pose(neutral * PICTURE_TO_RIG)
    displacement = (laid - neutral) @ pose.rotation / pose.scale
    own_eyes = eye_opening(neutral) / pose.scale
    displacement[:, LIDS] *= eye_opening(rig.mean) / max(own_eyes * (1.0 - SHUT_SHARE), SMALLEST_EYES)
    out = np.zeros((len(points), N_CHANNELS), np.float32)
    out[:, WEIGHTS] = solve_weights(displacement, rig)
    out[:, ROTATION], out[:, TRANSLATION] = _head_motion(camera, neutral, scale, rotation)
    return out


def _own_rest(camera: np.ndarray, still: np.ndarray) -> np.ndarray:
    """Mean face (478, 3) of the frames at rest, in their mean pose and size."""
    frames = camera[still]
    scale, rotation, shift = align_similarity(frames[:, STABLE_POINTS], frames[0, STABLE_POINTS])
    shape = (scale[:, None, None] * frames @ rotation.transpose(0, 2, 1) + shift[:, None]).mean(0)
    back = Rotation.from_matrix(rotation).inv().mean().as_matrix()
    centre = shape[STABLE_POINTS].mean(0)
    return (shape - centre) @ back.T / scale.mean() + frames[:, STABLE_POINTS].mean((0, 1))


def _head_motion(
    camera: np.ndarray, neutral: np.ndarray, scale: np.ndarray, rotation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Axis-angle (T, 3) in radians and translation (T, 3) in inter-ocular distances, in camera axes, from the rest.

    ``scale`` and ``rotation`` lay each frame on the rest. The head's place is that of the point between the eyes.
    """
    turned = Rotation.from_matrix(rotation.transpose(0, 2, 1)).as_rotvec()
    right, left = eye_centres(neutral)
    unit = np.linalg.norm(left - right)
    moved = (np.mean(eye_centres(camera), axis=0) - 0.5 * (right + left)) / unit
    moved[:, 2] = VIEWING_DISTANCE * (1.0 - scale)
    if len(camera) == 1:
        return turned, moved
    return gaussian_filter1d(turned, POSE_SMOOTHING, axis=0), gaussian_filter1d(moved, POSE_SMOOTHING, axis=0)


def point_weights() -> np.ndarray:
    """(478, 3) S of the fit: lids and lips count most, brows next, irises, the outline and all depth little."""
    weight = np.full(478, 0.5)
    weight[list(FACE_OVAL)] = 0.25
    weight[list(LEFT_BROW + RIGHT_BROW)] = 1.0
    weight[list(LIPS)] = 1.5
    weight[list(LIDS + LEFT_EYE_RING + RIGHT_EYE_RING)] = 3.0
    weight[list(LEFT_IRIS + RIGHT_IRIS)] = 0.4  # a closing lid drags them down
    return weight[:, None] * np.array([1.0, 1.0, 0.25])


def solve_weights(displacement: np.ndarray, rig: FaceRig) -> np.ndarray:
    """Blendshape weights (T, 51) in 0..1 for displacements (T, 478, 3) of consecutive frames in the rig's space."""
    weight = point_weights()
    basis = (rig.basis * weight).reshape(len(BLENDSHAPES), -1).astype(np.float64)
    gram = basis @ basis.T + RIDGE * np.eye(len(basis))
    price = np.where([n.startswith(RARE) for n in BLENDSHAPES], RARE_SPARSE, SPARSE)
    target = (displacement * weight).reshape(len(displacement), -1) @ basis.T - price
    step = 1.0 / (np.linalg.eigvalsh(gram)[-1] + 4.0 * SMOOTH)
    found = ahead = np.zeros((len(displacement), len(basis)))
    momentum = 1.0
    for _ in range(ITERATIONS):
        change = np.diff(ahead, axis=0)
        pull = np.pad(change, ((0, 1), (0, 0))) - np.pad(change, ((1, 0), (0, 0)))
        new = np.clip(ahead - step * (ahead @ gram - target - SMOOTH * pull), 0.0, 1.0)
        following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        ahead = new + (momentum - 1.0) / following * (new - found)
        found, momentum = new, following
    return found


def track_motion(
    found: Iterable[np.ndarray | None], fps: float, folder: Path, most_seconds: float, rig: FaceRig | None = None
) -> StoredArray:
    """Motion (T, 57) of landmarks that come frame by frame, as :func:`weights_from_landmarks`, in constant memory.

    Args:
        found: (478, 3) landmarks in pixels; None where the face is not seen.
        fps: their rate, frames a second.
        folder: where landmarks and motion lie in files.
        most_seconds: as many are taken at most.
        rig: the packaged one by default.

    Raises:
        ValueError: no face, or a rate that is not positive.
    """
    rig = rig or FaceRig.load()
    most = round(most_seconds * FPS) + 1
    kept = StoredArray((most, 478, 3), folder)  # takes no room before it is written
    gaps: list[np.ndarray] = []
    openings: list[np.ndarray] = []
    for points in islice(at_rate(found, fps), most):
        kept[len(gaps) : len(gaps) + 1] = points[None]
        gaps.append(lip_gap(points))
        openings.append(eye_opening(points * PICTURE_TO_RIG))
    still = np.flatnonzero(_at_rest(np.array(gaps), np.array(openings)))
    some = still[np.linspace(0, len(still) - 1, min(len(still), _REST_FRAMES)).round().astype(int)]
    shown = np.concatenate([kept[int(t) : int(t) + 1] for t in some]).astype(np.float64) * PICTURE_TO_RIG
    rest = _own_rest(shown, np.ones(len(shown), bool)) * PICTURE_TO_RIG
    motion = StoredArray((len(gaps), N_CHANNELS), folder)
    for block, window, inner in blocks(len(gaps), _BLOCK, _REACH):
        motion[block] = weights_from_landmarks(kept[window], rest, rig)[inner]
    return motion


def at_rate(found: Iterable[np.ndarray | None], fps: float) -> Iterator[np.ndarray]:
    """Landmarks (478, 3) float64 at 25 frames/s of those in frames of another rate, linear in between and over gaps.

    Before the first and after the last ones they are held.

    Raises:
        ValueError: none at all, or a rate that is not positive.
    """
    if not fps > 0:
        raise ValueError(f"A video needs a positive frame rate; this one has {fps}.")
    known: tuple[int, np.ndarray] | None = None
    made, n_frames = 0, 0
    for n_frames, points in enumerate(found, 1):
        if points is None:
            continue
        at, here = n_frames - 1, points.astype(np.float64)
        before, there = known or (at, here)
        while (place := made * fps / FPS) <= at:
            share = (place - before) / (at - before) if at > before and place > before else float(at == before)
            yield (1 - share) * there + share * here
            made += 1
        known = at, here
    if known is None:
        raise ValueError(f"No face was found in any of the video's {n_frames} frames.")
    while made < max(round(n_frames / fps * FPS), 1):
        yield known[1]
        made += 1
