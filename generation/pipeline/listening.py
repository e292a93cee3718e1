"""Listener conditioning: the loudest other speaker and its direction, and the others' motion, for each face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from generation.pipeline.conditioning import LatentState
from generation.pipeline.face_routing import FaceRouting

_SILENT = -1e30
"""Level of a voice without a line, below any that speaks and above those that are not heard."""


@dataclass(frozen=True)
class Listeners:
    """Who can hear whom, for R rows of the motion stream, V voices and T frames.

    Attributes:
        others: (1, R, V, T) bool, voices that do not drive the row's face.
        voice_sides: (1, V, T) where each voice comes from, -1 (left) .. 1 (right): the face that it drives.
        row_sides: (1, R, 1) where each row's face is.
    """

    others: Tensor
    voice_sides: Tensor
    row_sides: Tensor

    @classmethod
    def of(cls, rows: FaceRouting, sides: Sequence[float], device: torch.device) -> Listeners:
        """For a routing, and where each of the cast sits in the picture."""
        own = np.array([*sides[: rows.n_visible], *(sides[voice] for voice in rows.unseen)], np.float32)
        driven = rows.voices_of_faces()
        count = driven.sum(0)
        mean = (driven * own[:, None, None]).sum(0) / np.maximum(count, 1)
        places = np.where(count > 0, mean, np.array(sides, np.float32)[:, None]).astype(np.float32)
        tensors = (~driven[rows.faces], places, own[rows.faces][:, None])
        return cls(*(torch.from_numpy(t)[None].to(device) for t in tensors))

    def loudest(self, audio: Tensor, line_numbers: Tensor) -> Tensor:
        """Listener conditioning: (1, V or more, T, 400) audio, (1, V or more, T) line numbers -> (1, R, T, 402).

        Channels: the sound of the loudest of the other voices, 1, and its side seen from the face; where nobody else
        has a line silence from nowhere, and where there is no other voice at all zeros.
        """
        n_voices = self.voice_sides.shape[1]
        audio, line_numbers = audio[:, :n_voices], line_numbers[:, :n_voices]
        level = audio.mean(-1).masked_fill(line_numbers == 0, _SILENT)
        loudest = level[:, None].masked_fill(~self.others, -torch.inf).argmax(2)
        sound = audio.gather(1, loudest[..., None].expand(-1, -1, -1, audio.shape[-1]))
        speaks = line_numbers.gather(1, loudest) > 0
        side = (self.voice_sides.gather(1, loudest) - self.row_sides).clamp(-1, 1) * speaks
        heard = torch.cat((sound, torch.ones_like(side)[..., None], side[..., None]), -1)
        return heard * self.others.any(2)[..., None]


def seen_motion(rows: FaceRouting, motion: LatentState) -> dict[str, Tensor]:
    """What the faces of a scene see of each other, by the names of :class:`generation.models.joint_inputs.JointInputs`.

    Every face sees the K visible ones but itself; an unseen face sees nobody.

    Args:
        rows: routing, R rows.
        motion: state of the motion stream, (1, K and unseen, T, 57).

    Returns:
        ``seen`` (1, K, T, 58) and ``sees`` (1, R, K).
    """
    visible = np.arange(rows.n_visible)
    sees = (rows.faces[:, None] != visible) & (rows.faces[:, None] < rows.n_visible)
    seen = torch.cat((motion.blended, motion.given[..., None]), -1)[:, : rows.n_visible]
    return {"seen": seen, "sees": torch.from_numpy(sees)[None].to(seen)}
