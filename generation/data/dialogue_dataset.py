"""Training batches of a joint model whose faces see each other: a partner who is heard, a bystander, and reactions."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from generation.core.motion import N_CHANNELS
from generation.data.joint_dataset import Batch, Heard, JointDataset
from generation.motion.gaze import Cues
from generation.motion.gestures import gestures
from generation.motion.reactions import reactions

_UNSEEN, _BYSTANDER = 0.25, 0.5
"""Chance that a face which is there is not seen, and that there is a bystander."""


@dataclass
class DialogueBatch(Batch):
    """A training batch, K = 1, with the motion of F = 2 others, standardised.

    ``motion`` is without reactions: they are learnt apart, as the sampler adds them.

    Attributes:
        seen: (B, 1, F, T, 57) motion of the partner, who is heard, and of a bystander, who is silent.
        sees: (B, 1, F) 1 = seen.
        reaction: (B, 1, T, 57) what the sight of them adds to ``motion``, in units of its spread.
    """

    seen: Tensor
    sees: Tensor
    reaction: Tensor

    def joined(self, other: Batch) -> DialogueBatch:
        """The examples of both; in those of a plain batch nobody is seen."""
        joined = {}
        for f in fields(self):
            mine = getattr(self, f.name)
            none = mine.new_zeros(len(other.audio), *mine.shape[1:])
            joined[f.name] = torch.cat((mine, getattr(other, f.name, none)))
        return DialogueBatch(**joined)


class DialogueDataset(JointDataset):
    """Crops of the corpus in which a face sees who is heard and, half of the time, a bystander who is silent.

    Each of them is unseen with a chance of 25 %; who is not seen, or does not speak, is not reacted to.
    """

    batch_type = DialogueBatch

    def _seen(self, heard: Heard, spoken: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        n = self.n_frames
        seen, there = np.zeros((2, n, N_CHANNELS), np.float32), np.zeros(2, np.float32)
        reaction = np.zeros((n, N_CHANNELS), np.float32)
        none = np.zeros(n, np.float32)
        if heard.utterance is not None:
            there[0] = rng.random() >= _UNSEEN
            mel = self.features.mel_of(heard.utterance)
            cut = slice(0, heard.span.stop - heard.span.start)
            away = np.full(n, -heard.side[heard.span.start])
            seen[0] = self._motion(heard.utterance, cut, mel, heard.span, spoken, away, rng)
            values = self.normalizer.motion_values(seen[0])
            reaction = there[0] * reactions(values, heard.level, spoken, int(rng.integers(2**31)))
        if rng.random() < _BYSTANDER:
            there[1] = rng.random() >= _UNSEEN
            around = Cues(none, none, np.maximum(heard.level, spoken), np.full(n, rng.uniform(-1, 1), np.float32))
            seen[1] = self.normalizer.motion(gestures(around, int(rng.integers(2**31))))
        return {"seen": seen, "sees": there, "reaction": (reaction / self.normalizer.motion_std).astype(np.float32)}
