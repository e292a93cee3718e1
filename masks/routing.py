"""Routing weights from masks: how much of each video token belongs to each character.

A video token has a footprint, the pixels and frames it stands for: a character's face in one frame, or a patch of a
video backbone's latent grid. Its routing weight is the share of the footprint that each character's mask covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from masks.landmarks import FaceLandmarks
from masks.regions import CharacterMask, fill
from masks.topology import FACE_OVAL


class TokenGeometry(Protocol):
    """Positions of the video tokens in the picture."""

    @property
    def n_frames(self) -> int:
        """Video frames T that the tokens span."""

    @property
    def picture_size(self) -> tuple[int, int]:
        """Height and width in pixels, which the masks must have."""

    @property
    def moves(self) -> bool:
        """Whether footprints differ from frame to frame."""

    def shares(self, frame: int, weights: np.ndarray) -> np.ndarray:
        """(K, F) mean of (K, H, W) pixel weights over each of the F footprints in one frame."""

    def arrange(self, shares: np.ndarray) -> np.ndarray:
        """(K, N) shares of the tokens from (K, T, F) shares of all frames."""


@dataclass(frozen=True)
class FaceTokens:
    """One token a character and frame, its footprint the character's face; token ``k * n_frames + t``.

    Attributes:
        footprints: (K, H, W), or (K, T, H, W) when the faces move, float32 weights >= 0.
        n_frames: video frames T.

    Raises:
        ValueError: wrong shape, negative weights, or a face without any weight.
    """

    footprints: np.ndarray
    n_frames: int

    def __post_init__(self) -> None:
        shape = self.footprints.shape
        if len(shape) not in (3, 4) or (len(shape) == 4 and shape[1] != self.n_frames):
            raise ValueError(
                f"Face footprints have shape {shape}; expected (K, H, W) or (K, {self.n_frames} frames, H, W)."
            )
        if not np.isfinite(self.footprints).all() or (self.footprints < 0).any():
            raise ValueError("Face footprints must be finite and not negative.")
        empty = np.argwhere(self.footprints.sum((-2, -1)) <= 0)
        if len(empty):
            raise ValueError(f"The face footprint of character {empty[0][0] + 1} is empty: its face lies outside.")

    @property
    def picture_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.footprints.shape[-2], self.footprints.shape[-1]

    @property
    def moves(self) -> bool:
        """See :class:`TokenGeometry`."""
        return self.footprints.ndim == 4

    def shares(self, frame: int, weights: np.ndarray) -> np.ndarray:
        """See :class:`TokenGeometry`."""
        faces = (self.footprints[:, frame] if self.moves else self.footprints).reshape(len(self.footprints), -1)
        return weights.reshape(len(weights), faces.shape[1]) @ (faces / faces.sum(1, keepdims=True)).T

    def arrange(self, shares: np.ndarray) -> np.ndarray:
        """See :class:`TokenGeometry`."""
        return shares.transpose(0, 2, 1).reshape(len(shares), shares.shape[1] * shares.shape[2])


@dataclass(frozen=True)
class PatchTokens:
    """Patches of a latent video: token ``(step * rows + row) * columns + column``.

    Attributes:
        picture_size: height and width of the video in pixels; patches at the right and lower edge may be cut.
        patch: height and width of a patch in pixels.
        frames: video frames that each latent step stands for, e.g. ``(1, 4, 4)`` for a causal video codec.

    Raises:
        ValueError: a size or a number of frames below one.
    """

    picture_size: tuple[int, int]
    patch: tuple[int, int]
    frames: tuple[int, ...]

    def __post_init__(self) -> None:
        if min((*self.picture_size, *self.patch, *self.frames), default=0) < 1 or not self.frames:
            raise ValueError(
                f"Patches of {self.patch} pixels and {self.frames} frames over {self.picture_size} pixels: every number"
                " must be at least 1."
            )

    @property
    def n_frames(self) -> int:
        """Video frames in all."""
        return sum(self.frames)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Latent steps, rows and columns."""
        rows, columns = (-(-side // patch) for side, patch in zip(self.picture_size, self.patch, strict=True))
        return len(self.frames), rows, columns

    @property
    def moves(self) -> bool:
        """See :class:`TokenGeometry`."""
        return False

    def shares(self, frame: int, weights: np.ndarray) -> np.ndarray:
        """See :class:`TokenGeometry`."""
        _, rows, columns = self.grid
        by_row = np.add.reduceat(weights, np.arange(rows) * self.patch[0], axis=1, dtype=np.float64)
        by_patch = np.add.reduceat(by_row, np.arange(columns) * self.patch[1], axis=2)
        heights, widths = (np.full(n, side) for n, side in zip((rows, columns), self.patch, strict=True))
        heights[-1] = self.picture_size[0] - (rows - 1) * self.patch[0]
        widths[-1] = self.picture_size[1] - (columns - 1) * self.patch[1]
        return (by_patch / np.outer(heights, widths)).reshape(len(weights), rows * columns)

    def arrange(self, shares: np.ndarray) -> np.ndarray:
        """See :class:`TokenGeometry`."""
        starts = np.cumsum((0, *self.frames[:-1]))
        by_step = np.add.reduceat(shares, starts, axis=1) / np.array(self.frames)[:, None]
        return by_step.reshape(len(shares), by_step.shape[1] * by_step.shape[2])


def face_footprint(face: FaceLandmarks, size: tuple[int, int]) -> np.ndarray:
    """(H, W) float32 footprint of a face in a picture of ``size`` (height, width): 1 inside the mesh's outline."""
    return fill(face.points[list(FACE_OVAL), :2], size)


def routing_weights(masks: Sequence[CharacterMask], geometry: TokenGeometry) -> np.ndarray:
    """Routing weights R: how much of each video token belongs to each character.

    Where masks overlap, a pixel is divided between its owners in proportion, so a token half in each of two masks, or
    wholly in both, gets 0.5 of each, and no token gets more than 1 in all.

    Args:
        masks: K characters' masks, still or moving, of the geometry's picture size.
        geometry: the N tokens' footprints.

    Returns:
        (K, N) float32 in [0, 1], sum over K at most 1; row i is ``masks[i]``, so the cast's order only permutes rows.

    Raises:
        ValueError: a mask of another size or length than the geometry (names the character).
    """
    height, width = geometry.picture_size
    for mask in masks:
        if mask.size != (height, width):
            raise ValueError(
                f"{mask.name}'s mask has {mask.size[1]} x {mask.size[0]} pixels and the video {width} x {height};"
                " make it over this picture."
            )
        if mask.mask.ndim == 3 and mask.n_frames != geometry.n_frames:
            raise ValueError(
                f"{mask.name}'s mask moves over {mask.n_frames} frames and the video has {geometry.n_frames};"
                " give it one frame for each of the video's."
            )
    moving = any(mask.mask.ndim == 3 for mask in masks)
    seen = [
        geometry.shares(frame, _divided(masks, frame, geometry.picture_size))
        for frame in (range(geometry.n_frames) if moving or geometry.moves else [0])
    ]
    by_frame = np.stack(seen, axis=1)
    routing = geometry.arrange(np.broadcast_to(by_frame, (len(masks), geometry.n_frames, by_frame.shape[2])))
    return (routing / np.maximum(routing.sum(0), 1.0)).astype(np.float32)  # at most 1 after rounding too


def _divided(masks: Sequence[CharacterMask], frame: int, size: tuple[int, int]) -> np.ndarray:
    """(K, H, W) masks of one frame with every pixel divided between its owners."""
    owned = np.stack([mask.frame(frame) for mask in masks]) if masks else np.zeros((0, *size), np.float32)
    return owned / np.maximum(owned.sum(0), 1.0)
