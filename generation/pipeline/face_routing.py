"""Routing of voices to faces for the network: which voice each row of the motion stream speaks with, frame by frame.

Faces do not see each other, so a face with several voices at a time is several rows with the same noisy motion, one a
voice; their predictions are mixed by the routing weights at every step. Voices that drive no face keep an unseen one,
as the network has been trained with a face for every voice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from generation.core.performance import CastMember

LEAST_SHARE = 0.05
"""Routing weight below which a mask's soft border touches a face, not a voice."""


@dataclass(frozen=True)
class FaceRouting:
    """Rows of the motion stream: K faces first come from R rows, unseen faces count on from K.

    Attributes:
        faces: (R,) face of each row; K and more are unseen.
        drivers: (R, T) int64 voice that each row speaks with; V = the silent voice.
        shares: (R, T) float32 in [0, 1], how much of its voice's sound reaches a row.
        weights: (R, T) float32, share of a row in its face's prediction; they sum to 1 over the rows of a face.
        partners: (V + 1, T) int64 row whose motion each voice's audio attends to; the last is the silent voice's.
        unseen: voice of each unseen face.
        n_visible: K.
        n_voices: V.
    """

    faces: np.ndarray
    drivers: np.ndarray
    shares: np.ndarray
    weights: np.ndarray
    partners: np.ndarray
    unseen: tuple[int, ...]
    n_visible: int
    n_voices: int

    @property
    def n_faces(self) -> int:
        """K and the unseen faces."""
        return self.n_visible + len(self.unseen)

    @property
    def plain(self) -> bool:
        """Whether every face speaks with the voice of its own number, so that nothing has to be gathered."""
        own = np.arange(self.n_voices)
        alike = len(self.faces) == self.n_voices == self.n_faces
        return alike and bool((self.faces == own).all() and (self.drivers == own[:, None]).all())

    @property
    def silence(self) -> bool:
        """Whether any row speaks with the silent voice."""
        return bool((self.drivers == self.n_voices).any())

    def owners(self, cast: Sequence[CastMember]) -> list[CastMember]:
        """Whose each face is, (K and unseen): an unseen one belongs to the voice that needs it."""
        return [*cast[: self.n_visible], *(cast[voice] for voice in self.unseen)]

    def members(self, cast: Sequence[CastMember]) -> tuple[list[CastMember], list[CastMember]]:
        """Whose adapters act on each voice of the audio stream, and on each row of the motion stream."""
        owners = self.owners(cast)
        silent = [CastMember("", np.zeros_like(cast[0].voice))] * self.silence
        return [*cast, *silent], [owners[face] for face in self.faces]

    def driven_faces(self, voice: int, start: int, stop: int) -> list[int]:
        """Faces that a voice drives anywhere in the frames from ``start`` to ``stop``."""
        mine = (self.drivers[:, start:stop] == voice).any(1)
        return sorted({int(face) for face in self.faces[mine]})

    def conditions(self, voices: np.ndarray) -> np.ndarray:
        """Speaker embedding of each row's voice, (R, 1 or T, C), from those of the voices (V, C).

        A row without a voice has that of its face's owner; it changes in time only where a row has several voices.
        """
        driving = [np.unique(drivers[drivers < self.n_voices]) for drivers in self.drivers]
        own = [int(face) if face < self.n_visible else self.unseen[face - self.n_visible] for face in self.faces]
        if all(len(of_row) <= 1 for of_row in driving):
            steady = [int(of_row[0]) if len(of_row) else k for of_row, k in zip(driving, own, strict=True)]
            return voices[steady][:, None]
        moving = np.where(self.drivers < self.n_voices, self.drivers, np.array(own)[:, None])
        return voices[moving]

    def of_faces(self, x: Tensor) -> Tensor:
        """(B, faces, T, ...) -> (B, R, T, ...): what each row has of its face."""
        return x if self._one_row_a_face else x[:, torch.from_numpy(self.faces).to(x.device)]

    def to_faces(self, x: Tensor) -> Tensor:
        """(B, R, T, C) predictions of the rows -> (B, faces, T, C), mixed by their weights."""
        if self._one_row_a_face:
            return x
        weights = torch.from_numpy(self.weights).to(x)[None, ..., None]
        index = torch.from_numpy(self.faces).to(x.device)
        return x.new_zeros(x.shape[0], self.n_faces, *x.shape[2:]).index_add(1, index, weights * x)

    def mixed_by_face(self, of_voices: np.ndarray) -> np.ndarray:
        """(V, T) of the voices -> (K, T) of the visible faces, by the weights of their rows; 0 without a voice."""
        padded = np.concatenate((of_voices, np.zeros_like(of_voices[:1])))
        by_row = self.weights * padded[self.drivers, np.arange(padded.shape[1])]
        mixed = np.zeros((self.n_faces, padded.shape[1]), of_voices.dtype)
        np.add.at(mixed, self.faces, by_row)
        return mixed[: self.n_visible]

    def voices_of_faces(self) -> np.ndarray:
        """(faces, V, T) bool: which voices drive each face in each frame."""
        driven = np.zeros((self.n_faces, self.n_voices + 1, self.drivers.shape[1]), bool)
        frames = np.arange(self.drivers.shape[1])
        for face, drivers in zip(self.faces, self.drivers, strict=True):
            driven[face, drivers, frames] = True
        return driven[:, : self.n_voices]

    def window(self, frames: slice) -> FaceRouting:
        """Some of its frames."""
        parts = {name: getattr(self, name)[:, frames] for name in ("drivers", "shares", "weights", "partners")}
        return replace(self, **parts)

    @property
    def _one_row_a_face(self) -> bool:
        return len(self.faces) == self.n_faces


