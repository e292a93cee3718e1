"""Fits the face rig (mean face and blendshape basis) to tracked video of people speaking.

Landmarks of every frame are brought into one pose-free space (a 3-D similarity fitted to points that facial motion
leaves in place, i.e. weak perspective; Umeyama 1991), and their displacement from the talker's own rest is regressed
on the blendshape weights above that talker's resting level::

    minimise  sum_t |d_t - w_t B|^2  +  sum_c ridge_c |B_c - P_c|^2

P is the hand-made field of :mod:`generation.motion.rig_basis`: mouth and jaw are learned, as far as the recordings
exercise
them (ridge_c is the same for all of them, so a smile, hardly ever seen, stays near P). Brows, lids, cheeks and gaze
are P itself: in read sentences their scores follow the head's pose and each other, and a regression ties the chin to
the lids and one eye to the other. Every frame also counts as its own mirror image with Left and Right swapped, so the
basis is symmetric.

ARKit's meaning of weight 1 is kept where the tracker's scores differ from it: on these small faces a shut eye scores
about 0.75, so blinks are stretched to reach 1; ``eyeBlink`` = 1 shuts the lids exactly; ``mouthClose`` takes back
exactly what ``jawOpen`` opens; irises move with ``eyeLook*`` only.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.optimize import linear_sum_assignment
from scipy.spatial import Delaunay
from scipy.spatial.distance import cdist

from generation.core.motion import BLENDSHAPES, INDEX, MOUTH
from generation.motion.rig import STABLE_POINTS, align_similarity, eye_centres
from generation.motion.rig_basis import (
    CONTACT_FOLLOW,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    LIPS,
    LOWER_LIP,
    RIGHT_IRIS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    UPPER_LIP,
    PriorFields,
    close_lips,
    mirror_channels,
    mirror_field,
    prior_basis,
    spread_to_skin,
)
from generation.motion.tracking import at_rest
from masks.topology import LEFT_EYE, LIPS_INNER, RIGHT_EYE

logger = logging.getLogger(__name__)

TRAINING_CLIPS = tuple(f"grid_s1_{k:02d}" for k in range(6))
OTHER_TALKERS = "grid_multi"
"""Other faces: they shape the canonical face only, so that they stay a test of the basis."""
RIDGE = 20.0
RIDGE_FIXED = 1e6
LEARNED = tuple(n for n in MOUTH if n != "mouthClose")
"""Channels that the recordings shape; the others keep their prior."""
LOWER_FACE = (-0.75, -0.25)
"""Below the first height (inter-ocular units) the learned field holds, above the second the prior."""
ON_CLOSED_LIPS = ("mouthRoll", "mouthPress", "mouthShrug", "mouthSmile", "mouthFrown", "mouthDimple")
"""Channels that never part closed lips."""
SHUT_SCORE = 0.75
"""MediaPipe's eyeBlink score of a shut eye in these recordings: lids' distance over score reaches its floor there."""


@dataclass(frozen=True)
class Tracked:
    """Pose-free frames: displacement (T, 478, 3) from each talker's rest, weights (T, 51) above the resting level."""

    displacement: np.ndarray
    weights: np.ndarray


