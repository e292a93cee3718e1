"""Face rig: 478-point mean face, displacement per ARKit blendshape weight, and pose in a picture.

Space of the rig: x right, y up, z towards the viewer, origin between the eyes, unit = distance between the eyes'
centres (midpoints of each eye's two corners). Pictures: x right, y down, z away from the viewer (MediaPipe's).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from generation.core.assets import asset
from generation.core.motion import BLENDSHAPES
from generation.motion.rig_basis import (
    CONTACT_FOLLOW,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    LID_FOLLOW,
    LOWER_LIP,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    UPPER_LIP,
)
from masks.topology import LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS

STABLE_POINTS = np.array(
    [10, 338, 297, 332, 284, 251, 389, 356, 454, 109, 67, 103, 54, 21, 162, 127, 234]
    + [168, 6, 197, 195, 5, 4, 1, 33, 133, 362, 263]
)
"""Forehead, temples, nose's ridge and eye corners: facial motion hardly moves them."""
PICTURE_TO_RIG = np.array([1.0, -1.0, -1.0])


def eye_centres(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Midpoints (..., 3) of the corners of the right and of the left eye of points (..., 478, 3)."""
    right, left = points[..., RIGHT_EYE_CORNERS, :], points[..., LEFT_EYE_CORNERS, :]
    return right.mean(-2), left.mean(-2)


def align_similarity(points: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least-squares similarities that lay each set of points (T, N, 3) on the target (N, 3) or (T, N, 3).

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991.

    Returns:
        Scale (T,), rotation (T, 3, 3), shift (T, 3): ``scale * rotation @ point + shift`` is near the target.
    """
    centre, goal = points.mean(1), target.mean(-2)
    loose, fixed = points - centre[:, None], target - np.expand_dims(goal, -2)
    u, singular, vt = np.linalg.svd(np.swapaxes(loose, 1, 2) @ fixed)
    sign = np.ones_like(singular)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = np.swapaxes(u * sign[:, None] @ vt, 1, 2)
    scale = (singular * sign).sum(1) / (loose**2).sum((1, 2))
    return scale, rotation, goal - scale[:, None] * np.einsum("tij,tj->ti", rotation, centre)


@dataclass(frozen=True)
class Pose:
    """Pose of a head in a picture, in weak perspective.

    Attributes:
        scale: pixels per inter-ocular distance of the rig.
        rotation: (3, 3) from the rig's axes to camera axes (x right, y up, z to the viewer).
        translation: (3,) place of the rig's origin in camera axes, in pixels (x right, y up, z to the viewer).
    """

    scale: float
    rotation: np.ndarray
    translation: np.ndarray

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) of the rig's space in picture coordinates (x right, y down, z away), pixels."""
        return (self.scale * points @ self.rotation.T + self.translation) * PICTURE_TO_RIG

    def displacement_to_picture(self, displacement: np.ndarray) -> np.ndarray:
        """Displacements (..., 3) of the rig's space as displacements in the picture, pixels."""
        return self.scale * displacement @ self.rotation.T * PICTURE_TO_RIG


@dataclass(frozen=True)
class FaceRig:
    """Linear face rig.

    Attributes:
        mean: (478, 3) float32 canonical face at rest: lips closed, eyes open.
        basis: (51, 478, 3) float32 displacement at weight 1 of each of :data:`generation.core.motion.BLENDSHAPES`.
        triangles: (F, 3) int32 counter-clockwise (seen by the viewer, y up) triangles of the skin, eyes included,
            the mouth's opening left out; irises (468-477) belong to none.
        mouth_interior: (M, 3) int32 triangles that fill the mouth's opening.
        eye_interior: (E, 3) int32 those of ``triangles`` that fill the eyes' openings.
        mirror: (478,) int32 index of each point's mirror image.
    """

    mean: np.ndarray
    basis: np.ndarray
    triangles: np.ndarray
    mouth_interior: np.ndarray
    eye_interior: np.ndarray
    mirror: np.ndarray

    @classmethod
    def load(cls, path: Path | None = None) -> FaceRig:
        """The rig in a safetensors file, or the packaged one.

        Raises:
            ValueError: the file is not a rig of 51 channels over 478 points.
        """
        return _packaged() if path is None else _read(path)

    def displace(self, weights: np.ndarray) -> np.ndarray:
        """Displacement (T, 478, 3) of the canonical face for weights (T, 51); lips and lids never pass each other.

        The basis is linear; where weights together would push a lower lip or lid through its upper one, both edges
        meet half-way and their neighbours follow.
        """
        weights = np.asarray(weights, np.float32)
        if weights.shape[-1] != len(BLENDSHAPES):
            raise ValueError(f"A face has {len(BLENDSHAPES)} blendshape weights; these have {weights.shape[-1]}.")
        moved = np.tensordot(weights, self.basis, axes=1)
        self._keep_apart(moved, UPPER_LIP, LOWER_LIP, CONTACT_FOLLOW)
        self._keep_apart(moved, LEFT_UPPER_LID, LEFT_LOWER_LID, LID_FOLLOW)
        self._keep_apart(moved, RIGHT_UPPER_LID, RIGHT_LOWER_LID, LID_FOLLOW)
        return moved

    def _keep_apart(
        self,
        moved: np.ndarray,
        upper: tuple[tuple[int, ...], ...],
        lower: tuple[tuple[int, ...], ...],
        follow: tuple[float, ...],
    ) -> None:
        top, bottom = list(upper[0]), list(lower[0])
        gap = (self.mean[top, 1] + moved[..., top, 1]) - (self.mean[bottom, 1] + moved[..., bottom, 1])
        overlap = np.maximum(-gap, 0.0)
        for above, below, share in zip(upper, lower, follow, strict=True):
            moved[..., list(above), 1] += 0.5 * share * overlap
            moved[..., list(below), 1] -= 0.5 * share * overlap

    def fit_pose(self, points: np.ndarray, weights: np.ndarray | None = None) -> Pose:
        """Pose of the face whose landmarks in the picture are (478, 3), pixels; weights (51,) shape the face first."""
        face = self.mean if weights is None else self.mean + np.tensordot(weights, self.basis, axes=1)
        camera = np.asarray(points, np.float64) * PICTURE_TO_RIG
        scale, rotation, shift = align_similarity(face[None, STABLE_POINTS].astype(np.float64), camera[STABLE_POINTS])
        return Pose(float(scale[0]), rotation[0], shift[0])


@cache
def _packaged() -> FaceRig:
    return _read(asset("rig.safetensors"))


def _read(path: Path) -> FaceRig:
    tensors = load_file(path)
    n_channels = len(BLENDSHAPES)
    if "basis" not in tensors or tensors["basis"].shape != (n_channels, 478, 3):
        raise ValueError(
            f"{path.name} is not a face rig of {n_channels} channels over 478 points; run the rig training again."
        )
    return FaceRig(
        mean=tensors["mean"].astype(np.float32),
        basis=tensors["basis"].astype(np.float32),
        triangles=tensors["triangles"],
        mouth_interior=tensors["mouth_interior"],
        eye_interior=tensors["eye_interior"],
        mirror=tensors["mirror"],
    )