def route(weights: np.ndarray, speaking: np.ndarray) -> FaceRouting:
    """Rows of the motion stream for routing weights.

    Args:
        weights: (V, K, T) float32 in [0, 1], how much voice i drives face j in frame t; at most 1 over the voices.
        speaking: (V, T) bool, frames in which a voice has a line: only then an undriven face of its own is needed.

    Raises:
        ValueError: weights below 0, or that sum to more than 1.
    """
    if weights.min(initial=0.0) < 0 or weights.sum(0).max(initial=0.0) > 1 + 1e-4:
        raise ValueError("Routing weights must be 0 or more and sum to at most 1 over the voices.")
    n_voices, n_faces, n_frames = weights.shape
    rows = [row for face in range(n_faces) for row in _rows_of_face(weights[:, face], face, n_voices)]
    driven = np.zeros((n_voices, n_frames), bool)
    for _, drivers, _, _ in rows:
        for voice in range(n_voices):
            driven[voice] |= drivers == voice
    unseen = tuple(int(voice) for voice in np.flatnonzero((speaking & ~driven).any(1)))
    for number, voice in enumerate(unseen, n_faces):
        alone = np.where(driven[voice], n_voices, voice)
        rows.append((number, alone, np.ones(n_frames, np.float32), np.ones(n_frames, np.float32)))
    faces, drivers, shares, mixed = (np.array(column) for column in zip(*rows, strict=True))
    return FaceRouting(faces, drivers, shares, mixed, _partners(drivers, n_voices), unseen, n_faces, n_voices)


def _rows_of_face(
    weights: np.ndarray, face: int, silent: int
) -> Sequence[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """(face, drivers (T,), shares (T,), weights (T,)) of each row of one face, from its voices' weights (V, T)."""
    kept = np.where(weights >= LEAST_SHARE, weights, 0).astype(np.float32)
    total, several = kept.sum(0), (kept > 0).sum(0) > 1
    reached = np.where(total > 0, np.minimum(total, 1), 1).astype(np.float32)
    if not several.any():
        driver = np.where(total > 0, kept.argmax(0), silent)
        return [(face, driver, reached, np.ones_like(reached))]
    voices = np.flatnonzero((kept > 0).any(1))
    rows = []
    for number, voice in enumerate(voices):
        driver = np.where(kept[voice] > 0, voice, silent)
        idle = float(number == 0)  # where nobody drives the face, its first row stands for it
        rows.append((face, driver, reached, np.where(total > 0, kept[voice] / np.maximum(total, 1e-6), idle)))
    return [(f, d, s, w.astype(np.float32)) for f, d, s, w in rows]


def _partners(drivers: np.ndarray, n_voices: int) -> np.ndarray:
    """(V + 1, T) first row that each voice drives in each frame; where it drives none, its first ever."""
    partners = np.zeros((n_voices + 1, drivers.shape[1]), np.int64)
    for voice in range(n_voices + 1):
        mine = drivers == voice
        rows = np.flatnonzero(mine.any(1))
        fallback = rows[0] if len(rows) else min(voice, len(drivers) - 1)
        partners[voice] = np.where(mine.any(0), mine.argmax(0), fallback)
    return partners