def read_clip(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One clip's points (T, 478, 3) in pixels (x right, y up, z to the viewer), weights (T, 51), segment starts.

    Raises:
        ValueError: the clip lacks the full 478 points.
    """
    with np.load(folder / f"{name}.npz") as clip:
        if len(clip["lm_idx"]) != 478:
            raise ValueError(f"{name} holds {len(clip['lm_idx'])} landmarks; the rig is fitted to clips with all 478.")
        steps = np.cumsum(clip["lm_dq"].astype(np.int32), axis=0).transpose(0, 2, 1)
        width, height = clip["image_size"]
        points = steps * float(clip["lm_scale"]) * np.array([width, -height, -width], float)
        names = [str(n) for n in clip["blendshape_names"]]
        weights = clip["blendshapes"].astype(np.float64)[:, [names.index(n) for n in BLENDSHAPES]]
        keep = clip["detected"]
        starts = clip["seg_start"]
        if not keep.all():
            starts = np.concatenate([[0], np.cumsum(keep)])[starts]
        return points[keep], weights[keep], starts


def pose_free(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Every frame (T, 478, 3) laid on the reference (478, 3) by a similarity of the stable points."""
    scale, rotation, shift = align_similarity(points[:, STABLE_POINTS], reference[STABLE_POINTS])
    return scale[:, None, None] * points @ rotation.transpose(0, 2, 1) + shift[:, None]


def mirror_map(shape: np.ndarray) -> np.ndarray:
    """(478,) index of each point's mirror image: shape and reflection matched until nothing moves."""
    flipped = shape * np.array([-1.0, 1.0, 1.0])
    for _ in range(20):
        _, match = linear_sum_assignment(cdist(shape, flipped))
        scale, rotation, shift = (a[0] for a in align_similarity(flipped[None, match], shape))
        moved = scale * flipped @ rotation.T + shift
        if np.abs(moved - flipped).max() < 1e-6:
            break
        flipped = moved
    if not np.array_equal(match[match], np.arange(len(match))):
        raise ValueError("The mean face has no left-right symmetry: check the clips it was made of.")
    return match


def symmetric_face(shape: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The shape made equal to its mirror image, standing upright, between the eyes, in inter-ocular units."""
    flipped = (shape * np.array([-1.0, 1.0, 1.0]))[mirror]
    scale, rotation, shift = (a[0] for a in align_similarity(flipped[None], shape))
    mean = 0.5 * (shape + scale * flipped @ rotation.T + shift)
    # Differences of mirrored points all run along the normal of the plane of symmetry: make it the x axis.
    across = mean - mean[mirror]
    normal = (across * np.sign(across[:, :1])).sum(0)
    normal /= np.linalg.norm(normal)
    up = np.array([0.0, 1.0, 0.0]) - normal[1] * normal
    up /= np.linalg.norm(up)
    mean = mean @ np.stack([normal, up, np.cross(normal, up)]).T
    right, left = eye_centres(mean[None])
    mean = (mean - 0.5 * (right + left)) / np.linalg.norm(left - right)
    return 0.5 * (mean + mirror_field(mean, mirror))


def canonical_face(rests: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean face (478, 3) at rest of several people and its mirror map, by generalised Procrustes analysis."""
    stack = np.stack(rests)
    mean = stack[0]
    for _ in range(5):
        scale, rotation, shift = align_similarity(stack, mean)
        mean = (scale[:, None, None] * stack @ rotation.transpose(0, 2, 1) + shift[:, None]).mean(0)
        right, left = eye_centres(mean[None])
        mean = (mean - 0.5 * (right + left)) / np.linalg.norm(left - right)
    mirror = mirror_map(mean)
    mean = symmetric_face(mean, mirror)
    return close_rest_lips(mean), mirror


def close_rest_lips(mean: np.ndarray) -> np.ndarray:
    """Lips of the canonical face just touch: the slit that averaging leaves is closed."""
    mean = mean.copy()
    upper, lower = list(UPPER_LIP[0]), list(LOWER_LIP[0])
    mean[upper] = mean[lower] = 0.5 * (mean[upper] + mean[lower])
    return mean


def track_clip(points: np.ndarray, weights: np.ndarray, mean: np.ndarray) -> Tracked:
    """Displacement from rest and weights above rest of one talker's frames."""
    still = at_rest(points)
    laid = pose_free(points, mean)
    raised = weights - np.median(weights[still], axis=0)
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        k = INDEX[name]
        raised[:, k] /= SHUT_SCORE - np.median(weights[still, k])
    return Tracked(laid - laid[still].mean(0), raised)


def shut_lids(basis: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """``eyeBlink`` columns scaled so that the lids' edges meet at weight 1 (columns: see ``rig_prior``)."""
    basis = basis.copy()
    for name, upper, lower in (
        ("eyeBlinkLeft", LEFT_UPPER_LID[0], LEFT_LOWER_LID[0]),
        ("eyeBlinkRight", RIGHT_UPPER_LID[0], RIGHT_LOWER_LID[0]),
    ):
        k, up, low = INDEX[name], list(upper), list(lower)
        left_over = (mean[up] + basis[k, up] - mean[low] - basis[k, low])[:, 1]
        basis[k, up, 1] -= left_over
    return basis


def keep_lips_closed(basis: np.ndarray) -> np.ndarray:
    """Takes out of the channels ``ON_CLOSED_LIPS`` what little opening of the lips the regression gave them."""
    basis = basis.copy()
    channels = [k for k, name in enumerate(BLENDSHAPES) if name.startswith(ON_CLOSED_LIPS)]
    up, low = np.ix_(channels, UPPER_LIP[0], [1]), np.ix_(channels, LOWER_LIP[0], [1])
    opening = np.maximum(basis[up] - basis[low], 0.0)
    for upper, lower, follow in zip(UPPER_LIP, LOWER_LIP, CONTACT_FOLLOW, strict=True):
        basis[np.ix_(channels, upper, [1])] -= 0.5 * follow * opening
        basis[np.ix_(channels, lower, [1])] += 0.5 * follow * opening
    return basis


def fit_basis(tracked: Tracked, mean: np.ndarray, mirror: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Ridge regression of the lower face on mouth and jaw towards the prior; returns the basis (51, 478, 3) float64."""
    prior = shut_lids(prior_basis(mean, mirror, triangles), mean)
    swap = mirror_channels()
    weights = np.concatenate([tracked.weights, tracked.weights[:, swap]])
    moved = np.concatenate([tracked.displacement, mirror_field(tracked.displacement, mirror)])
    learns = np.array([n in LEARNED for n in BLENDSHAPES])
    ridge = np.where(learns, RIDGE, RIDGE_FIXED)
    gram, target = weights.T @ weights + np.diag(ridge), weights.T @ moved.reshape(len(moved), -1)
    lower_face = np.clip((LOWER_FACE[1] - mean[:, 1]) / (LOWER_FACE[1] - LOWER_FACE[0]), 0.0, 1.0)[:, None]
    close, jaw = INDEX["mouthClose"], INDEX["jawOpen"]
    for _ in range(3):  # mouthClose depends on the learned jawOpen, which depends on what is left beside mouthClose
        right = target + ridge[:, None] * prior.reshape(len(prior), -1)
        learned = np.linalg.solve(gram, right).reshape(prior.shape)
        basis = prior + learns[:, None, None] * lower_face * (learned - prior)
        basis[close] = prior[close] = spread_to_skin(close_lips(basis[jaw]), triangles, mirror)
    return keep_lips_closed(basis)


def triangulate(mean: np.ndarray) -> dict[str, np.ndarray]:
    """Triangles (F, 3) of the frontal projection without irises: the skin, the mouth's opening and the eyes' openings.

    The mouth is opened before triangulation, otherwise its closed slit has no area.
    """
    n_skin = min(RIGHT_IRIS)
    shape = (mean + 0.5 * PriorFields(mean).jaw_open())[:n_skin]
    triangles = Delaunay(shape[:, :2]).simplices
    flat = shape[triangles][..., :2]
    edges = flat[:, 1:] - flat[:, :1]
    clockwise = edges[:, 0, 0] * edges[:, 1, 1] < edges[:, 0, 1] * edges[:, 1, 0]
    triangles[clockwise] = triangles[clockwise][:, ::-1]
    in_mouth = np.isin(triangles, LIPS_INNER).all(1)
    in_eye = np.isin(triangles, LEFT_EYE).all(1) | np.isin(triangles, RIGHT_EYE).all(1)
    return {
        "triangles": triangles[~in_mouth].astype(np.int32),
        "mouth_interior": triangles[in_mouth].astype(np.int32),
        "eye_interior": triangles[in_eye].astype(np.int32),
    }


def fit_rig(shared: Path, out: Path) -> None:
    """Fits the rig to ``shared/motion`` and writes it to the file ``out`` (safetensors, see :class:`FaceRig`)."""
    folder = shared / "motion"
    clips = [read_clip(folder, name) for name in TRAINING_CLIPS]
    points, _, starts = read_clip(folder, OTHER_TALKERS)
    others = [points[a:b] for a, b in zip(starts[:-1], starts[1:], strict=True)]
    talker = np.concatenate([p for p, _, _ in clips])
    rests = []
    for person in (talker, *others):
        first = person[0] / np.linalg.norm(np.subtract(*eye_centres(person[:1])))
        rests.append(pose_free(person[at_rest(person)], first).mean(0))
    mean, mirror = canonical_face(rests)
    parts = [track_clip(p, w, mean) for p, w, _ in clips]
    tracked = Tracked(np.concatenate([p.displacement for p in parts]), np.concatenate([p.weights for p in parts]))
    mesh = triangulate(mean)
    basis = fit_basis(tracked, mean, mirror, mesh["triangles"])
    explained = explained_variance(basis, tracked)
    logger.info("Rig fitted to %d frames; explained variance %s", len(tracked.weights), explained)
    tensors = {"mean": mean.astype(np.float32), "basis": basis.astype(np.float16), "mirror": mirror.astype(np.int32)}
    tensors |= mesh
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, out)


def explained_variance(basis: np.ndarray, tracked: Tracked) -> dict[str, float]:
    """Share of the displacement's variance (about zero, the rest) that basis x weights explains: overall, lips' y."""
    error = tracked.displacement - np.tensordot(tracked.weights, basis, axes=1)
    skin = np.arange(min(RIGHT_IRIS))

    def share(pick: np.ndarray | list[int], axes: list[int]) -> float:
        rows = np.ix_(range(len(error)), pick, axes)
        return 1.0 - float(np.var(error[rows], axis=0).sum() / np.var(tracked.displacement[rows], axis=0).sum())

    return {
        "all": share(skin, [0, 1, 2]),
        "all_in_picture": share(skin, [0, 1]),
        "lips_vertical": share(list(LIPS), [1]),
    }
