"""What each person of a scene hears while all of them are being generated."""

from __future__ import annotations

import torch
from torch import Tensor


def heard(audio: Tensor, sides: Tensor, segments: Tensor) -> Tensor:
    """What each of at least two people hears: (1, K, T, 400) audio, (1, K) sides, (1, K, T) lines -> (1, K, T, 402).

    In each frame the loudest of the others who have a line there and where it comes from, else silence from nowhere.
    """
    n_cast = audio.shape[1]
    level = audio.mean(-1).masked_fill(segments == 0, -torch.inf)
    rows = []
    for k in range(n_cast):
        others = [i for i in range(n_cast) if i != k]
        loudest = level[:, others].argmax(1, keepdim=True)
        sound = audio[:, others].gather(1, loudest[..., None].expand(-1, -1, -1, audio.shape[-1]))
        speaks = segments[:, others].gather(1, loudest) > 0
        side = (sides[:, others] - sides[:, k : k + 1]).clamp(-1, 1)[..., None].expand(-1, -1, audio.shape[2])
        side = side.gather(1, loudest) * speaks
        rows.append(torch.cat((sound, torch.ones_like(side)[..., None], side[..., None]), -1))
    return torch.cat(rows, 1)
